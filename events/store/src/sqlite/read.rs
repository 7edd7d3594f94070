//! Reading the log from SQLite.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, SqlitePool};
use wac_events::{Appended, CommandId, Head, Page, Position, ReadRequest, Recorded, StoreError, StreamId, Time};

use super::lines::{LINE, joined, parse};
use crate::error::failed;
use crate::filter::{
    Arg, Dialect, SCAN_POSITIONS_MAX, Select, TYPES_WITH_PREFIX, aggregate_prefix, int, is_open, prefix_range, select,
};
use crate::log::Reader;
use crate::names::Names;

/// Events one statement reads; a page takes several. Bounds the text SQLite joins them into.
const STATEMENT_EVENTS_MAX: usize = 500;

pub(crate) struct SqliteReader {
    pub(super) pool: SqlitePool,
    pub(super) names: Names,
}

impl SqliteReader {
    /// Runs `query` for lines, and appends the events it gives to `events`.
    async fn lines(&self, query: Select, events: &mut Vec<Recorded>) -> Result<usize, StoreError> {
        let mut args = SqliteArguments::default();
        for arg in query.args {
            let added = match arg {
                Arg::Int(value) => args.add(value),
                Arg::Text(text) => args.add(text),
            };
            added.expect("numbers and texts can always be encoded");
        }
        let sql = AssertSqlSafe(joined(&query.sql));
        let text: Option<String> =
            sqlx::query_scalar_with(sql, args).fetch_one(&self.pool).await.map_err(failed("read events"))?;
        let before = events.len();
        if let Some(text) = text {
            parse(&text, &mut self.names.interner(), events).map_err(|error| StoreError::new("read events", error))?;
        }
        Ok(events.len() - before)
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

    async fn read_filtered(&self, request: ReadRequest, bound: u64) -> Result<Vec<Recorded>, StoreError> {
        let mut events = Vec::new();
        let long = bound.saturating_sub(request.after.0) > SCAN_POSITIONS_MAX;
        let types = if long && request.filter.stream.is_none() && !request.filter.types.is_empty() {
            Some(self.expand(&request.filter.types).await?)
        } else {
            None
        };
        if types.as_ref().is_some_and(Vec::is_empty) {
            return Ok(events);
        }
        let mut part = request.clone();
        while events.len() < request.limit {
            part.limit = (request.limit - events.len()).min(STATEMENT_EVENTS_MAX);
            let got = self.lines(select(&part, bound, LINE, types.as_deref(), Dialect::Sqlite), &mut events).await?;
            if got < part.limit {
                break;
            }
            part.after = events.last().map_or(part.after, |event| event.position);
        }
        Ok(events)
    }
}

impl Reader for SqliteReader {
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
        let (after, limit) = (request.after, request.limit);
        let bound = if is_open(&request.filter) { bound.min(after.0.saturating_add(limit as u64)) } else { bound };
        let events = self.read_filtered(request, bound).await?;
        let scanned_to = match events.last() {
            Some(last) if events.len() == limit => last.position,
            _ => after.max(Position(bound)),
        };
        Ok(Page { events, scanned_to })
    }

    async fn read_stream(&self, stream: &StreamId, from: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let mut events = Vec::new();
        let mut from = from.max(1);
        while events.len() < limit {
            let part = (limit - events.len()).min(STATEMENT_EVENTS_MAX);
            let sql =
                format!("select {LINE} from events where stream_id = $1 and version >= $2 order by version limit $3");
            let args = vec![Arg::Text(stream.as_str().to_owned()), Arg::Int(int(from)), Arg::Int(int(part as u64))];
            let got = self.lines(Select { sql, args }, &mut events).await?;
            if got < part {
                break;
            }
            from += got as u64;
        }
        Ok(events)
    }

    async fn head(&self) -> Result<Head, StoreError> {
        super::head(&self.pool).await.map_err(failed("read the head"))
    }

    async fn position_at(&self, time: Time) -> Result<Position, StoreError> {
        // Recorded times never go back along the log, so that halving finds the place.
        let position: i64 = sqlx::query_scalar(
            "with recursive search(low, high) as ( \
                 select 0, (select position from log_head where log = 'main') \
                 union all \
                 select case when (select recorded_at from events where position = (low + high + 1) / 2) <= $1 \
                             then (low + high + 1) / 2 else low end, \
                        case when (select recorded_at from events where position = (low + high + 1) / 2) <= $1 \
                             then high else (low + high + 1) / 2 - 1 end \
                 from search where low < high \
             ) select low from search where low >= high limit 1",
        )
        .bind(time.micros())
        .fetch_one(&self.pool)
        .await
        .map_err(failed("find a time in the log"))?;
        Ok(Position(position.unsigned_abs()))
    }
}
