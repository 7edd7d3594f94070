//! The rules of [`AppendBatch`], checked in the caller's task before the batch is queued: whatever
//! gets to the writer can be written, so that nobody's mistake holds up others.

use std::collections::HashSet;

use serde::de::IgnoredAny;
use wac_events::{AppendBatch, COMMAND_EVENTS_MAX, NewEvent};

/// Longest payload or metadata of one event, in bytes.
pub const EVENT_BYTES_MAX: usize = 1 << 20;
/// Longest stream id, wire name or domain id, in bytes.
pub const NAME_BYTES_MAX: usize = 512;

pub(super) fn batch(batch: &AppendBatch) -> Result<(), &'static str> {
    let events: usize = batch.appends.iter().map(|append| append.events.len()).sum();
    if events == 0 {
        return Err("a command appends at least one event");
    }
    if events > COMMAND_EVENTS_MAX {
        return Err("a command appends at most 1,000 events");
    }
    if batch.appends.len() > 1 {
        let streams: HashSet<_> = batch.appends.iter().map(|append| &append.stream).collect();
        if streams.len() < batch.appends.len() {
            return Err("a stream occurs twice in one command");
        }
    }
    for append in &batch.appends {
        name(append.stream.as_str())?;
        append.events.iter().try_for_each(event)?;
    }
    if events > 1 {
        let ids: HashSet<_> =
            batch.appends.iter().flat_map(|append| &append.events).map(|event| event.event_id).collect();
        if ids.len() < events {
            return Err("an event id occurs twice in one command");
        }
    }
    Ok(())
}

fn event(event: &NewEvent) -> Result<(), &'static str> {
    name(event.event_type)?;
    if let Some(domain) = &event.domain {
        name(domain.as_str())?;
    }
    if i32::try_from(event.schema_version).is_err() {
        return Err("a schema version is beyond 2^31");
    }
    object(&event.data)?;
    object(&event.meta)
}

fn name(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        return Err("a stream id, event type or domain is empty or longer than 512 bytes");
    }
    // Reads on SQLite join columns by control characters.
    if text.bytes().any(|byte| byte < 0x20) {
        return Err("a stream id, event type or domain holds a control character");
    }
    Ok(())
}

fn object(json: &str) -> Result<(), &'static str> {
    if json.len() > EVENT_BYTES_MAX {
        return Err("an event's payload or metadata is longer than 1 MiB");
    }
    if !json.starts_with('{') || serde_json::from_str::<IgnoredAny>(json).is_err() {
        return Err("an event's payload or metadata is not a JSON object");
    }
    if escapes_nul(json) {
        return Err("an event's payload or metadata holds the character U+0000, which PostgreSQL cannot store");
    }
    Ok(())
}

/// Whether a string in valid JSON holds `\u0000` (and not an escaped backslash before `u0000`).
fn escapes_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        let backslashes = json[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes % 2 == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_without_nul_are_payloads() {
        for fine in [r#"{}"#, r#"{"a":"\\u0000"}"#, r#"{"a":"ü\n"}"#] {
            assert_eq!(object(fine), Ok(()), "{fine}");
        }
        for wrong in ["", "[]", "{", r#"{"a":1}x"#, r#"{"a":"\u0000"}"#, r#"{"a":"\\\u0000"}"#] {
            assert!(object(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_with_a_control_character_is_refused() {
        assert!(name("room-a\u{1f}b").is_err());
        assert!(name(&"x".repeat(NAME_BYTES_MAX + 1)).is_err());
        assert_eq!(name("room-ä"), Ok(()));
    }
}
