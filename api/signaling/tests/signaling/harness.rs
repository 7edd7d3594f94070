//! A platform in memory: a log, read models that are always up to date, and devices that speak.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use wac_commands::presence::{ChangePresence, PresenceChanges, RegisterDevice};
use wac_commands::session::OpenSession;
use wac_commands::{
    Command, CommandHandler, Context, CreateDomain, CreateUser, Executed, Fact, IssueToken, Limits, Rejection, World,
    name_key,
};
use wac_events::session::SessionContext;
use wac_events::*;
use wac_projections::{MemTables, Projection, Row, Rows, Select};
use wac_signaling::{CaughtUp, Follower, Notice, Peer, Received, RowsCalls, Settings, Signaling};
use wac_store::{StoreOptions, Stores};

pub(crate) const BASE: &str = "base";
pub(crate) const OTHER: &str = "other";

/// A clock that is set, and numbers that only look random.
pub(crate) struct TestEnv {
    micros: AtomicI64,
    seed: AtomicU64,
}

impl Environment for TestEnv {
    fn now(&self) -> Time {
        Time::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let next = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let bytes = (mixed ^ (mixed >> 27)).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// Read models that look at the log before they answer.
pub(crate) struct Model {
    log: Arc<dyn EventLog>,
    projections: Vec<Arc<dyn Projection>>,
    built: Mutex<(MemTables, Position)>,
    /// They learn nothing more.
    pub(crate) frozen: AtomicBool,
}

impl Model {
    async fn build(&self) -> Result<(), StoreError> {
        if self.frozen.load(Ordering::SeqCst) {
            return Ok(());
        }
        let after = self.built.lock().unwrap().1;
        let request = ReadRequest { after, before: None, filter: EventFilter::default(), limit: READ_EVENTS_MAX };
        let page = self.log.read(request).await?;
        let mut built = self.built.lock().unwrap();
        let projections: Vec<&dyn Projection> = self.projections.iter().map(|one| &**one).collect();
        for event in page.events.iter().filter(|event| event.position > after) {
            built.0.apply_event(&projections, event).unwrap();
            built.1 = event.position;
        }
        Ok(())
    }
}

impl Rows for Model {
    fn select(&self, select: Select) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        async move {
            self.build().await?;
            Ok(self.built.lock().unwrap().0.select(&select))
        }
        .boxed()
    }

    fn position<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Position, StoreError>> {
        async move {
            self.build().await?;
            Ok(self.built.lock().unwrap().1)
        }
        .boxed()
    }
}

impl CaughtUp for Model {
    fn caught_up<'a>(&'a self, _: &'a [&'static str], _: Position) -> BoxFuture<'a, Result<(), StoreError>> {
        self.build().boxed()
    }
}

/// Facts as they are, for what no command of this binary makes yet.
pub(crate) struct Told(pub(crate) Vec<(StreamId, &'static str, AnyEvent)>);

impl Command for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        self.0.iter().map(|(stream, ..)| stream.clone()).collect()
    }

    fn decide(&self, _: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        let fact = |(stream, domain, event): &(StreamId, &'static str, AnyEvent)| {
            Fact::of(&(*domain).into(), stream.clone(), event.clone())
        };
        Ok(self.0.iter().map(fact).collect())
    }
}

/// The platform.
pub(crate) struct Platform {
    pub(crate) env: Arc<TestEnv>,
    pub(crate) stores: Stores,
    pub(crate) handler: CommandHandler,
    pub(crate) signaling: Signaling,
    pub(crate) model: Arc<Model>,
    pub(crate) requests: AtomicU64,
}

impl Platform {
    /// Two domains; alice, bob, carol and an administrator in the first, dave in the other.
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let env = Arc::new(TestEnv { micros: AtomicI64::new(1_700_000_000_000_000), seed: AtomicU64::new(1) });
        let options = StoreOptions { environment: env.clone(), ..StoreOptions::new(MasterKey::new([7; 32])) };
        let stores = wac_store::open("memory:", options).await.unwrap();
        let handler = CommandHandler::new(stores.log.clone(), stores.keys.clone(), env.clone(), Limits::default());
        let built = Mutex::new((MemTables::default(), Position::START));
        let model = Arc::new(Model {
            log: stores.log.clone(),
            projections: wac_projections::all(),
            built,
            frozen: AtomicBool::new(false),
        });
        let calls = Arc::new(RowsCalls::new(model.clone(), model.clone(), env.clone()));
        let signaling = Signaling::new(handler.clone(), calls, model.clone(), Arc::new(settings));
        let platform = Self { env, stores, handler, signaling, model, requests: AtomicU64::new(0) };
        platform.start().await;
        platform
    }

    async fn start(&self) {
        self.run(&domain(BASE, "quobis", None)).await;
        self.run(&domain(OTHER, "other.example", Some(BASE))).await;
        for (name, home) in [("alice", BASE), ("bob", BASE), ("carol", BASE), ("root", BASE), ("dave", OTHER)] {
            self.user(name, home, &[]).await;
        }
        let started = node::NodeStarted { id: "n1".into(), name: "n1".to_owned(), at: self.env.now() };
        self.run(&Told(vec![(NodeId::from("n1").stream(), BASE, NodeEvent::from(started).into())])).await;
    }

    pub(crate) async fn user(&self, name: &str, home: &str, capabilities: &[&str]) {
        let home = DomainId::from(home);
        self.run(&CreateUser {
            id: name.into(),
            name_key: name_key(&*self.stores.keys, &home, name).unwrap(),
            domain: home,
            username: name.to_owned(),
            role: role(name),
            email: None,
            mobile_phones: Vec::new(),
            land_line_number: None,
            alias: format!("alias-{name}"),
            display_name: Some(format!("The one called {name}")),
            capabilities: capabilities.iter().map(|one| (*one).to_owned()).collect(),
        })
        .await;
    }

    /// A group with these members, the first of whom owns it.
    pub(crate) async fn group(&self, id: &str, members: &[&str]) {
        let at = self.env.now();
        let (group, owner) = (GroupId::from(id), UserId::from(members[0]));
        let created = group::GroupCreated { id: group.clone(), domain: BASE.into(), name: id.to_owned(), owner, at };
        let mut facts: Vec<(StreamId, &'static str, AnyEvent)> =
            vec![(group.stream(), BASE, GroupEvent::from(created).into())];
        for member in &members[1..] {
            let joined = group::GroupUserJoined { user: (*member).into(), at };
            facts.push((group.stream(), BASE, GroupEvent::from(joined).into()));
        }
        self.run(&Told(facts)).await;
    }

    pub(crate) fn ctx(&self) -> Context {
        Context::new(self.env.now(), Actor::System("test".to_owned()), CommandId(self.env.new_uuid()))
    }

    pub(crate) async fn run(&self, command: &dyn Command) -> Executed {
        self.handler.execute(command, self.ctx()).await.unwrap_or_else(|error| panic!("{}: {error}", command.name()))
    }

    /// A device of a user, with a session and a signaling socket.
    pub(crate) async fn device(&self, user: &str, session: &str) -> Peer {
        let peer = self.session(user, session).await;
        self.register(&peer, true).await;
        peer
    }

    /// A session's socket registers it as a device.
    pub(crate) async fn register(&self, peer: &Peer, ringable: bool) {
        let command = RegisterDevice { device: peer.device(), node: "n1".into(), ringable, resumed: false };
        self.run(&command).await;
    }

    /// Whoever acts on a session.
    pub(crate) fn peer(&self, user: &str, session: &str) -> Peer {
        let domain = home(user).into();
        Peer { user: user.into(), session: session.into(), domain, role: role(user), node: "n1".into() }
    }

    /// A session without a socket.
    pub(crate) async fn session(&self, user: &str, session: &str) -> Peer {
        let (domain, later) = (home(user), self.env.now().plus(Duration::from_secs(86_400)));
        self.run(&IssueToken {
            id: session.into(),
            grant: GrantKind::Implicit,
            user: Some(user.into()),
            client: None,
            domain: domain.into(),
            role: role(user),
            proof: None,
            access_hash: self.hash(),
            access_expires_at: later,
            refresh_hash: None,
            refresh_expires_at: None,
            session: Some(OpenSession { context: SessionContext::default(), expires_at: later }),
        })
        .await;
        self.peer(user, session)
    }

    fn hash(&self) -> String {
        let mut bytes = [0u8; 32];
        self.env.fill(&mut bytes);
        hex(&bytes)
    }

    pub(crate) async fn presence(&self, user: &str, activity: Activity) {
        let changes = PresenceChanges { activity: Some(activity), ..PresenceChanges::default() };
        self.run(&ChangePresence { user: user.into(), changes }).await;
    }

    pub(crate) fn wait(&self, time: Duration) {
        self.env.micros.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// One request with an id of its own.
    pub(crate) async fn ask(&self, peer: &Peer, request: &str, payload: Value) -> Value {
        let id = format!("r{}", self.requests.fetch_add(1, Ordering::SeqCst));
        self.ask_as(peer, &id, request, payload).await
    }

    pub(crate) async fn ask_as(&self, peer: &Peer, id: &str, request: &str, payload: Value) -> Value {
        let frame = json!({ "request": request, "requestID": id, "payload": payload }).to_string();
        let received = self.signaling.receive(peer, &frame).await;
        let Received::Answer { text, position } = received else { panic!("malformed: {frame}") };
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["answer"], request);
        assert_eq!(answer["requestID"], id);
        assert_eq!(answer["position"].as_u64(), position.map(|position| position.0));
        answer
    }

    /// A request that is accepted.
    pub(crate) async fn done(&self, peer: &Peer, request: &str, payload: Value) -> Value {
        let answer = self.ask(peer, request, payload).await;
        assert!(answer.get("errorCode").is_none(), "{request}: {answer}");
        answer
    }

    /// A request that is refused: error code and code.
    pub(crate) async fn refused(&self, peer: &Peer, request: &str, payload: Value) -> (u64, String) {
        let answer = self.ask(peer, request, payload).await;
        let code = answer["errorCode"].as_u64().unwrap_or_else(|| panic!("{request} is accepted: {answer}"));
        (code, answer["error"]["code"].as_str().unwrap().to_owned())
    }

    /// A room in which `peer` sits.
    pub(crate) async fn room(&self, peer: &Peer) -> String {
        text(&self.done(peer, "createRoom", json!({})).await["id"])
    }

    /// A call: the caller's room, and who was called in it too.
    pub(crate) async fn call(&self, from: &Peer, to: &Peer) -> String {
        let room = self.room(from).await;
        let invite = self.invite(from, &room, to.user.as_str()).await;
        self.done(to, "accept", json!({ "inviteId": invite })).await;
        room
    }

    pub(crate) async fn invite(&self, from: &Peer, room: &str, to: &str) -> String {
        text(&self.done(from, "invite", json!({ "to": to, "roomId": room })).await["inviteId"])
    }

    pub(crate) async fn head(&self) -> Position {
        self.stores.log.head().await.unwrap().position
    }

    pub(crate) async fn log(&self) -> Vec<Recorded> {
        let request = ReadRequest {
            after: Position::START,
            before: None,
            filter: EventFilter::default(),
            limit: READ_EVENTS_MAX,
        };
        self.stores.log.read(request).await.unwrap().events
    }

    /// Everything that is told after a position.
    pub(crate) async fn told(&self, after: Position) -> Vec<Notice> {
        let mut follower = Follower::new(self.handler.clone()).with_media(self.signaling.media().clone());
        let mut told = Vec::new();
        for event in self.log().await {
            let notices = follower.follow(&event).await.unwrap();
            if event.position > after {
                told.extend(notices);
            }
        }
        told
    }

    /// The names of what a device is told after a position, over the signaling socket.
    pub(crate) async fn heard(&self, peer: &Peer, after: Position) -> Vec<String> {
        self.frames(peer, after).await.iter().map(|frame| text(&frame["payload"]["eventName"])).collect()
    }

    /// The frames a device is sent after a position, over the signaling socket.
    pub(crate) async fn frames(&self, peer: &Peer, after: Position) -> Vec<Value> {
        let told = self.told(after).await.into_iter();
        let own = told.filter(|notice| !notice.is_push() && notice.to.reaches(&peer.user, &peer.session));
        own.map(|notice| serde_json::from_str(&notice.text(&peer.domain)).unwrap()).collect()
    }
}

/// No device is told twice of one event.
pub(crate) fn assert_told_once(told: &[Notice], devices: &[Peer]) {
    for peer in devices {
        let mut seen: BTreeMap<Position, BTreeSet<bool>> = BTreeMap::new();
        for notice in told.iter().filter(|notice| notice.to.reaches(&peer.user, &peer.session)) {
            let fresh = seen.entry(notice.position).or_default().insert(notice.is_push());
            assert!(fresh, "{} is told twice of {}", peer.session, notice.position);
        }
    }
}

fn role(name: &str) -> Role {
    if name == "root" { Role::Admin } else { Role::User }
}

fn home(user: &str) -> &'static str {
    if user == "dave" { OTHER } else { BASE }
}

fn domain(id: &str, name: &str, parent: Option<&str>) -> CreateDomain {
    CreateDomain {
        id: id.into(),
        name: name.to_owned(),
        parent: parent.map(DomainId::from),
        origins: Vec::new(),
        enable_anonymous: false,
        anonymous_expiration_ms: 0,
        anonymous_capabilities: Vec::new(),
        services: None,
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
