//! Many events in one SQLite value. The driver pays for each row and column it hands over; joined
//! text costs a fraction of that. JSON never holds control characters inside its strings, and names
//! with control characters are refused at append, so the separators occur nowhere else.

use uuid::Uuid;
use wac_events::{EventId, Position, Recorded, StreamId, Time};

use crate::names::Interner;

const LINE_END: char = '\u{1e}';
const COLUMN_END: char = '\u{1f}';

/// The columns of one event as one text.
pub(super) const LINE: &str = "concat_ws(char(31), position, version, schema_version, occurred_at, recorded_at, \
    hex(event_id), type, coalesce(domain, ''), stream_id, meta, data) as line";

/// Wraps a query for [`LINE`]s into one for a single text.
pub(super) fn joined(select: &str) -> String {
    format!("select group_concat(line, char(30)) from ({select})")
}

/// Reads what [`joined`] gives, or says at which event it went wrong.
pub(super) fn parse(text: &str, names: &mut Interner<'_>, into: &mut Vec<Recorded>) -> Result<(), String> {
    for line in text.split(LINE_END) {
        let mut columns = line.splitn(11, COLUMN_END);
        let event = event(&mut columns, names).ok_or_else(|| {
            format!("event at position {} cannot be read", line.split(COLUMN_END).next().unwrap_or_default())
        })?;
        into.push(event);
    }
    Ok(())
}

fn event<'a>(columns: &mut impl Iterator<Item = &'a str>, names: &mut Interner<'_>) -> Option<Recorded> {
    Some(Recorded {
        position: Position(columns.next()?.parse().ok()?),
        version: columns.next()?.parse().ok()?,
        schema_version: columns.next()?.parse().ok()?,
        occurred_at: Time::from_micros(columns.next()?.parse().ok()?),
        recorded_at: Time::from_micros(columns.next()?.parse().ok()?),
        event_id: EventId(Uuid::try_parse_ascii(columns.next()?.as_bytes()).ok()?),
        event_type: names.event_type(columns.next()?),
        domain: columns.next().map(|name| if name.is_empty() { None } else { Some(names.domain(name)) })?,
        stream: StreamId::new(columns.next()?),
        meta: columns.next()?.to_owned(),
        data: columns.next()?.to_owned(),
    })
}
