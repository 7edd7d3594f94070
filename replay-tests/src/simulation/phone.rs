//! A device: logs in, connects, asks, listens, dies, and comes back, on whatever node there is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wac_commands::session::{CloseSession, OpenSession};
use wac_commands::{Device, IssueToken};
use wac_events::session::{SessionContext, SessionEnd};
use wac_events::{Actor, DomainId, Environment, GrantKind, Position, Role, SessionId, hex};

use super::cluster::{Cluster, Phase};
use super::conversation::{Entrant, Up};
use super::dice::Dice;
use super::link::{Close, Down, Receiver, Sender};
use super::nodes::Nodes;
use super::process::Process;
use super::records::{Chain, Records};
use super::view::View;

/// How long a device does nothing at most.
pub(super) const PAUSE_MS: u64 = 1_500;
/// How long it takes a node at most to notice that a device has died.
const NOTICED_MS: u64 = 5_000;

/// A device.
pub(crate) struct Phone {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) nodes: Nodes,
    pub(crate) records: Records,
    pub(crate) dice: Dice,
    pub(crate) user: &'static str,
    pub(crate) domain: &'static str,
    pub(crate) number: usize,
    /// Requests without an answer, oldest first.
    pub(super) unanswered: Vec<Waiting>,
    pub(super) requests: u64,
    /// How many of them it had made when it last began anew.
    pub(super) forgotten: u64,
}

/// A request without an answer.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) payload: Value,
    /// It was sent before, too: what is answered may have happened a while ago.
    pub(super) again: bool,
    /// It was answered that it may succeed later, so often.
    pub(super) put_off: usize,
    /// It is to be sent again.
    pub(super) due: bool,
}

/// A socket as its device sees it.
pub(super) struct Line {
    pub(super) up: Sender<Up>,
    pub(super) down: Receiver<Down>,
    /// Positions must not fall.
    pub(super) position: Position,
}

/// How a socket ended.
pub(super) enum Ended {
    Session,
    Lost,
    Died,
    Gone,
}

impl Phone {
    /// A device that has not done anything yet.
    pub(crate) fn new(
        (cluster, nodes, records): (Arc<Cluster>, Nodes, Records),
        dice: Dice,
        (user, domain): (&'static str, &'static str),
        number: usize,
    ) -> Self {
        Self { cluster, nodes, records, dice, user, domain, number, unanswered: Vec::new(), requests: 0, forgotten: 0 }
    }

    pub(super) fn tell(&self, what: impl std::fmt::Display) {
        self.cluster.tale.tell(format!("{}/{}", self.user, self.number), what);
    }

    pub(super) fn complain(&self, what: String) {
        self.records.written().complaints.push(format!("{}/{}: {what}", self.user, self.number));
    }

    async fn pause(&self, most_ms: u64) {
        self.cluster.executor.sleep(self.dice.millis(1, most_ms)).await;
    }

    fn begin_anew(&mut self) {
        self.unanswered.clear();
        self.forgotten = self.requests;
    }

    /// Where a log-in ends the user's others, it would never be calm.
    fn goes_on(&self) -> bool {
        match self.cluster.phase() {
            Phase::Lively => true,
            Phase::Calm => !self.cluster.managers.exclusive_login,
            Phase::Leaving => false,
        }
    }

    /// Lives until everybody leaves.
    pub(crate) async fn live(mut self) {
        while self.goes_on() {
            self.pause(PAUSE_MS).await;
            let Some(process) = self.nodes.pick(&self.dice) else { continue };
            if let Some(device) = self.log_in(&process).await {
                self.begin_anew();
                self.use_session(device).await;
            }
        }
    }

    /// A new session; `None`: the node could not say whether there is one.
    async fn log_in(&self, process: &Arc<Process>) -> Option<Device> {
        let clock = &self.cluster.clock;
        let mut random = [0; 32];
        clock.fill(&mut random);
        let id = format!("{}-{}-{}", self.user, self.number, &hex(&random)[..6]);
        let short = self.cluster.trouble() && self.dice.chance(100);
        let lasts = if short { self.dice.millis(2_000, 15_000) } else { Duration::from_secs(3_600) };
        let expires_at = clock.now().plus(lasts);
        let issue = IssueToken {
            id: id.as_str().into(),
            grant: GrantKind::Implicit,
            user: Some(self.user.into()),
            client: None,
            domain: self.domain.into(),
            role: Role::User,
            proof: None,
            access_hash: hex(&random),
            access_expires_at: expires_at,
            refresh_hash: None,
            refresh_expires_at: None,
            session: Some(OpenSession { context: SessionContext::default(), expires_at }),
        };
        let asked = process.run(process.execute(Actor::System("log-in".to_owned()), &issue));
        asked.await?.ok()?;
        self.tell(format!("logs in on {} as {id}", process.name));
        Some(Device { user: self.user.into(), session: SessionId::from(id) })
    }

    async fn use_session(&mut self, device: Device) {
        let mut chain: Option<usize> = None;
        let mut first = true;
        loop {
            let Some(process) = self.nodes.pick(&self.dice) else {
                self.pause(500).await;
                continue;
            };
            let resume = chain.map(|chain| self.records.with(chain, |chain| chain.upto));
            let mut line = self.connect(&process, &device, resume);
            let ended = match self.greet(&mut line, &device, resume.is_some(), first).await {
                Ok(fresh) => {
                    let number = *chain.get_or_insert(fresh.unwrap_or_default());
                    first = false;
                    let ended = self.talk(&mut line, number, &device).await;
                    self.records.with(number, |chain| chain.connected = false);
                    ended
                }
                Err(ended) => ended,
            };
            self.end(line, &ended);
            match ended {
                Ended::Session | Ended::Gone => return,
                Ended::Lost => self.pause(1_000).await,
                Ended::Died => self.pause(6_000).await,
            }
            if self.cluster.trouble() && self.dice.chance(100) {
                self.tell("forgets what it knew");
                chain = None;
                self.begin_anew();
            }
        }
    }

    fn connect(&self, process: &Arc<Process>, device: &Device, resume: Option<Position>) -> Line {
        self.tell(format!("connects to {} from {resume:?}", process.name));
        let (up, heard) = super::link::one_way(&self.cluster.executor, &self.dice);
        let (said, down) = super::link::one_way(&self.cluster.executor, &self.dice);
        let entrant = Entrant { device: device.clone(), domain: DomainId::from(self.domain), role: Role::User, resume };
        process.spawn(super::conversation::serve(process.clone(), entrant, heard, said));
        Line { up, down, position: Position::START }
    }

    /// The first frame. A new chain, if this is not the continuation of one.
    async fn greet(
        &self,
        line: &mut Line,
        device: &Device,
        resumes: bool,
        first: bool,
    ) -> Result<Option<usize>, Ended> {
        let hello = match line.down.receive().await {
            Some(Down::Frame(text)) => serde_json::from_str::<Value>(&text).expect("frames are JSON"),
            Some(Down::Close(Close::SessionEnded)) => return Err(Ended::Session),
            Some(Down::Close(Close::TooFarBack)) => {
                self.complain("a position this device was told is none".to_owned());
                return Err(Ended::Lost);
            }
            Some(Down::Close(Close::Restart)) | None => return Err(Ended::Lost),
        };
        let position = Position(hello["position"].as_u64().unwrap_or_default());
        line.position = position;
        if resumes {
            return Ok(None);
        }
        let chain = Chain {
            device: device.clone(),
            domain: DomainId::from(self.domain),
            from: position,
            upto: position,
            told: Vec::new(),
            view: View::new(self.user),
            connected: true,
            first,
        };
        Ok(Some(self.records.begin(chain)))
    }

    pub(super) async fn log_out(&self, device: &Device) -> Option<Ended> {
        let process = self.nodes.pick(&self.dice)?;
        self.tell(format!("logs out on {}", process.name));
        let close = CloseSession { id: device.session.clone(), reason: SessionEnd::Logout };
        let done = process.run(process.execute(super::conversation::actor(device), &close)).await;
        if done.is_some_and(|done| done.is_ok()) { Some(Ended::Session) } else { None }
    }

    /// Goes for good, in one way or another.
    pub(super) async fn leave(&mut self, line: &mut Line, chain: usize, device: &Device) -> Option<Ended> {
        match self.dice.below(4) {
            0 => {}
            1 => line.up.send(Up::Goodbye),
            2 => return self.log_out(device).await,
            _ => {
                let rooms: BTreeMap<_, _> = self.records.with(chain, |chain| chain.view.rooms.clone());
                if !rooms.is_empty() && self.unanswered.is_empty() {
                    for room in rooms.keys() {
                        self.request(line, "leaveRoom", json!({ "roomId": room }));
                    }
                }
                return None;
            }
        }
        self.tell("goes");
        Some(Ended::Gone)
    }

    /// A device that dies leaves its node to find out.
    fn end(&self, line: Line, ended: &Ended) {
        if matches!(ended, Ended::Died | Ended::Gone) {
            self.tell("has no socket any more");
            let (executor, noticed) = (self.cluster.executor.clone(), self.dice.millis(0, NOTICED_MS));
            self.cluster.executor.spawn(async move {
                executor.sleep(noticed).await;
                drop(line.up);
            });
        }
    }
}
