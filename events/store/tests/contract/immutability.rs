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
    if fixture.url.starts_with("postgres") {
        attempts.extend(["truncate events", "truncate events cascade"]);
    }
    for sql in attempts {
        let refused = fixture.execute(sql).await;
        let text = refused.expect_err(sql).to_string();
        assert!(text.contains("immutable"), "{sql}: {text}");
    }
    assert_eq!(everything(fixture.log()).await, before);
}
