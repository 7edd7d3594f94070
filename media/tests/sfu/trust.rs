//! What does not come from a client changes nothing.

use std::net::SocketAddr;
use std::time::Duration;

use wac_media::wire::{ClientFrame, NodeFrame, Source};

use crate::media::carried;
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

fn call() -> World {
    let mut world = World::new();
    for name in ["a", "b"] {
        let client = world.join(name);
        world.clients[client].microphone().slots(1, 0);
        world.negotiate(client);
    }
    world.run_until("connected", |world| world.clients.iter().all(|client| client.connected));
    world.run(SECOND);
    world
}

fn heard(world: &World, client: usize) -> usize {
    let mid = carried(&world.clients[client], Source::Microphone)[0];
    world.clients[client].got.get(&mid).map_or(0, Vec::len)
}

#[test]
fn everything_that_was_ever_sent_changes_nothing_when_it_comes_again_from_elsewhere() {
    let mut world = call();
    let stranger: SocketAddr = "203.0.113.9:9".parse().unwrap();
    let seen = world.seen_by_node.clone();
    assert!(seen.iter().any(|(_, bytes)| bytes[0] < 4), "checks are among it");
    for (_, bytes) in &seen {
        world.inject(stranger, bytes);
    }
    let before = heard(&world, 1);
    world.run(SECOND * 2);
    let flowed = heard(&world, 1) - before;
    assert!((90..=102).contains(&flowed), "neither more nor less: {flowed}");
}

#[test]
fn what_comes_again_from_where_it_came_is_heard_once() {
    let mut world = call();
    let own = world.clients[0].address;
    let media: Vec<Vec<u8>> = world
        .seen_by_node
        .iter()
        .filter(|(from, bytes)| *from == own && bytes[0] >= 128)
        .map(|(_, bytes)| bytes.clone())
        .collect();
    let before = heard(&world, 1);
    for bytes in &media {
        world.inject(own, bytes);
    }
    world.run(SECOND);
    let flowed = heard(&world, 1) - before;
    assert!((45..=52).contains(&flowed), "{flowed}");
}

#[test]
fn a_check_with_another_password_is_not_a_client() {
    let mut world = call();
    let stranger: SocketAddr = "203.0.113.9:9".parse().unwrap();
    let check = world.seen_by_node.iter().find(|(_, bytes)| bytes[0] < 4).unwrap().1.clone();
    for at in [9, 30, check.len() - 30] {
        let mut forged = check.clone();
        forged[at] ^= 1;
        world.inject(stranger, &forged);
    }
    let before = heard(&world, 1);
    world.run(SECOND);
    assert!(heard(&world, 1) - before > 45);
}

#[test]
fn rubbish_is_dropped() {
    let mut world = call();
    let own = world.clients[0].address;
    for length in 0..200usize {
        let bytes: Vec<u8> = (0..length).map(|n| (n * 37 + length * 11) as u8).collect();
        world.inject(own, &bytes);
        world.inject("203.0.113.9:9".parse().unwrap(), &bytes);
    }
    world.run(SECOND);
    let before = heard(&world, 1);
    world.run(SECOND);
    assert!(heard(&world, 1) - before > 45);
}

#[test]
fn a_client_that_moves_goes_on_after_a_restart_of_ice() {
    let mut world = call();
    world.clients[0].address = "198.51.100.77:7777".parse().unwrap();
    let candidate = str0m::Candidate::host(world.clients[0].address, "udp").unwrap();
    world.clients[0].rtc.add_local_candidate(candidate);
    world.clients[0].restart_ice = true;
    world.negotiate(0);
    world.run(SECOND * 3);
    let before = (heard(&world, 0), heard(&world, 1));
    world.run(SECOND);
    assert!(heard(&world, 0) - before.0 > 45, "to the new address");
    assert!(heard(&world, 1) - before.1 > 45, "from the new address");
}

#[test]
fn an_offer_that_is_none_is_refused_by_name() {
    let mut world = call();
    for sdp in ["", "v=0", "\u{1F600}", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"] {
        world.say(0, ClientFrame::Offer { sdp: sdp.into(), tracks: Vec::new() });
        let refused = world.clients[0].frames.last();
        assert!(matches!(refused, Some(NodeFrame::Error { code: "bad_offer", .. })), "{sdp:?}: {refused:?}");
    }
    let before = heard(&world, 1);
    world.run(SECOND);
    assert!(heard(&world, 1) - before > 45, "the call goes on");
}
