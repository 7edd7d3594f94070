//! Reading the log from PostgreSQL.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, PgPool, Row};
use uuid::Uuid;
use wac_events::{
    Appended, CommandId, EventId, Head, Page, Position, ReadRequest, Recorded, StoreError, StreamId, Time,
};

use super::types::PgTime;
use crate::error::failed;
use crate::filter::{
    Arg, Dialect, SCAN_POSITIONS_MAX, Select, TYPES_WITH_PREFIX, aggregate_prefix, int, is_open, prefix_range, select,
};
use crate::log::Reader;
use crate::names::{Interner, Names};

/// In the order [`event`] reads them.
const COLUMNS: &str = "position, version, schema_version, occurred_at, recorded_at, event_id, type, domain, \
    stream_id, meta, data";

pub(crate) struct PostgresReader {
    pub(super) pool: PgPool,
    pub(super) names: Names,
}

impl PostgresReader {
    async fn rows(&self, query: Select) -> Result<Vec<Recorded>, StoreError> {
        let mut args = PgArguments::default();
        for arg in query.args {
            let added = match arg {
                Arg::Int(value) => args.add(value),
                Arg::Text(text) => args.add(text),
            };
            added.expect("numbers and texts can always be encoded");
        }
        let named = || failed("read events");
        let rows = sqlx::query_with(AssertSqlSafe(query.sql), args).fetch_all(&self.pool).await.map_err(named())?;
        let mut names = self.names.interner();
        rows.iter().map(|row| event(row, &mut names)).collect::<Result<_, _>>().map_err(named())
    }

    /// The filter's names with every `aggregate.*` replaced by the names there are.
    async fn expand(&self, types: &[String]) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::with_capacity(types.len());
        for wanted in types {
            let Some(prefix) = aggregate_prefix(wanted) else {
                names.push(wanted.clone());
                continue;
            };
            let (from, to) = prefix_range(prefix);
            let found: Vec<String> = sqlx::query_scalar(TYPES_WITH_PREFIX)
                .bind(from)
                .bind(to)
                .fetch_all(&self.pool)
                .await
                .map_err(failed("read event types"))?;
            names.extend(found);
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

impl Reader for PostgresReader {
    async fn outcome(&self, command: CommandId) -> Result<Option<Appended>, StoreError> {
        let row: Option<(i64, i64)> = sqlx::query_as("select position, command_last from events where command_id = $1")
            .bind(command.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("look up a command"))?;
        let position = |value: i64| Position(value.unsigned_abs());
        Ok(row.map(|(first, last)| Appended { first: position(first), last: position(last), duplicate: true }))
    }

    async fn read(&self, request: ReadRequest) -> Result<Page, StoreError> {
        // The head comes first: whatever is read afterwards is complete up to it.
        let head = self.head().await?.position.0;
        let bound = request.before.map_or(head, |before| head.min(before.0.saturating_sub(1)));
        if bound <= request.after.0 {
            return Ok(Page { events: Vec::new(), scanned_to: request.after });
        }
        let (after, limit, filter) = (request.after, request.limit, &request.filter);
        let bound = if is_open(filter) { bound.min(after.0.saturating_add(limit as u64)) } else { bound };
        let long = bound - after.0 > SCAN_POSITIONS_MAX;
        let types = match long && filter.stream.is_none() && !filter.types.is_empty() {
            true => Some(self.expand(&filter.types).await?),
            false => None,
        };
        if types.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Page { events: Vec::new(), scanned_to: Position(bound) });
        }
        let events = self.rows(select(&request, bound, COLUMNS, types.as_deref(), Dialect::Postgres)).await?;
        let scanned_to = match events.last() {
            Some(last) if events.len() == limit => last.position,
            _ => Position(bound),
        };
        Ok(Page { events, scanned_to })
    }

    async fn read_stream(&self, stream: &StreamId, from: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let sql =
            format!("select {COLUMNS} from events where stream_id = $1 and version >= $2 order by version limit $3");
        let args = vec![Arg::Text(stream.as_str().to_owned()), Arg::Int(int(from)), Arg::Int(int(limit as u64))];
        self.rows(Select { sql, args }).await
    }

    async fn head(&self) -> Result<Head, StoreError> {
        super::head(&self.pool).await.map_err(failed("read the head"))
    }

    async fn position_at(&self, time: Time) -> Result<Position, StoreError> {
        // Recorded times never go back along the log, so that halving finds the place.
        let position: i64 = sqlx::query_scalar(
            "with recursive search(low, high) as ( \
                 select 0::bigint, (select position from log_head where log = 'main') \
                 union all \
                 select case when early then middle else low end, case when early then high else middle - 1 end \
                 from (select low, high, (low + high + 1) / 2 as middle, \
                              (select recorded_at from events where position = (low + high + 1) / 2) <= $1 as early \
                       from search where low < high) step \
             ) select low from search where low >= high limit 1",
        )
        .bind(PgTime(time))
        .fetch_one(&self.pool)
        .await
        .map_err(failed("find a time in the log"))?;
        Ok(Position(position.unsigned_abs()))
    }
}

/// Reads one row's binary values without the driver's checks of every column's type: the query
/// names the columns, the migrations give their types.
fn event(row: &PgRow, names: &mut Interner<'_>) -> Result<Recorded, sqlx::Error> {
    Ok(Recorded {
        position: Position(i64::from_be_bytes(fixed(row, 0)?).unsigned_abs()),
        version: i64::from_be_bytes(fixed(row, 1)?).unsigned_abs(),
        schema_version: i32::from_be_bytes(fixed(row, 2)?).unsigned_abs(),
        occurred_at: PgTime::from_bytes(fixed(row, 3)?),
        recorded_at: PgTime::from_bytes(fixed(row, 4)?),
        event_id: EventId(Uuid::from_bytes(fixed(row, 5)?)),
        event_type: names.event_type(text(row, 6)?),
        domain: match row.try_get_raw(7)? {
            value if sqlx::ValueRef::is_null(&value) => None,
            _ => Some(names.domain(text(row, 7)?)),
        },
        stream: StreamId::new(text(row, 8)?),
        meta: text(row, 9)?.to_owned(),
        data: text(row, 10)?.to_owned(),
    })
}

fn bytes(row: &PgRow, column: usize) -> Result<&[u8], sqlx::Error> {
    row.try_get_raw(column)?.as_bytes().map_err(|error| decode(column, error))
}

fn fixed<const N: usize>(row: &PgRow, column: usize) -> Result<[u8; N], sqlx::Error> {
    bytes(row, column)?.try_into().map_err(|error: std::array::TryFromSliceError| decode(column, error.into()))
}

fn text(row: &PgRow, column: usize) -> Result<&str, sqlx::Error> {
    std::str::from_utf8(bytes(row, column)?).map_err(|error| decode(column, error.into()))
}

fn decode(column: usize, source: sqlx::error::BoxDynError) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_string(), source }
}
