//! How far each read model is: one row for each (projection, version, generation).

use jiff::Timestamp;
use wac_events::Position;
use wac_projections::{ColumnKind, Projection, Value};
use wac_store::Db;

use crate::conn::{self, Conn, DbTx, Dialect};
use crate::error::failed;
use crate::{RunnerError, ddl};

/// Serialises the making of tables among nodes.
const SETUP_LOCK: i64 = 0x7761_6370_726a_0001;

/// What a set of tables is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProjectionState {
    /// Built for the first time, not yet complete; an older version is served if there is one.
    Building,
    /// Complete, and kept up.
    Live,
    /// Built anew beside the live rows of the same version.
    Rebuilding,
}

impl ProjectionState {
    /// The word in tables and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Live => "live",
            Self::Rebuilding => "rebuilding",
        }
    }

    fn parse(word: &str) -> Self {
        match word {
            "live" => Self::Live,
            "rebuilding" => Self::Rebuilding,
            _ => Self::Building,
        }
    }
}

/// One row of `projection_checkpoints`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) generation: u64,
    pub(crate) position: Position,
    pub(crate) state: ProjectionState,
    /// Microseconds since the epoch.
    pub(crate) updated_at: i64,
}

const SELECT_ALL: &str = "select name, version, generation, position, state, updated_at from projection_checkpoints";
const SELECT_KINDS: [ColumnKind; 6] = {
    use ColumnKind::{Int, Text};
    [Text, Int, Int, Int, Text, Int]
};

pub(crate) fn int(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(crate) fn now_micros() -> i64 {
    Timestamp::now().as_microsecond()
}

impl Checkpoint {
    fn from_values(values: &[Value]) -> Option<Self> {
        let number = |index: usize| values.get(index)?.as_int().and_then(|int| u64::try_from(int).ok());
        Some(Self {
            name: values.first()?.as_text()?.to_owned(),
            version: u32::try_from(number(1)?).ok()?,
            generation: number(2)?,
            position: Position(number(3)?),
            state: ProjectionState::parse(values.get(4)?.as_text()?),
            updated_at: values.get(5)?.as_int()?,
        })
    }
}

/// Every checkpoint there is, outside any transaction; none in a database that no runner has seen yet.
pub(crate) async fn load(db: &Db) -> Result<Vec<Checkpoint>, RunnerError> {
    let rows = match conn::fetch(db, SELECT_ALL, Vec::new(), &SELECT_KINDS).await {
        Err(error) if conn::is_missing_table(&error) => return Ok(Vec::new()),
        rows => rows.map_err(failed("reading checkpoints"))?,
    };
    Ok(rows.iter().filter_map(|row| Checkpoint::from_values(row)).collect())
}

/// Every checkpoint there is, as this connection sees them.
pub(crate) async fn load_in(conn: &mut Conn<'_>) -> Result<Vec<Checkpoint>, RunnerError> {
    let rows = conn.fetch(SELECT_ALL, Vec::new(), &SELECT_KINDS).await.map_err(failed("reading checkpoints"))?;
    Ok(rows.iter().filter_map(|row| Checkpoint::from_values(row)).collect())
}

/// Moves checkpoints to one new position, each only if it still stands where it was read. `false`:
/// at least one does not; the caller rolls back.
pub(crate) async fn advance(conn: &mut Conn<'_>, from: &[&Checkpoint], to: Position) -> Result<bool, RunnerError> {
    let mut binds = vec![int(to.0), Value::Int(now_micros())];
    let mut conditions = Vec::with_capacity(from.len());
    for checkpoint in from {
        let next = binds.len();
        conditions.push(format!(
            "(name = ${} and version = ${} and generation = ${} and position = ${})",
            next + 1,
            next + 2,
            next + 3,
            next + 4
        ));
        binds.push(Value::Text(checkpoint.name.clone()));
        binds.extend([int(checkpoint.version.into()), int(checkpoint.generation), int(checkpoint.position.0)]);
    }
    let sql =
        format!("update projection_checkpoints set position = $1, updated_at = $2 where {}", conditions.join(" or "));
    let moved = conn.execute(&sql, binds).await.map_err(failed("moving checkpoints"))?;
    Ok(moved == from.len() as u64)
}

/// Marks a version as complete. `false`: it is gone.
pub(crate) async fn mark_live(conn: &mut Conn<'_>, checkpoint: &Checkpoint) -> Result<bool, RunnerError> {
    let sql = "update projection_checkpoints set state = 'live', updated_at = $1 \
               where name = $2 and version = $3 and generation = $4";
    let binds = vec![
        Value::Int(now_micros()),
        Value::Text(checkpoint.name.clone()),
        int(checkpoint.version.into()),
        int(checkpoint.generation),
    ];
    Ok(conn.execute(sql, binds).await.map_err(failed("marking a read model as live"))? == 1)
}

pub(crate) async fn insert(conn: &mut Conn<'_>, checkpoint: &Checkpoint) -> Result<(), RunnerError> {
    let sql = "insert into projection_checkpoints (name, version, generation, position, state, updated_at) \
               values ($1, $2, $3, $4, $5, $6)";
    let binds = vec![
        Value::Text(checkpoint.name.clone()),
        int(checkpoint.version.into()),
        int(checkpoint.generation),
        int(checkpoint.position.0),
        Value::from(checkpoint.state.as_str()),
        Value::Int(now_micros()),
    ];
    conn.execute(sql, binds).await.map(drop).map_err(failed("adding a checkpoint"))
}

pub(crate) async fn delete(conn: &mut Conn<'_>, checkpoint: &Checkpoint) -> Result<(), RunnerError> {
    let key = || vec![Value::Text(checkpoint.name.clone()), int(checkpoint.version.into()), int(checkpoint.generation)];
    let sql = "delete from projection_checkpoints where name = $1 and version = $2 and generation = $3";
    conn.execute(sql, key()).await.map_err(failed("removing a checkpoint"))?;
    let sql = "delete from parked_events where projection = $1 and version = $2 and generation = $3";
    conn.execute(sql, key()).await.map(drop).map_err(failed("removing parked events"))
}

/// Takes the lock under which tables are made and switched, to the end of the transaction.
pub(crate) async fn lock_setup(conn: &mut Conn<'_>) -> Result<(), RunnerError> {
    if conn.dialect() == Dialect::Postgres {
        let sql = "select pg_advisory_xact_lock($1)";
        conn.execute(sql, vec![Value::Int(SETUP_LOCK)]).await.map_err(failed("locking read models"))?;
    }
    Ok(())
}

/// Makes the runner's own tables, and tables and checkpoint of every projection that has none of
/// its version yet.
pub(crate) async fn set_up(db: &Db, projections: &[&dyn Projection]) -> Result<(), RunnerError> {
    let mut tx = DbTx::begin(db).await?;
    let mut conn = tx.conn();
    lock_setup(&mut conn).await?;
    conn.execute_raw(ddl::OWN_TABLES).await.map_err(failed("making the runner's tables"))?;
    let there = load_in(&mut conn).await?;
    for projection in projections {
        let of_it = there.iter().filter(|row| row.name == projection.name() && row.version == projection.version());
        let (live, generation) = of_it.fold((false, 0), |(live, greatest), row| {
            (live || row.state != ProjectionState::Rebuilding, greatest.max(row.generation))
        });
        if live {
            continue;
        }
        let generation = generation + 1;
        for table in projection.tables() {
            let physical = ddl::live_name(table, projection.version());
            let indexed_as = ddl::shadow_name(table, projection.version(), generation);
            let statements = [ddl::create_table(conn.dialect(), table, &physical, &indexed_as)];
            for sql in statements.into_iter().chain(ddl::create_indexes(table, &physical, &indexed_as)) {
                conn.execute_raw(&sql).await.map_err(failed("making a read model's tables"))?;
            }
        }
        let checkpoint = Checkpoint {
            name: projection.name().to_owned(),
            version: projection.version(),
            generation,
            position: Position::START,
            state: ProjectionState::Building,
            updated_at: 0,
        };
        insert(&mut conn, &checkpoint).await?;
    }
    tx.commit().await
}
