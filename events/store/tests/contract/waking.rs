//! Those who wait learn soon that the log has moved.

use std::time::{Duration, Instant};

use wac_events::{EventFilter, Position, Subscription};

use crate::harness::*;

on_every_store!(a_waiting_subscriber_sees_an_append_of_any_node_soon, waiting_ends_with_its_patience);

/// The promise is 100 ms; the rest is room for a busy machine.
const SOON: Duration = Duration::from_millis(600);

async fn a_waiting_subscriber_sees_an_append_of_any_node_soon(fixture: Fixture) {
    let other = fixture.other_node().await;
    for (writer, n) in [(fixture.log(), 0u64), (&other.log, 1), (&other.log, 2)] {
        let mut subscription = Subscription::new(fixture.log().clone(), Position(n), EventFilter::default(), 10);
        let waiting = tokio::spawn(async move {
            let page = subscription.next().await.unwrap();
            (page.events.len(), Instant::now())
        });
        // Long enough for the subscriber to be waiting; too short changes nothing in the result.
        tokio::time::sleep(Duration::from_millis(30)).await;
        writer.append(one(&stream("a"), n)).await.unwrap();
        let appended = Instant::now();
        let (events, seen) = waiting.await.unwrap();
        assert_eq!(events, 1);
        assert!(seen.saturating_duration_since(appended) < SOON, "{:?}", seen.saturating_duration_since(appended));
    }
}

async fn waiting_ends_with_its_patience(fixture: Fixture) {
    fixture.log().append(one(&stream("a"), 0)).await.unwrap();
    fixture.log().wait_beyond(Position(0), Duration::from_secs(60)).await;
    let began = Instant::now();
    fixture.log().wait_beyond(Position(1), Duration::from_millis(80)).await;
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(80) && waited < Duration::from_secs(5), "{waited:?}");
}
