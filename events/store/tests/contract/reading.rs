//! Pages, filters, streams and times.

use std::sync::Arc;

use wac_events::{EventFilter, EventLog, Page, Position, ReadRequest, Recorded, Time};

use crate::harness::*;

on_every_store!(
    what_was_appended_is_read_back,
    every_filter_finds_what_a_plain_search_finds,
    a_filtered_page_says_how_far_it_looked,
    a_stream_is_read_from_a_version_on,
    a_time_is_found_in_the_log,
);

async fn page(log: &Arc<dyn EventLog>, after: u64, before: Option<u64>, filter: &EventFilter, limit: usize) -> Page {
    let request = ReadRequest { after: Position(after), before: before.map(Position), filter: filter.clone(), limit };
    log.read(request).await.unwrap()
}

async fn what_was_appended_is_read_back(fixture: Fixture) {
    let mut wanted = event("room.created", 1);
    wanted.domain = None;
    wanted.schema_version = 7;
    wanted.occurred_at = Time::parse("1969-07-20T20:17:40.123456Z").unwrap();
    wanted.data = "{\n \"text\": \"a\\u001fb\\n☎\", \"list\": [1.5, null, true]}".to_owned();
    let other = event("room.touched", 2);
    let command = batch(vec![exactly(&stream("ü/1"), 0, vec![wanted.clone(), other.clone()])]);
    fixture.log().append(command).await.unwrap();
    let events = everything(fixture.log()).await;
    for (recorded, wanted) in events.iter().zip([&wanted, &other]) {
        assert_eq!(recorded.event_id, wanted.event_id);
        assert_eq!(&*recorded.event_type, wanted.event_type);
        assert_eq!(recorded.schema_version, wanted.schema_version);
        assert_eq!(recorded.domain, wanted.domain);
        assert_eq!(recorded.occurred_at, wanted.occurred_at);
        assert_eq!(recorded.stream, stream("ü/1"));
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(json(&recorded.data), json(&wanted.data));
        assert_eq!(json(&recorded.meta), json(&wanted.meta));
    }
}

/// 6,000 events of six types, three domains and many streams: more than a read scans.
async fn fill(log: &Arc<dyn EventLog>) -> Vec<Recorded> {
    let types = ["room.created", "room.closed", "room.touched", "roomy.opened", "user.created", "rare.seen"];
    for chunk in 0..12u64 {
        let appends = (0..10u64).map(|s| {
            let events = (0..50u64).map(|n| {
                let number = chunk * 500 + s * 50 + n;
                let kind = if number % 1_999 == 7 { 5 } else { (number * number % 5) as usize };
                let mut event = event(types[kind], number);
                event.domain = [None, Some("quobis".into()), Some("demo".into())][number as usize % 3].clone();
                event
            });
            any(&stream(&(number_of(chunk, s)).to_string()), events.collect())
        });
        log.append(batch(appends.collect())).await.unwrap();
    }
    let all = everything(log).await;
    assert_eq!(all.len(), 6_000);
    all
}

fn number_of(chunk: u64, s: u64) -> u64 {
    (chunk % 3) * 100 + s
}

fn filters() -> Vec<EventFilter> {
    let types = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let type_sets =
        [types(&[]), types(&["room.created"]), types(&["room.*"]), types(&["user.*", "rare.seen"]), types(&["none.*"])];
    let mut filters = Vec::new();
    for types in type_sets {
        for domain in [None, Some("demo".into()), Some("nowhere".into())] {
            for stream_id in [None, Some(stream("103"))] {
                filters.push(EventFilter { stream: stream_id, types: types.clone(), domain: domain.clone() });
            }
        }
    }
    filters
}

fn passes(filter: &EventFilter, event: &Recorded) -> bool {
    let of_type = |wanted: &String| match wanted.strip_suffix('*') {
        Some(prefix) => event.event_type.starts_with(prefix),
        None => **wanted == *event.event_type,
    };
    filter.stream.as_ref().is_none_or(|stream| *stream == event.stream)
        && (filter.domain.is_none() || filter.domain == event.domain)
        && (filter.types.is_empty() || filter.types.iter().any(of_type))
}

async fn every_filter_finds_what_a_plain_search_finds(fixture: Fixture) {
    let all = fill(fixture.log()).await;
    for filter in filters() {
        for (after, before, limit) in [(0, None, 10_000), (0, None, 700), (100, Some(5_900), 10_000), (5_500, None, 50)]
        {
            let wanted: Vec<_> = all
                .iter()
                .filter(|event| event.position.0 > after && before.is_none_or(|before| event.position.0 < before))
                .filter(|event| passes(&filter, event))
                .cloned()
                .collect();
            let mut found = Vec::new();
            let mut from = after;
            loop {
                let page = page(fixture.log(), from, before, &filter, limit).await;
                assert!(page.events.len() <= limit);
                found.extend(page.events);
                if page.scanned_to.0 == from {
                    break;
                }
                from = page.scanned_to.0;
            }
            assert_eq!(found, wanted, "{filter:?} after {after} before {before:?} limit {limit}");
            assert_eq!(from, before.map_or(6_000, |before| before - 1), "{filter:?}");
        }
    }
}

async fn a_filtered_page_says_how_far_it_looked(fixture: Fixture) {
    let none = page(fixture.log(), 0, None, &EventFilter::default(), 10).await;
    assert_eq!((none.events.len(), none.scanned_to), (0, Position(0)));
    for version in 0..10 {
        fixture.log().append(one(&stream("a"), version)).await.unwrap();
    }
    let nothing = EventFilter { types: vec!["user.created".to_owned()], ..EventFilter::default() };
    let empty = page(fixture.log(), 0, None, &nothing, 5).await;
    assert_eq!((empty.events.len(), empty.scanned_to), (0, Position(10)));
    assert_eq!(page(fixture.log(), 0, Some(4), &nothing, 5).await.scanned_to, Position(3));
    let full = page(fixture.log(), 2, None, &EventFilter::default(), 5).await;
    assert_eq!((full.events.len(), full.scanned_to), (5, Position(7)));
    // A checkpoint never goes back, not even one from beyond the end.
    assert_eq!(page(fixture.log(), 99, None, &EventFilter::default(), 5).await.scanned_to, Position(99));
    assert_eq!(page(fixture.log(), 5, Some(3), &EventFilter::default(), 5).await.scanned_to, Position(5));
}

async fn a_stream_is_read_from_a_version_on(fixture: Fixture) {
    let (a, b) = (stream("a"), stream("b"));
    for version in 0..30 {
        fixture.log().append(one(&a, version)).await.unwrap();
        fixture.log().append(one(&b, version)).await.unwrap();
    }
    let versions = async |from, limit| {
        let events = fixture.log().read_stream(&a, from, limit).await.unwrap();
        assert!(events.iter().all(|event| event.stream == a));
        events.iter().map(|event| event.version).collect::<Vec<_>>()
    };
    assert_eq!(versions(1, 100).await, (1..=30).collect::<Vec<_>>());
    assert_eq!(versions(10, 3).await, [10, 11, 12]);
    assert_eq!(versions(31, 10).await, [] as [u64; 0]);
    assert!(fixture.log().read_stream(&stream("none"), 1, 10).await.unwrap().is_empty());
}

async fn a_time_is_found_in_the_log(fixture: Fixture) {
    assert_eq!(fixture.log().position_at(Time::from_millis(1)).await.unwrap(), Position(0));
    for version in 0..40 {
        fixture.log().append(one(&stream("a"), version)).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_micros(200)).await;
    }
    let events = everything(fixture.log()).await;
    for event in &events {
        let last = events.iter().rfind(|other| other.recorded_at <= event.recorded_at).unwrap().position;
        assert_eq!(fixture.log().position_at(event.recorded_at).await.unwrap(), last);
        let before = Time::from_micros(event.recorded_at.micros() - 1);
        let last = events.iter().rfind(|other| other.recorded_at <= before).map_or(Position(0), |event| event.position);
        assert_eq!(fixture.log().position_at(before).await.unwrap(), last);
    }
}
