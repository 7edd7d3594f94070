//! Signs of life of the nodes: beside the log where nodes share it, in memory where there is one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sqlx::PgPool;
use wac_commands::process::{Heartbeats, LastSign};
use wac_events::{NodeId, StoreError};
use wac_store::Db;

/// Serialises the making of the table among nodes.
const SETUP_LOCK: i64 = 0x7761_6368_6561_7274;

/// The heartbeats of a deployment.
pub(crate) async fn open(db: &Db) -> Result<Arc<dyn Heartbeats>, StoreError> {
    Ok(match db {
        Db::Postgres(pool) => Arc::new(PostgresHeartbeats::open(pool.clone()).await?),
        Db::Sqlite(_) => Arc::new(OwnHeartbeats::default()),
    })
}

/// Rows of `node_heartbeats`; their times are the database's, so nodes need not agree about theirs.
struct PostgresHeartbeats(PgPool);

fn failed(operation: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| StoreError::new(operation, error)
}

impl PostgresHeartbeats {
    async fn open(pool: PgPool) -> Result<Self, StoreError> {
        const LOCK: &str = "select pg_advisory_xact_lock($1)";
        const TABLE: &str =
            "create table if not exists node_heartbeats (node text primary key, seen_at timestamptz not null)";
        const LOAD: &str = "alter table node_heartbeats add column if not exists sessions bigint";
        let named = || failed("prepare the heartbeats");
        let mut tx = pool.begin().await.map_err(named())?;
        // Two nodes that make the same table at once would fail on each other.
        sqlx::query(LOCK).bind(SETUP_LOCK).execute(&mut *tx).await.map_err(named())?;
        sqlx::query(TABLE).execute(&mut *tx).await.map_err(named())?;
        sqlx::query(LOAD).execute(&mut *tx).await.map_err(named())?;
        tx.commit().await.map_err(named())?;
        Ok(Self(pool))
    }
}

impl Heartbeats for PostgresHeartbeats {
    fn beat<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<(), StoreError>> {
        const SQL: &str = "insert into node_heartbeats (node, seen_at) values ($1, clock_timestamp())
            on conflict (node) do update set seen_at = excluded.seen_at";
        async move {
            let beaten = sqlx::query(SQL).bind(node.as_str()).execute(&self.0).await;
            beaten.map(drop).map_err(failed("give a sign of life"))
        }
        .boxed()
    }

    fn beat_loaded<'a>(&'a self, node: &'a NodeId, sessions: u64) -> BoxFuture<'a, Result<(), StoreError>> {
        const SQL: &str = "insert into node_heartbeats (node, seen_at, sessions) values ($1, clock_timestamp(), $2)
            on conflict (node) do update set seen_at = excluded.seen_at, sessions = excluded.sessions";
        async move {
            let sessions = i64::try_from(sessions).unwrap_or(i64::MAX);
            let beaten = sqlx::query(SQL).bind(node.as_str()).bind(sessions).execute(&self.0).await;
            beaten.map(drop).map_err(failed("give a sign of life"))
        }
        .boxed()
    }

    fn expect<'a>(&'a self, nodes: &'a [NodeId]) -> BoxFuture<'a, Result<(), StoreError>> {
        const SQL: &str = "insert into node_heartbeats (node, seen_at)
            select node, clock_timestamp() from unnest($1::text[]) as node on conflict (node) do nothing";
        async move {
            let names: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
            let expected = sqlx::query(SQL).bind(names).execute(&self.0).await;
            expected.map(drop).map_err(failed("expect signs of life"))
        }
        .boxed()
    }

    fn silent(&self, longer_than: Duration) -> BoxFuture<'_, Result<Vec<NodeId>, StoreError>> {
        const SQL: &str = "select node from node_heartbeats
            where seen_at < clock_timestamp() - make_interval(secs => $1) order by node";
        async move {
            let silent = sqlx::query_scalar::<_, String>(SQL).bind(longer_than.as_secs_f64()).fetch_all(&self.0).await;
            Ok(silent.map_err(failed("look for silent nodes"))?.into_iter().map(NodeId::from).collect())
        }
        .boxed()
    }

    fn last(&self) -> BoxFuture<'_, Result<Vec<LastSign>, StoreError>> {
        const SQL: &str = "select node, extract(epoch from clock_timestamp() - seen_at)::float8, sessions
            from node_heartbeats order by node";
        async move {
            let rows = sqlx::query_as::<_, (String, f64, Option<i64>)>(SQL).fetch_all(&self.0).await;
            let sign = |(node, ago, sessions): (String, f64, Option<i64>)| {
                let ago = Duration::try_from_secs_f64(ago).unwrap_or_default();
                (NodeId::from(node), ago, sessions.and_then(|sessions| u64::try_from(sessions).ok()))
            };
            Ok(rows.map_err(failed("read signs of life"))?.into_iter().map(sign).collect())
        }
        .boxed()
    }

    fn forget<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<(), StoreError>> {
        const SQL: &str = "delete from node_heartbeats where node = $1";
        async move {
            let forgotten = sqlx::query(SQL).bind(node.as_str()).execute(&self.0).await;
            forgotten.map(drop).map_err(failed("forget a node"))
        }
        .boxed()
    }
}

/// This process, and media nodes that speak to it: other nodes ended before it began.
#[derive(Default)]
struct OwnHeartbeats(Mutex<HashMap<NodeId, (Instant, Option<u64>)>>);

impl OwnHeartbeats {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<NodeId, (Instant, Option<u64>)>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Heartbeats for OwnHeartbeats {
    fn beat<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.with(|seen| seen.insert(node.clone(), (Instant::now(), None)));
        futures::future::ready(Ok(())).boxed()
    }

    fn beat_loaded<'a>(&'a self, node: &'a NodeId, sessions: u64) -> BoxFuture<'a, Result<(), StoreError>> {
        self.with(|seen| seen.insert(node.clone(), (Instant::now(), Some(sessions))));
        futures::future::ready(Ok(())).boxed()
    }

    fn alone(&self) -> bool {
        true
    }

    fn last(&self) -> BoxFuture<'_, Result<Vec<LastSign>, StoreError>> {
        let last = self
            .with(|seen| seen.iter().map(|(node, (at, sessions))| (node.clone(), at.elapsed(), *sessions)).collect());
        futures::future::ready(Ok(last)).boxed()
    }

    fn expect<'a>(&'a self, nodes: &'a [NodeId]) -> BoxFuture<'a, Result<(), StoreError>> {
        self.with(|seen| {
            for node in nodes {
                seen.entry(node.clone()).or_insert_with(|| (Instant::now(), None));
            }
        });
        futures::future::ready(Ok(())).boxed()
    }

    fn silent(&self, longer_than: Duration) -> BoxFuture<'_, Result<Vec<NodeId>, StoreError>> {
        let silent = self.with(|seen| {
            let long = seen.iter().filter(|(_, (at, _))| at.elapsed() > longer_than);
            long.map(|(node, _)| node.clone()).collect()
        });
        futures::future::ready(Ok(silent)).boxed()
    }

    fn forget<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.with(|seen| seen.remove(node));
        futures::future::ready(Ok(())).boxed()
    }
}
