//! The process managers of this node, and what they need: look-ups, checkpoints, time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::task::JoinSet;
use wac_commands::process::{
    CallRules, Checkpoints, Heartbeats, KeyEraser, Listing, Lookup, MediaRules, NodeRules, Ports, ProcessError,
    ProcessRules, Timer, Watcher, all, run, run_call_deadlines, run_guest_expiry, run_media_watch, run_node_watch,
};
use wac_commands::{Calls, CommandHandler, Rejection};
use wac_events::{KeyStore, NodeId, Position, StoreError};
use wac_projections::{
    CLIENTS, CREDENTIALS, DOMAINS, MEDIA_SESSIONS, Rows as _, SELECT_ROWS_MAX, Select, TOKENS, Table, USERS, Value,
};
use wac_runner::{SqlCheckpoints, SqlRows};
use wac_store::Stores;

/// How long a look-up waits for its read model.
const LOOKUP_PATIENCE: Duration = Duration::from_secs(10);

/// What follows from events and from time, each in a task of its own.
pub(crate) struct Processes {
    ports: Ports,
    keys: Arc<dyn KeyStore>,
    tasks: JoinSet<()>,
}

impl Processes {
    /// Nothing runs yet. `calls`: who is where.
    pub(crate) async fn new(
        stores: &Stores,
        handler: &CommandHandler,
        rows: SqlRows,
        calls: Arc<dyn Calls>,
    ) -> Result<Self> {
        let checkpoints = SqlCheckpoints::open(stores.db.clone()).await?;
        let ports = Ports {
            handler: handler.clone(),
            calls,
            lookup: Arc::new(RowsLookup(rows)),
            checkpoints: Arc::new(SavedCheckpoints(checkpoints)),
            timer: Arc::new(TokioTimer),
            watcher: Arc::new(LoggingWatcher),
        };
        Ok(Self { ports, keys: stores.keys.clone(), tasks: JoinSet::new() })
    }

    /// Starts the managers behind their checkpoints, and those that follow the clock.
    pub(crate) fn start_managers(&mut self, rules: ProcessRules, calls: CallRules) {
        for manager in all(Arc::new(KeyEraser(self.keys.clone())), rules) {
            let ports = self.ports.clone();
            self.tasks.spawn(async move { match run(&*manager, &ports).await {} });
        }
        let ports = self.ports.clone();
        self.tasks.spawn(async move { match run_guest_expiry(&ports).await {} });
        let ports = self.ports.clone();
        self.tasks.spawn(async move { match run_call_deadlines(&ports, &calls).await {} });
    }

    /// Gives signs of life in the name of `node`, and looks for nodes that give none.
    pub(crate) fn watch_nodes(
        &mut self,
        node: impl Fn() -> NodeId + Send + Sync + 'static,
        heartbeats: Arc<dyn Heartbeats>,
        rules: NodeRules,
    ) {
        let ports = self.ports.clone();
        self.tasks.spawn(async move { match run_node_watch(&ports, &*heartbeats, &node, &rules).await {} });
    }

    /// Looks for media nodes that give no signs of life.
    pub(crate) fn watch_media(&mut self, heartbeats: Arc<dyn Heartbeats>, rules: MediaRules) {
        let ports = self.ports.clone();
        self.tasks.spawn(async move { match run_media_watch(&ports, &*heartbeats, &rules).await {} });
    }

    /// Stops them between two awaits. Whatever one had in hand it does again at the next start, and
    /// the ids of its commands see to it that nothing happens twice.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

struct RowsLookup(SqlRows);

impl RowsLookup {
    async fn find(
        &self,
        listing: &Listing,
        after: Option<&str>,
        limit: usize,
        seen: Position,
    ) -> Result<Vec<String>, StoreError> {
        let select = select_of(listing).after(after.map(str::to_owned)).limit(limit.min(SELECT_ROWS_MAX));
        let table = select.table;
        let caught_up = self.0.wait_for(&[table.name], seen, LOOKUP_PATIENCE).await;
        caught_up.map_err(|error| StoreError::new("wait for a read model", error))?;
        let rows = self.0.select(select).await?;
        let key = |row: &wac_projections::Row| row.get(table.key()).and_then(Value::as_text).map(str::to_owned);
        Ok(rows.iter().filter_map(key).collect())
    }
}

fn select_of(listing: &Listing) -> Select {
    let of = |table: &'static Table, column, id: &str| Select::from(table).equals(column, id);
    match listing {
        Listing::UsersOf(domain) => of(&USERS, "domain", domain.as_str()),
        Listing::ChildDomainsOf(domain) => of(&DOMAINS, "parent", domain.as_str()),
        Listing::ClientsOf(domain) => of(&CLIENTS, "domain", domain.as_str()),
        Listing::PoolOf(domain) => of(&CREDENTIALS, "domain", domain.as_str()).equals("user", Value::Null),
        Listing::CredentialsOf(user) => of(&CREDENTIALS, "user", user.as_str()),
        Listing::TokensOfUser(user) => of(&TOKENS, "user", user.as_str()).equals("revoked", false),
        Listing::TokensOfClient(client) => of(&TOKENS, "client", client.as_str()).equals("revoked", false),
        Listing::LeasedTo(token) => of(&CREDENTIALS, "leased_by", token.as_str()),
        Listing::MediaOf(node) => of(&MEDIA_SESSIONS, "live_node", node.as_str()),
    }
}

impl Lookup for RowsLookup {
    fn list<'a>(
        &'a self,
        listing: &'a Listing,
        after: Option<&'a str>,
        limit: usize,
        seen: Position,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.find(listing, after, limit, seen).boxed()
    }
}

struct SavedCheckpoints(SqlCheckpoints);

impl Checkpoints for SavedCheckpoints {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Position, StoreError>> {
        async move { Ok(self.0.load(name).await?) }.boxed()
    }

    fn save<'a>(&'a self, name: &'a str, position: Position) -> BoxFuture<'a, Result<(), StoreError>> {
        async move { Ok(self.0.save(name, position).await?) }.boxed()
    }
}

struct TokioTimer;

impl Timer for TokioTimer {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }
}

struct LoggingWatcher;

impl Watcher for LoggingWatcher {
    fn rejected(&self, manager: &'static str, command: &'static str, rejection: &Rejection) {
        tracing::debug!(manager, command, code = rejection.code(), "a process manager's command was refused");
    }

    fn failed(&self, manager: &'static str, error: &ProcessError, pause: Duration) {
        let retry_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(manager, %error, retry_in_ms, "a process manager failed and tries again");
    }
}
