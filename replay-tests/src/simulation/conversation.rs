//! The life of one socket on its node: greeting, registration, what was missed, then requests one
//! after the other and notices as they come. The conversation of `wac-api`, in small.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wac_commands::Device;
use wac_events::presence::DeviceEnd;
use wac_events::{Actor, DomainId, Position, Role};
use wac_signaling::{Missed, Peer, Received};

use super::device_life;
use super::hub::Socket;
use super::link::{Close, Down, Receiver, Sender};
use super::process::Process;

/// How long an answer waits until the node has seen what it tells of.
const TAIL_PATIENCE: Duration = Duration::from_secs(5);
/// How long notices wait for the answer of a request.
const HOLD_BACK_MAX: Duration = Duration::from_secs(2);

/// Who comes in, and from where he goes on.
pub(crate) struct Entrant {
    pub(crate) device: Device,
    pub(crate) domain: DomainId,
    pub(crate) role: Role,
    pub(crate) resume: Option<Position>,
}

/// What a device tells a node.
pub(crate) enum Up {
    /// A frame.
    Frame(String),
    /// It says goodbye.
    Goodbye,
}

struct Conversation {
    process: Arc<Process>,
    socket: Arc<Socket>,
    role: Role,
    up: Receiver<Up>,
    down: Sender<Down>,
    /// The greatest position sent.
    sent: Position,
}

/// Why it ended.
enum End {
    Close(Close),
    Goodbye,
    Cut,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// Serves one socket from its beginning to its end.
pub(crate) async fn serve(process: Arc<Process>, entrant: Entrant, up: Receiver<Up>, down: Sender<Down>) {
    let (socket, attached) = process.hub.attach(&entrant.device, &entrant.domain);
    let mut conversation = Conversation {
        process: process.clone(),
        socket: socket.clone(),
        role: entrant.role,
        up,
        down,
        sent: Position::START,
    };
    let end = match conversation.open(entrant.resume, attached).await {
        Ok(()) => conversation.talk().await,
        Err(close) => {
            // What was missed comes first, or nothing.
            socket.skip_all();
            End::Close(close)
        }
    };
    if let End::Close(close) = end {
        conversation.say_waiting(None);
        conversation.down.send(Down::Close(close));
    }
    let Some(cut) = process.hub.detach(&socket) else { return };
    let reason = match end {
        End::Close(Close::SessionEnded) => {
            process.hub.give_up(&cut);
            return;
        }
        End::Goodbye => DeviceEnd::Closed,
        End::Close(_) | End::Cut => DeviceEnd::Lost,
    };
    if process.closing.is_cancelled() {
        process.hub.give_up(&cut);
    } else {
        process.spawn(device_life::wait_and_remove(process.clone(), cut, reason));
    }
}

impl Conversation {
    async fn open(&mut self, resume: Option<Position>, attached: Position) -> Result<(), Close> {
        let missed = match resume {
            Some(after) => Some(self.look_back(after, attached).await?),
            None => None,
        };
        let position = match resume {
            Some(after) => after,
            None => self.process.handler.log().head().await.map_err(|_| Close::Restart)?.position.max(attached),
        };
        self.socket.skip_to(position);
        let hello = json!({ "eventName": "hello", "payload": { "position": position, "resumed": resume.is_some() } });
        self.say(position, json!({ "type": "event", "position": position, "payload": hello }).to_string());
        device_life::register(&self.process, &self.socket.device, resume.is_some()).await?;
        for (position, text) in missed.into_iter().flatten() {
            self.say(position, text);
        }
        Ok(())
    }

    /// What was missed from `after` to `until`: from memory, or else from the log.
    async fn look_back(&self, after: Position, until: Position) -> Result<Vec<(Position, String)>, Close> {
        if after > until {
            let head = self.process.handler.log().head().await.map_err(|_| Close::Restart)?;
            self.note(format!("was ahead at {after} of {until}"));
            return if after <= head.position { Ok(Vec::new()) } else { Err(Close::TooFarBack) };
        }
        if let Some(missed) = self.process.hub.missed(&self.socket, after, until) {
            self.note(format!("missed {} from {after} to {until}, by memory", missed.len()));
            return Ok(missed);
        }
        let Device { user, session } = self.socket.device.clone();
        let mut missed = Missed::new(self.process.handler.clone(), user, session, after, until);
        let mut messages = Vec::new();
        while let Some(notice) = missed.next().await.map_err(|_| Close::Restart)? {
            if !notice.is_push() {
                messages.push((notice.position, notice.text(&self.socket.domain)));
            }
        }
        self.note(format!("missed {} from {after} to {until}, by the log", messages.len()));
        Ok(messages)
    }

    fn note(&self, what: String) {
        self.process.cluster.tale.tell(self.process.name, format!("{} {what}", self.socket.device.session));
    }

    fn say(&mut self, position: Position, text: String) {
        self.sent = self.sent.max(position);
        self.down.send(Down::Frame(text));
    }

    fn say_waiting(&mut self, until: Option<Position>) {
        while let Some((position, text)) = self.socket.pop(until) {
            self.say(position, text);
        }
    }

    async fn talk(&mut self) -> End {
        loop {
            self.say_waiting(None);
            if let Some(close) = self.socket.closed() {
                return close.into();
            }
            let socket = self.socket.clone();
            let heard = tokio::select! {
                biased;
                () = socket.moved.notified() => continue,
                heard = self.up.receive() => heard,
            };
            match heard {
                Some(Up::Frame(text)) => {
                    if let Err(close) = self.answer(text).await {
                        return close.into();
                    }
                }
                Some(Up::Goodbye) => return End::Goodbye,
                None => return End::Cut,
            }
        }
    }

    async fn answer(&mut self, text: String) -> Result<(), Close> {
        let (process, device) = (self.process.clone(), self.socket.device.clone());
        let world = process.handler.load(&[device.session.stream()]).await.map_err(|_| Close::Restart)?;
        if !world.session(&device.session).is_open() {
            return Err(Close::SessionEnded);
        }
        let peer = Peer {
            user: device.user,
            session: device.session,
            domain: self.socket.domain.clone(),
            role: self.role,
            node: process.id(),
        };
        let executor = process.cluster.executor.clone();
        let answering = async {
            let received = process.signaling.receive(&peer, &text).await;
            match received {
                Received::Answer { text, position: Some(position) } => {
                    let seen = executor.within(TAIL_PATIENCE, process.hub.reached(position)).await;
                    if seen.is_some() { (text, Some(position)) } else { (at_position(text, None), None) }
                }
                Received::Answer { text, position: None } => (text, None),
                Received::Malformed { text } => panic!("a malformed frame: {text}"),
            }
        };
        let (text, position) = self.holding_back(answering).await?;
        let Some(position) = position else {
            self.say(self.sent, text);
            return Ok(());
        };
        self.say_waiting(Some(position));
        let text = if position < self.sent { at_position(text, Some(self.sent)) } else { text };
        self.say(position, text);
        Ok(())
    }

    /// Notices wait for the answer, but not for ever.
    async fn holding_back<T>(&mut self, answering: impl Future<Output = T>) -> Result<T, Close> {
        let mut answering = std::pin::pin!(answering);
        let executor = self.process.cluster.executor.clone();
        if let Some(answer) = executor.within(HOLD_BACK_MAX, answering.as_mut()).await {
            return Ok(answer);
        }
        loop {
            self.say_waiting(None);
            if let Some(close) = self.socket.closed() {
                return Err(close);
            }
            let socket = self.socket.clone();
            tokio::select! {
                biased;
                answer = &mut answering => return Ok(answer),
                () = socket.moved.notified() => {}
            }
        }
    }
}

/// The frame with another position.
fn at_position(text: String, position: Option<Position>) -> String {
    let Ok(Value::Object(mut frame)) = serde_json::from_str(&text) else { return text };
    match position {
        Some(position) => frame.insert("position".to_owned(), position.0.into()),
        None => frame.remove("position"),
    };
    Value::Object(frame).to_string()
}

/// Opens a session's first token; a command, as a log-in has it.
pub(crate) fn actor(device: &Device) -> Actor {
    Actor::User(device.user.to_string())
}
