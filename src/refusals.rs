//! What deciders refused in calls, kept in a table beside the log.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use wac_commands::{REFUSALS_OF_CALL_MAX, Refusal, Refusals};
use wac_events::{Environment as _, Position, SessionId, StoreError, Time};
use wac_store::{Db, SystemEnvironment};

/// Refusals that may wait to be written; more are dropped.
const WAITING_MAX: usize = 1_024;
/// How long refusals are kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3_600);
/// How often old ones are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// Serialises the making of the table among nodes.
const SETUP_LOCK: i64 = 0x7761_6372_6566_7573;

/// Both databases understand it.
const TABLE: [&str; 2] = [
    "create table if not exists call_refusals (call text not null, at bigint not null, seen bigint not null,
        command text not null, code text not null, reason text not null, actor text not null, session text,
        node text not null)",
    "create index if not exists call_refusals_call on call_refusals (call, at)",
];
/// The first ones of a call stay: whoever goes on asking adds nothing.
const INSERT: &str = "insert into call_refusals (call, at, seen, command, code, reason, actor, session, node)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9
    where (select count(*) from call_refusals where call = $1) < $10";
const SELECT: &str = "select call, at, seen, command, code, reason, actor, session, node from call_refusals
    where call = $1 order by seen, at";
const SWEEP: &str = "delete from call_refusals where at < $1";

fn failed(operation: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| StoreError::new(operation, error)
}

/// Reads refusals, wherever they were written.
pub(crate) struct RefusalTable(Db);

/// Keeps this node's refusals.
pub(crate) struct KeptRefusals {
    node: String,
    waiting: mpsc::Sender<Refusal>,
    table: RefusalTable,
    _writer: AbortOnDropHandle<()>,
}

/// The refusals of a deployment, written in the name of `node`; makes the table unless it is there.
pub(crate) async fn open(db: &Db, node: String) -> Result<Arc<dyn Refusals>, StoreError> {
    prepare(db).await?;
    let (waiting, received) = mpsc::channel(WAITING_MAX);
    let writer = AbortOnDropHandle::new(tokio::spawn(write_all(db.clone(), received)));
    Ok(Arc::new(KeptRefusals { node, waiting, table: RefusalTable(db.clone()), _writer: writer }))
}

impl Refusals for KeptRefusals {
    fn note(&self, refusal: Refusal) {
        // Whoever is refused more often than can be written is refused all the same.
        let _ = self.waiting.try_send(Refusal { node: self.node.clone(), ..refusal });
    }

    fn of_calls<'a>(&'a self, calls: &'a [String]) -> BoxFuture<'a, Result<Vec<Refusal>, StoreError>> {
        self.table.of_calls(calls).boxed()
    }
}

impl RefusalTable {
    /// For who only reads; there may be no table yet.
    pub(crate) fn new(db: Db) -> Self {
        Self(db)
    }

    /// The refusals of these calls, in the order in which they were given.
    pub(crate) async fn of_calls(&self, calls: &[String]) -> Result<Vec<Refusal>, StoreError> {
        let named = || failed("read refusals");
        if !self.is_there().await? {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for call in calls {
            match &self.0 {
                Db::Postgres(pool) => {
                    let rows = sqlx::query(SELECT).bind(call).fetch_all(pool).await.map_err(named())?;
                    found.extend(rows.iter().filter_map(refusal_of));
                }
                Db::Sqlite(db) => {
                    let rows = sqlx::query(SELECT).bind(call).fetch_all(db.readers()).await.map_err(named())?;
                    found.extend(rows.iter().filter_map(refusal_of));
                }
            }
        }
        found.sort_by_key(|refusal| (refusal.seen, refusal.at));
        Ok(found)
    }

    async fn is_there(&self) -> Result<bool, StoreError> {
        let named = || failed("look for refusals");
        let count: i64 = match &self.0 {
            Db::Postgres(pool) => {
                const SQL: &str =
                    "select count(*) from (select to_regclass('call_refusals') as it) t where it is not null";
                sqlx::query_scalar(SQL).fetch_one(pool).await.map_err(named())?
            }
            Db::Sqlite(db) => {
                const SQL: &str = "select count(*) from sqlite_master where type = 'table' and name = 'call_refusals'";
                sqlx::query_scalar(SQL).fetch_one(db.readers()).await.map_err(named())?
            }
        };
        Ok(count > 0)
    }
}

async fn prepare(db: &Db) -> Result<(), StoreError> {
    let named = || failed("prepare the refusals");
    match db {
        Db::Postgres(pool) => {
            let mut tx = pool.begin().await.map_err(named())?;
            // Two nodes that make the same table at once would fail on each other.
            let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(SETUP_LOCK);
            lock.execute(&mut *tx).await.map_err(named())?;
            for statement in TABLE {
                sqlx::query(statement).execute(&mut *tx).await.map_err(named())?;
            }
            tx.commit().await.map_err(named())
        }
        Db::Sqlite(db) => {
            let mut tx = db.write().await.map_err(named())?;
            for statement in TABLE {
                sqlx::query(statement).execute(&mut *tx).await.map_err(named())?;
            }
            tx.commit().await.map_err(named())
        }
    }
}

async fn write_all(db: Db, mut received: mpsc::Receiver<Refusal>) {
    let mut sweeps = tokio::time::interval(SWEEP_EVERY);
    loop {
        let written = tokio::select! {
            refusal = received.recv() => match refusal {
                Some(refusal) => write(&db, &refusal).await,
                None => return,
            },
            _ = sweeps.tick() => sweep(&db).await,
        };
        if let Err(error) = written {
            tracing::warn!(%error, "a refusal could not be kept");
        }
    }
}

async fn write(db: &Db, refusal: &Refusal) -> Result<(), sqlx::Error> {
    let seen = i64::try_from(refusal.seen.0).unwrap_or(i64::MAX);
    let actor = serde_json::to_string(&refusal.by).unwrap_or_default();
    let session = refusal.session.as_ref().map(SessionId::as_str);
    let most = i64::try_from(REFUSALS_OF_CALL_MAX).unwrap_or(i64::MAX);
    /// One statement for both databases, whose argument types differ.
    macro_rules! bound {
        () => {
            sqlx::query(INSERT)
                .bind(&refusal.call)
                .bind(refusal.at.micros())
                .bind(seen)
                .bind(&refusal.command)
                .bind(&refusal.code)
                .bind(&refusal.reason)
                .bind(&actor)
                .bind(session)
                .bind(&refusal.node)
                .bind(most)
        };
    }
    match db {
        Db::Postgres(pool) => bound!().execute(pool).await.map(drop),
        Db::Sqlite(db) => {
            let mut tx = db.write().await?;
            bound!().execute(&mut *tx).await?;
            tx.commit().await
        }
    }
}

async fn sweep(db: &Db) -> Result<(), sqlx::Error> {
    let oldest = SystemEnvironment.now().minus(KEPT).micros();
    match db {
        Db::Postgres(pool) => sqlx::query(SWEEP).bind(oldest).execute(pool).await.map(drop),
        Db::Sqlite(db) => {
            let mut tx = db.write().await?;
            sqlx::query(SWEEP).bind(oldest).execute(&mut *tx).await?;
            tx.commit().await
        }
    }
}

/// A row of the table; `None` if it is not one.
fn refusal_of<R: sqlx::Row>(row: &R) -> Option<Refusal>
where
    for<'r> &'r str: sqlx::ColumnIndex<R>,
    for<'r> String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    for<'r> Option<String>: sqlx::Decode<'r, R::Database>,
    for<'r> i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let text = |column: &str| row.try_get::<String, _>(column).ok();
    let number = |column: &str| row.try_get::<i64, _>(column).ok();
    Some(Refusal {
        call: text("call")?,
        at: Time::from_micros(number("at")?),
        seen: Position(u64::try_from(number("seen")?).ok()?),
        command: text("command")?,
        code: text("code")?,
        reason: text("reason")?,
        by: serde_json::from_str(&text("actor")?).ok()?,
        session: row.try_get::<Option<String>, _>("session").ok()?.map(SessionId::from),
        node: text("node")?,
    })
}
