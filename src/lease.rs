//! The relay's lease, kept beside a log that several nodes share.

use futures::future::BoxFuture;
use sqlx::PgPool;
use uuid::Uuid;
use wac_events::StoreError;
use wac_relay::{LEASE_DURATION, LeaseEpoch, RelayLease};

/// The lease of the relay of events.
pub(crate) const EVENTS_LEASE: &str = "relay";
/// The lease of the relay of call records.
pub(crate) const CALLS_LEASE: &str = "relay-calls";

/// Serialises the making of the table among nodes.
const SETUP_LOCK: i64 = 0x7761_636c_6561_7365;

/// A row of `leases`; its times are the database's, so nodes need not agree about theirs.
pub(crate) struct PostgresLease {
    name: &'static str,
    pool: PgPool,
    holder: Uuid,
}

impl PostgresLease {
    /// This process's hand on the lease of that name; makes the table unless it is there.
    pub(crate) async fn open(pool: PgPool, name: &'static str) -> Result<Self, StoreError> {
        const LOCK: &str = "select pg_advisory_xact_lock($1)";
        const TABLE: &str = "create table if not exists leases (
            name text primary key, holder uuid not null, epoch bigint not null, until timestamptz not null)";
        let named = || failed("prepare the relay's lease");
        let mut tx = pool.begin().await.map_err(named())?;
        // Two nodes that make the same table at once would fail on each other.
        sqlx::query(LOCK).bind(SETUP_LOCK).execute(&mut *tx).await.map_err(named())?;
        sqlx::query(TABLE).execute(&mut *tx).await.map_err(named())?;
        tx.commit().await.map_err(named())?;
        Ok(Self { name, pool, holder: Uuid::new_v4() })
    }
}

fn failed(operation: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| StoreError::new(operation, error)
}

fn epoch_of(number: i64) -> LeaseEpoch {
    LeaseEpoch(u64::try_from(number).expect("epochs count from 1"))
}

fn number_of(epoch: LeaseEpoch) -> i64 {
    i64::try_from(epoch.0).expect("epochs were read from a bigint")
}

impl RelayLease for PostgresLease {
    fn acquire(&self) -> BoxFuture<'_, Result<Option<LeaseEpoch>, StoreError>> {
        const SQL: &str = "insert into leases (name, holder, epoch, until)
            values ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
            on conflict (name) do update
            set holder = excluded.holder, epoch = leases.epoch + 1, until = excluded.until
            where leases.until < clock_timestamp() or leases.holder = excluded.holder
            returning epoch";
        Box::pin(async move {
            let epoch = sqlx::query_scalar::<_, i64>(SQL)
                .bind(self.name)
                .bind(self.holder)
                .bind(LEASE_DURATION.as_secs_f64())
                .fetch_optional(&self.pool)
                .await
                .map_err(failed("acquire the relay's lease"))?;
            Ok(epoch.map(epoch_of))
        })
    }

    fn renew(&self, epoch: LeaseEpoch) -> BoxFuture<'_, Result<bool, StoreError>> {
        const SQL: &str = "update leases set until = clock_timestamp() + make_interval(secs => $3)
            where name = $1 and epoch = $2";
        Box::pin(async move {
            let done = sqlx::query(SQL)
                .bind(self.name)
                .bind(number_of(epoch))
                .bind(LEASE_DURATION.as_secs_f64())
                .execute(&self.pool)
                .await
                .map_err(failed("renew the relay's lease"))?;
            Ok(done.rows_affected() == 1)
        })
    }

    fn release(&self, epoch: LeaseEpoch) -> BoxFuture<'_, Result<(), StoreError>> {
        const SQL: &str = "update leases set until = 'epoch' where name = $1 and epoch = $2";
        Box::pin(async move {
            sqlx::query(SQL)
                .bind(self.name)
                .bind(number_of(epoch))
                .execute(&self.pool)
                .await
                .map_err(failed("release the relay's lease"))?;
            Ok(())
        })
    }
}
