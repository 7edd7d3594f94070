//! A platform in one process, and a client for it.

use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;
use wac_api::sockets::{HttpAssigner, SocketPorts};
use wac_api::{ApiConfig, Behind, Platform, Ports, Waiter};
use wac_commands::{
    Calls, Command, CommandHandler, Context, CreateCredential, CreateDomain, CreateUser, CredentialData, Limits,
};
use wac_events::{
    Actor, AppendBatch, AppendError, Appended, CommandId, CredentialKind, Environment, EventFilter, EventLog, Head,
    MasterKey, Page, Position, ReadRequest, Recorded, Role, StoreError, StreamId, Subscription, Time,
};
use wac_projections::{MemTables, Row, Rows, Select};
use wac_signaling::{CaughtUp, RowsCalls};
use wac_store::{StoreOptions, SystemEnvironment};

/// Read models in memory, kept up by a task that follows the log.
pub(crate) struct MemRows {
    tables: RwLock<(MemTables, Position)>,
    moved: watch::Sender<Position>,
    /// Holds the follower back, to test reads that are behind.
    pub(crate) held: watch::Sender<bool>,
}

impl MemRows {
    fn follow(log: Arc<dyn EventLog>) -> Arc<Self> {
        let rows = Arc::new(Self {
            tables: RwLock::default(),
            moved: watch::Sender::new(Position::START),
            held: watch::Sender::new(false),
        });
        let following = rows.clone();
        tokio::spawn(async move {
            let projections = wac_projections::all();
            let projections: Vec<_> = projections.iter().map(|projection| &**projection).collect();
            let mut subscription = Subscription::new(log, Position::START, EventFilter::default(), 1_000);
            let mut held = following.held.subscribe();
            loop {
                let page = subscription.next().await.expect("the store answers");
                held.wait_for(|held| !held).await.expect("the sender lives");
                let mut tables = following.tables.write().expect("nobody panicked");
                for event in &page.events {
                    tables.0.apply_event(&projections, event).expect("every event is known");
                }
                tables.1 = page.scanned_to;
                drop(tables);
                following.moved.send_replace(page.scanned_to);
            }
        });
        rows
    }
}

impl Rows for MemRows {
    fn select(&self, select: Select) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        let found = self.tables.read().expect("nobody panicked").0.select(&select);
        async move { Ok(found) }.boxed()
    }

    fn position<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Position, StoreError>> {
        let position = self.tables.read().expect("nobody panicked").1;
        async move { Ok(position) }.boxed()
    }
}

/// Waits for the follower.
struct MemWaiter(Arc<MemRows>);

impl Waiter for MemWaiter {
    fn wait_for<'a>(
        &'a self,
        _: &'a [&'static str],
        position: Position,
        patience: Duration,
    ) -> BoxFuture<'a, Result<(), Behind>> {
        async move {
            let mut moved = self.0.moved.subscribe();
            let reached = moved.wait_for(|reached| *reached >= position);
            let waited = tokio::time::timeout(patience, reached).await;
            waited.map(|_| ()).map_err(|_| Behind { wanted: position })
        }
        .boxed()
    }
}

/// Who is where, as the follower knows it.
fn calls(rows: Arc<MemRows>) -> Arc<dyn Calls> {
    Arc::new(RowsCalls::new(rows.clone(), Arc::new(MemWaiter(rows)), Arc::new(SystemEnvironment)))
}

impl CaughtUp for MemWaiter {
    fn caught_up<'a>(&'a self, tables: &'a [&'static str], seen: Position) -> BoxFuture<'a, Result<(), StoreError>> {
        let waiting = self.wait_for(tables, seen, Duration::from_secs(5));
        async move { waiting.await.map_err(|behind| StoreError::new("wait for a read model", behind)) }.boxed()
    }
}

/// A node on a log, following it.
fn node(handler: CommandHandler, rows: Arc<MemRows>, config: ApiConfig, name: &str) -> Platform {
    let (log, keys, env) = (handler.log().clone(), handler.keys().clone(), handler.environment().clone());
    let assigner = HttpAssigner::configured(&config.signaling.agents).expect("a test's assigner can be asked");
    let ports = Ports {
        handler,
        rows: rows.clone(),
        log,
        keys,
        env,
        waiter: Arc::new(MemWaiter(rows.clone())),
        health: Vec::new(),
        lag: None,
        appends: None,
        sockets: SocketPorts {
            calls: calls(rows),
            assigner,
            media: None,
            signs: None,
            node_name: name.to_owned(),
            enabled: true,
        },
    };
    let platform = Platform::new(ports, config);
    tokio::spawn(wac_api::follow_log(platform.clone()));
    platform
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().expect("it is text")
    }

    /// Where the list goes on: the target of `Link: <…>; rel="next"`.
    pub(crate) fn next(&self) -> Option<String> {
        let link = self.headers.get("link")?.to_str().expect("it is text");
        Some(link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?.to_owned())
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// The answer is a problem with this status and code.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let json = answer.json();
        assert_eq!(json["code"], code, "{answer:?}");
        assert_eq!(json["status"], status);
        assert_eq!(json["request_id"], answer.header("x-request-id"));
        answer
    }

    pub(crate) fn position(&self) -> u64 {
        self.header("x-wac-position").parse().expect("it is a position")
    }

    pub(crate) fn id(&self) -> String {
        self.json()["id"].as_str().expect("it has an id").to_owned()
    }
}

/// A log whose pages are held back for as long as one likes; streams and the head are not.
struct LaggingLog {
    log: Arc<dyn EventLog>,
    held: watch::Sender<bool>,
}

impl EventLog for LaggingLog {
    fn append(&self, batch: AppendBatch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.log.append(batch)
    }

    fn outcome(&self, command: CommandId) -> BoxFuture<'_, Result<Option<Appended>, StoreError>> {
        self.log.outcome(command)
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        let mut held = self.held.subscribe();
        async move {
            held.wait_for(|held| !held).await.expect("the sender lives");
            self.log.read(request).await
        }
        .boxed()
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        from_version: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, StoreError>> {
        self.log.read_stream(stream, from_version, limit)
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        self.log.head()
    }

    fn position_at(&self, time: Time) -> BoxFuture<'_, Result<Position, StoreError>> {
        self.log.position_at(time)
    }

    fn wait_beyond(&self, position: Position, patience: Duration) -> BoxFuture<'_, ()> {
        self.log.wait_beyond(position, patience)
    }
}

/// A platform with its base domain, an administrator, a domain `demo` and users in both.
pub(crate) struct World {
    pub(crate) app: Router,
    pub(crate) platform: Platform,
    pub(crate) rows: Arc<MemRows>,
    pub(crate) base: String,
    pub(crate) demo: String,
    pub(crate) admin: String,
    pub(crate) alice: String,
    pub(crate) bob: String,
    pub(crate) carol: String,
}

/// Every seeded user's password.
pub(crate) const PASSWORD: &str = "qa2";

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut ApiConfig)) -> Self {
        let options = StoreOptions::new(MasterKey::new([7; 32]));
        let stores = wac_store::open("memory:", options).await.expect("a store in memory opens");
        let env: Arc<dyn Environment> = Arc::new(SystemEnvironment);
        let handler = CommandHandler::new(stores.log.clone(), stores.keys.clone(), env.clone(), Limits::default());
        let rows = MemRows::follow(stores.log.clone());
        let base = env.new_uuid().to_string();
        let mut config = ApiConfig::new("quobis", base.as_str().into(), "https://wac.example");
        config.dev = true;
        config.read_patience = Duration::from_secs(5);
        adjust(&mut config);
        let platform = node(handler, rows.clone(), config, "one");
        let app = wac_api::router(platform.clone());
        let empty = String::new;
        let mut world = Self {
            app,
            platform,
            rows,
            base,
            demo: empty(),
            admin: empty(),
            alice: empty(),
            bob: empty(),
            carol: empty(),
        };
        world.seed().await;
        world
    }

    /// Another node on the same log.
    #[allow(dead_code, reason = "of the binaries that share this file only one has several nodes")]
    pub(crate) fn another_node(&self, adjust: impl FnOnce(&mut ApiConfig)) -> Platform {
        let Self { platform, rows, .. } = self;
        let (log, keys, env) = (platform.log.clone(), platform.keys.clone(), platform.env.clone());
        let handler = CommandHandler::new(log, keys, env, Limits::default());
        let mut config = platform.config.clone();
        adjust(&mut config);
        node(handler, rows.clone(), config, "another")
    }

    /// Another node, and what holds back its reading of the log's tail.
    #[allow(dead_code, reason = "of the binaries that share this file only one has several nodes")]
    pub(crate) fn lagging_node(&self) -> (Platform, watch::Sender<bool>) {
        let Self { platform, rows, .. } = self;
        let held = watch::Sender::new(false);
        let log = Arc::new(LaggingLog { log: platform.log.clone(), held: held.clone() });
        let handler = CommandHandler::new(log, platform.keys.clone(), platform.env.clone(), Limits::default());
        (node(handler, rows.clone(), platform.config.clone(), "lagging"), held)
    }

    async fn seed(&mut self) {
        self.domain(&self.base.clone(), "quobis", None).await;
        self.demo = self.platform.env.new_uuid().to_string();
        self.domain(&self.demo.clone(), "demo", Some(self.base.clone())).await;
        self.admin = self.user("admin", &self.base, Role::Admin).await;
        self.alice = self.user("alice", &self.demo, Role::User).await;
        self.bob = self.user("bob", &self.demo, Role::User).await;
        self.carol = self.user("carol", &self.base, Role::User).await;
    }

    async fn domain(&self, id: &str, name: &str, parent: Option<String>) {
        let command = CreateDomain {
            id: id.into(),
            name: name.to_owned(),
            enable_anonymous: parent.is_some(),
            parent: parent.map(Into::into),
            origins: vec![None],
            anonymous_expiration_ms: 0,
            anonymous_capabilities: Vec::new(),
            services: None,
        };
        self.execute(&command).await;
    }

    async fn user(&self, name: &str, domain: &str, role: Role) -> String {
        let id = self.platform.env.new_uuid().to_string();
        let name_key = wac_commands::name_key(&*self.platform.keys, &domain.into(), name).expect("a good name");
        let command = CreateUser {
            id: id.as_str().into(),
            domain: domain.into(),
            username: name.to_owned(),
            name_key,
            role,
            email: Some(format!("{name}@example.test")),
            mobile_phones: Vec::new(),
            land_line_number: None,
            alias: format!("{name}-alias"),
            display_name: None,
            capabilities: Vec::new(),
        };
        self.execute(&command).await;
        self.password(&id, domain).await;
        id
    }

    /// Gives a user of a domain [`PASSWORD`].
    pub(crate) async fn password(&self, user: &str, domain: &str) {
        let command = CreateCredential {
            id: self.platform.env.new_uuid().into(),
            kind: CredentialKind::Basic,
            source: "wac".to_owned(),
            context: serde_json::Map::new(),
            domain: domain.into(),
            user: Some(user.into()),
            data: CredentialData::PasswordHash(hash()),
            lease_s: 0,
            identity_key: None,
        };
        self.execute(&command).await;
    }

    pub(crate) async fn execute(&self, command: &dyn Command) {
        let env = &self.platform.env;
        let ctx = Context::new(env.now(), Actor::System("seed".to_owned()), CommandId(env.new_uuid()));
        self.platform.execute(command, ctx).await.expect("the seed is accepted");
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4711))));
        let response = self.app.clone().oneshot(request).await.expect("a router never fails");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("the body is whole");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if parts.headers.get("content-type").is_some_and(|kind| kind == "application/problem+json") && !text.is_empty()
        {
            let problem: Value = serde_json::from_str(&text).expect("a problem is JSON");
            let code = problem["code"].as_str().expect("it has a code");
            assert!(wac_api::problem::kind(code).is_some(), "{code} has no page");
        }
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// The status of an answer whose body may never end, and is not read.
    pub(crate) async fn opened(&self, path: &str, token: Option<&str>) -> StatusCode {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut request = Request::builder().uri(path);
        if let Some(bearer) = bearer {
            request = request.header("authorization", bearer);
        }
        let mut request = request.body(Body::empty()).expect("a request");
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4711))));
        self.app.clone().oneshot(request).await.expect("a router never fails").status()
    }

    /// Sends a request with JSON and further headers.
    pub(crate) async fn with_headers(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).expect("a method")).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_owned()));
        self.send(request.body(body).expect("a request")).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string());
        self.with_headers(method, path, Some(token), body.as_deref(), &[]).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.call("GET", path, token, None).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.call("POST", path, token, Some(body)).await
    }

    /// A `POST` to a token endpoint.
    pub(crate) async fn token_request(&self, body: Value) -> Answer {
        self.with_headers("POST", "/sapi/o/token", None, Some(&body.to_string()), &[]).await
    }

    /// An access token of a seeded user, `name@domain`.
    pub(crate) async fn login(&self, username: &str) -> String {
        let body = json!({ "grant_type": "password", "username": username, "password": PASSWORD });
        let answer = self.token_request(body).await.expect(200);
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    pub(crate) async fn guest(&self, domain: &str) -> String {
        let body = json!({ "grant_type": "anonymous", "username": format!("@{domain}") });
        let answer = self.token_request(body).await.expect(200);
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }
}

/// The hash of [`PASSWORD`], computed once.
fn hash() -> String {
    use argon2::password_hash::PasswordHasher;
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let compute = || {
        let hash = argon2::Argon2::default().hash_password_with_salt(PASSWORD.as_bytes(), &[3; 16]);
        hash.expect("it hashes").to_string()
    };
    HASH.get_or_init(compute).clone()
}
