//! What is in the log stays as it is.

use crate::harness::*;

on_both_databases!(events_can_be_neither_changed_nor_removed);

async fn events_can_be_neither_changed_nor_removed(fixture: Fixture) {
    fixture.log().append(one(&stream("a"), 0)).await.unwrap();
    fixture.log().append(one(&stream("a"), 1)).await.unwrap();
    let before = everything(fixture.log()).await;
    let mut attempts = vec![
        "update events set data = '{}' where position = 1",
        "update events set position = position + 10",
        "delete from events",
        "insert into events select * from events where position = 1 on conflict (position) do update set data = '{}'",
    ];
    let more = match fixture.url.starts_with("postgres") {
        true => ["truncate events", "truncate events cascade"].map(str::to_owned).to_vec(),
        false => replacements(),
    };
    attempts.extend(more.iter().map(String::as_str));
    for sql in attempts {
        let refused = fixture.execute(sql).await;
        let text = refused.expect_err(sql).to_string();
        assert!(text.contains("immutable"), "{sql}: {text}");
    }
    assert_eq!(everything(fixture.log()).await, before);
}

/// SQLite's ways to put a row in the place of another, by each of its unique keys.
fn replacements() -> Vec<String> {
    let as_row = |position, event_id, stream, version, command| {
        format!(
            "select {position}, {stream}, {version}, {event_id}, type, schema_version, domain, '{{}}', meta, {command}, \
             command_last, occurred_at, recorded_at from events where position = 1"
        )
    };
    let same_place = as_row("position", "randomblob(16)", "'other'", "1", "null");
    let same_id = as_row("9", "event_id", "'other'", "1", "null");
    let same_version = as_row("9", "randomblob(16)", "stream_id", "version", "null");
    let same_command = as_row("9", "randomblob(16)", "'other'", "1", "command_id");
    let mut attempts = vec![
        "update or replace events set position = 1 where position = 2".to_owned(),
        format!("insert or ignore into events {same_place}"),
    ];
    for row in [same_place, same_id, same_version, same_command] {
        attempts.push(format!("replace into events {row}"));
        attempts.push(format!("insert or replace into events {row}"));
    }
    attempts
}
