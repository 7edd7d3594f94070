//! Commands and what follows from them, without a server: the command handler and the process
//! managers on any store, one step after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use wac_commands::process::{
    self, Checkpoints, KeyEraser, Listing, Lookup, Ports, ProcessManager, ProcessRules, Silent, Timer,
};
use wac_commands::{Calls, Command, CommandError, CommandHandler, Context, Executed, Limits};
use wac_events::{Actor, CommandId, Environment, EventLog, Position, StoreError};
use wac_projections::{
    CLIENTS, CREDENTIALS, DOMAINS, MEDIA_SESSIONS, MemTables, Row, Rows, Select, TOKENS, Table, USERS, Value,
};
use wac_signaling::{CaughtUp, RowsCalls, Settings, Signaling};
use wac_store::Stores;

use crate::{fold, story};

/// How many rounds of process managers one command may cause, before it is taken for a loop.
const SETTLE_ROUNDS_MAX: usize = 50;

/// A handler and its process managers on one store.
pub struct Platform {
    /// The store.
    pub stores: Stores,
    /// The handler.
    pub handler: CommandHandler,
    env: Arc<dyn Environment>,
    managers: Vec<Arc<dyn ProcessManager>>,
    ports: Ports,
}

impl Platform {
    /// On `stores`, in the environment these were opened with.
    pub fn new(stores: Stores, env: Arc<dyn Environment>) -> Self {
        let handler = CommandHandler::new(stores.log.clone(), stores.keys.clone(), env.clone(), Limits::default());
        let ports = Ports {
            handler: handler.clone(),
            lookup: Arc::new(LogLookup(stores.log.clone())),
            calls: calls(&stores, &env),
            checkpoints: Arc::new(MemCheckpoints::default()),
            timer: Arc::new(TokioTimer),
            watcher: Arc::new(Silent),
        };
        let managers = process::all(Arc::new(KeyEraser(stores.keys.clone())), ProcessRules::default());
        Self { stores, handler, env, managers, ports }
    }

    /// Another node on the same store: signaling over a handler of its own.
    pub fn node(&self) -> Signaling {
        let Stores { log, keys, .. } = &self.stores;
        let handler = CommandHandler::new(log.clone(), keys.clone(), self.env.clone(), Limits::default());
        let rows = Arc::new(LogRows(log.clone()));
        Signaling::new(handler, self.ports.calls.clone(), rows, Arc::new(Settings::default()))
    }

    /// Executes a command as the system; its process managers do not run yet.
    pub async fn execute(&self, command: &dyn Command) -> Result<Executed, CommandError> {
        let actor = Actor::System("replay-tests".to_owned());
        let ctx = Context::new(self.env.now(), actor, CommandId(self.env.new_uuid()));
        self.handler.execute(command, ctx).await
    }

    /// Executes a command and everything that follows from it.
    pub async fn run(&self, command: &dyn Command) -> Result<Executed> {
        let executed = self.execute(command).await.with_context(|| format!("command {}", command.name()))?;
        self.settle().await?;
        Ok(executed)
    }

    /// Lets the process managers work until nothing follows any more.
    pub async fn settle(&self) -> Result<()> {
        for _ in 0..SETTLE_ROUNDS_MAX {
            let before = self.stores.log.head().await?.position;
            for manager in &self.managers {
                process::catch_up(&**manager, &self.ports).await.with_context(|| manager.name())?;
            }
            if self.stores.log.head().await?.position == before {
                return Ok(());
            }
        }
        anyhow::bail!("process managers still issue commands after {SETTLE_ROUNDS_MAX} rounds")
    }
}

/// Who is where, as the log says.
fn calls(stores: &Stores, env: &Arc<dyn Environment>) -> Arc<dyn Calls> {
    let rows = Arc::new(LogRows(stores.log.clone()));
    Arc::new(RowsCalls::new(rows.clone(), rows, env.clone()))
}

/// Rows of read models that are built anew for every question, and so are never behind.
struct LogRows(Arc<dyn EventLog>);

impl Rows for LogRows {
    fn select(&self, select: Select) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        async move {
            let failed = |error: anyhow::Error| StoreError::new("look up in the log", error.to_string());
            let events = story::read_all(&*self.0).await.map_err(failed)?;
            let tables = fold::project(MemTables::default(), &events).map_err(failed)?;
            Ok(tables.select(&select))
        }
        .boxed()
    }

    fn position<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Position, StoreError>> {
        async { Ok(self.0.head().await?.position) }.boxed()
    }
}

impl CaughtUp for LogRows {
    fn caught_up<'a>(&'a self, _: &'a [&'static str], _: Position) -> BoxFuture<'a, Result<(), StoreError>> {
        futures::future::ready(Ok(())).boxed()
    }
}

/// Answers from read models that are built anew for every question.
struct LogLookup(Arc<dyn EventLog>);

/// The rows a listing names.
pub(crate) fn select_of(listing: &Listing) -> Select {
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

impl Lookup for LogLookup {
    fn list<'a>(
        &'a self,
        listing: &'a Listing,
        after: Option<&'a str>,
        limit: usize,
        _seen: Position,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        async move {
            let failed = |error: anyhow::Error| StoreError::new("look up in the log", error.to_string());
            let events = story::read_all(&*self.0).await.map_err(failed)?;
            let tables = fold::project(MemTables::default(), &events).map_err(failed)?;
            let select = select_of(listing).after(after.map(str::to_owned)).limit(limit);
            let rows = tables.select(&select);
            let key =
                |row: &wac_projections::Row| row.get(select.table.key()).and_then(Value::as_text).map(str::to_owned);
            Ok(rows.iter().filter_map(key).collect())
        }
        .boxed()
    }
}

#[derive(Default)]
struct MemCheckpoints(Mutex<BTreeMap<String, Position>>);

impl Checkpoints for MemCheckpoints {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Position, StoreError>> {
        let saved = self.0.lock().expect("nobody panics while holding the checkpoints").get(name).copied();
        futures::future::ready(Ok(saved.unwrap_or_default())).boxed()
    }

    fn save<'a>(&'a self, name: &'a str, position: Position) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut saved = self.0.lock().expect("nobody panics while holding the checkpoints");
        let kept = saved.entry(name.to_owned()).or_default();
        *kept = position.max(*kept);
        futures::future::ready(Ok(())).boxed()
    }
}

struct TokioTimer;

impl Timer for TokioTimer {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }
}
