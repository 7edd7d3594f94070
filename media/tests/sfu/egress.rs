//! What the node itself seals, numbers and reports.

use std::time::Duration;

use str0m::media::{Direction, Mid};
use wac_media::Dropped;
use wac_media::wire::Source;

use crate::client::{Client, Got};
use crate::media::carried;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);
const CLOCK_HZ: f64 = 90_000.0;

/// Somebody shows himself to somebody else.
fn call() -> World {
    let mut world = World::new();
    for name in ["a", "b"] {
        let client = world.join(name);
        let sends: fn(&mut Client) -> &mut Client = if name == "a" { |it| it.microphone().camera() } else { |it| it };
        sends(&mut world.clients[client]).slots(1, 1);
        world.negotiate(client);
    }
    world.run_until("connected", |world| world.clients.iter().all(|client| client.connected));
    world.run(SECOND);
    world
}

fn got(world: &World, source: Source) -> (Mid, &[Got]) {
    let mid = carried(&world.clients[1], source)[0];
    (mid, &world.clients[1].got[&mid])
}

#[test]
fn receivers_are_told_which_time_a_timestamp_is_of() {
    let mut world = call();
    world.run(SECOND * 5);
    let last = |source| got(&world, source).1.last().unwrap().clone();
    let (sound, picture) = (last(Source::Microphone), last(Source::Camera));
    let (Some((sound_at, _)), Some((picture_at, timestamp))) = (sound.clock, picture.clock) else {
        panic!("no report: {sound:?} {picture:?}");
    };
    assert_eq!(sound_at, picture_at, "both by one clock, in one report");
    let reported_ago = f64::from(picture.timestamp.wrapping_sub(timestamp)) / CLOCK_HZ;
    assert!((0.0..2.5).contains(&reported_ago), "reported every two seconds: {reported_ago}");
    world.run(SECOND * 4);
    let (_, pictures) = got(&world, Source::Camera);
    let (later_at, later) = pictures.last().unwrap().clock.unwrap();
    let passed = later_at.duration_since(picture_at).unwrap().as_secs_f64();
    let counted = f64::from(later.wrapping_sub(timestamp)) / CLOCK_HZ;
    assert!(passed >= 2.0 && (passed - counted).abs() < 0.05, "timestamps and time go alike: {passed} {counted}");
}

#[test]
fn a_request_for_what_is_lost_is_heard_once() {
    let mut world = call();
    world.loss_permille = 200;
    world.run(SECOND * 2);
    world.loss_permille = 0;
    world.run(SECOND);
    let own = world.clients[1].address;
    let is_report = |bytes: &[u8]| bytes[0] >= 128 && (192..224).contains(&bytes[1]);
    let seen = world.seen_by_node.iter().filter(|(from, bytes)| *from == own && is_report(bytes));
    let reports: Vec<Vec<u8>> = seen.map(|(_, bytes)| bytes.clone()).collect();
    assert!(reports.len() > 20, "{}", reports.len());
    let before = world.sfu.figures();
    for report in &reports {
        world.inject(own, report);
    }
    let after = world.sfu.figures();
    assert_eq!(after.dropped(Dropped::NotTaken) - before.dropped(Dropped::NotTaken), reports.len() as u64);
    assert_eq!(after.packets_sent, before.packets_sent, "nothing is sent because of them");
}

#[test]
fn reports_that_were_tampered_with_are_counted_and_not_heard() {
    let mut world = call();
    let own = world.clients[1].address;
    let before = world.sfu.figures();
    let mut forged = vec![0x81, 206, 0, 2];
    forged.resize(60, 7);
    world.inject(own, &forged);
    world.inject(own, &forged[..9]);
    let after = world.sfu.figures();
    assert_eq!(after.dropped(Dropped::NotTaken) - before.dropped(Dropped::NotTaken), 2);
    let flowed = got(&world, Source::Camera).1.len();
    world.run(SECOND);
    assert!(got(&world, Source::Camera).1.len() > flowed + 20, "the others go on");
}

#[test]
fn a_section_that_is_closed_and_opened_again_has_another_source() {
    // Its numbers begin anew, and no number may be sealed twice under one source (RFC 3711 §9.1).
    let mut world = call();
    let (mid, before) = got(&world, Source::Camera);
    let former = before.last().unwrap().source;
    world.clients[1].turn(mid, Direction::Inactive);
    world.negotiate(1);
    world.run(SECOND);
    let paused = world.clients[1].got[&mid].len();
    world.run(SECOND);
    assert_eq!(world.clients[1].got[&mid].len(), paused, "it is closed");
    world.clients[1].turn(mid, Direction::RecvOnly);
    world.negotiate(1);
    world.run(SECOND * 2);
    let again = &world.clients[1].got[&mid][paused..];
    assert!(again.len() > 20, "{}", again.len());
    assert!(again.iter().all(|packet| packet.source != former), "under the same source");
    assert!(again[0].key && again[0].sequence < 10, "it begins anew");
}

#[test]
fn what_is_renegotiated_meanwhile_keeps_its_source_and_its_numbers() {
    let mut world = call();
    let (mid, before) = got(&world, Source::Camera);
    let before = before.last().unwrap().clone();
    world.clients[1].slots(0, 1);
    world.negotiate(1);
    world.run(SECOND);
    let last = world.clients[1].got[&mid].last().unwrap();
    assert_eq!(last.source, before.source);
    assert!(last.sequence > before.sequence + 20);
}
