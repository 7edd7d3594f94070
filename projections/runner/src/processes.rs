//! Checkpoints of process managers and reactors: how far each has come in the log.

use wac_events::Position;
use wac_projections::{ColumnKind, Value};
use wac_store::Db;

use crate::checkpoint::{int, now_micros};
use crate::conn::{self, DbTx};
use crate::error::failed;
use crate::{RunnerError, ddl};

/// Table `process_checkpoints`. What is saved may be lost by a power failure (never by the death
/// of the process): those who use it see the last events again, and must not mind.
#[derive(Clone)]
pub struct SqlCheckpoints {
    db: Db,
}

impl SqlCheckpoints {
    /// Makes the table unless it is there.
    pub async fn open(db: Db) -> Result<Self, RunnerError> {
        let mut tx = DbTx::begin(&db).await?;
        crate::checkpoint::lock_setup(&mut tx.conn()).await?;
        tx.conn().execute_raw(ddl::OWN_TABLES).await.map_err(failed("making the runner's tables"))?;
        tx.commit().await?;
        Ok(Self { db })
    }

    /// How far `name` has come; the start if it has never been saved.
    pub async fn load(&self, name: &str) -> Result<Position, RunnerError> {
        let sql = "select position from process_checkpoints where name = $1";
        let rows = conn::fetch(&self.db, sql, vec![name.into()], &[ColumnKind::Int]).await;
        let rows = rows.map_err(failed("reading a process's checkpoint"))?;
        let position = rows.first().and_then(|row| row[0].as_int()).and_then(|int| u64::try_from(int).ok());
        Ok(Position(position.unwrap_or(0)))
    }

    /// Saves how far `name` has come; never goes back.
    pub async fn save(&self, name: &str, position: Position) -> Result<(), RunnerError> {
        let sql = "insert into process_checkpoints as c (name, position, updated_at) values ($1, $2, $3) \
                   on conflict (name) do update set position = excluded.position, updated_at = excluded.updated_at \
                   where c.position < excluded.position";
        let mut tx = DbTx::begin(&self.db).await?;
        let binds = vec![Value::from(name), int(position.0), Value::Int(now_micros())];
        tx.conn().execute(sql, binds).await.map_err(failed("saving a process's checkpoint"))?;
        tx.commit().await
    }
}
