//! What is sent arrives, in one unbroken stream.

use std::time::Duration;

use str0m::media::Mid;
use wac_media::wire::{ClientFrame, NodeFrame, Source};

use crate::client::{Client, Got};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Two people with everything, the first one's camera as given.
fn call(camera: impl Fn(&mut Client) -> &mut Client) -> World {
    let mut world = World::new();
    let (a, b) = (world.join("a"), world.join("b"));
    camera(world.clients[a].microphone());
    world.clients[a].slots(1, 1);
    world.clients[b].microphone().camera().slots(1, 1);
    world.negotiate(a);
    world.negotiate(b);
    world.run_until("connected", |world| world.clients.iter().all(|client| client.connected));
    world
}

/// What a client has got over the section that carries a source.
fn got(world: &World, client: usize, source: Source) -> &[Got] {
    let carried = carried(&world.clients[client], source);
    let got = carried.first().and_then(|mid| world.clients[client].got.get(mid));
    got.map_or(&[], Vec::as_slice)
}

pub(crate) fn carried(client: &Client, source: Source) -> Vec<Mid> {
    let tracks = client.frames.iter().rev().find_map(|frame| match frame {
        NodeFrame::Answer { tracks, .. } | NodeFrame::Tracks { tracks, .. } => Some(tracks.clone()),
        _ => None,
    });
    let of_source = tracks.unwrap_or_default().into_iter().filter(|track| track.source == source);
    of_source.map(|track| Mid::from(track.mid.as_str())).collect()
}

/// A decoder could show all of it: numbers without gaps, times that grow, pictures that follow one
/// another, a key frame first and at every change of layer.
fn assert_unbroken(got: &[Got]) {
    let mut sorted = got.to_vec();
    sorted.sort_by_key(|packet| packet.sequence);
    sorted.dedup_by_key(|packet| packet.sequence);
    assert!(sorted[0].sequence < 65_536, "begins without a rollover");
    assert!(sorted[0].picture_id.is_none() || sorted[0].key, "begins with a key frame");
    for pair in sorted.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert_eq!(after.sequence, before.sequence + 1, "no gap");
        assert!(after.timestamp.wrapping_sub(before.timestamp) < 0x8000_0000, "time does not go back");
        if let (Some(one), Some(next)) = (before.picture_id, after.picture_id) {
            assert!(next == one || next == (one + 1) & 0x7fff, "pictures follow one another: {one} {next}");
        }
        assert!(before.tag == after.tag || after.key, "a layer begins with a key frame");
    }
}

#[test]
fn sound_and_pictures_flow_both_ways() {
    let mut world = call(Client::camera);
    world.run(SECOND * 3);
    for client in 0..2 {
        assert!(got(&world, client, Source::Microphone).len() > 130, "sound");
        assert!(got(&world, client, Source::Camera).len() > 80, "pictures");
        assert_unbroken(got(&world, client, Source::Microphone));
        assert_unbroken(got(&world, client, Source::Camera));
    }
}

#[test]
fn what_the_network_loses_is_sent_again() {
    let mut world = call(Client::camera);
    world.loss_permille = 50;
    world.run(SECOND * 5);
    world.loss_permille = 0;
    world.run(SECOND);
    assert!(got(&world, 1, Source::Camera).len() > 150);
    assert_unbroken(got(&world, 1, Source::Camera));
}

/// The longest that the pictures stood still: a packet can be shown when all before it are there.
fn longest_stand(got: &[Got]) -> Duration {
    let mut sorted = got.to_vec();
    sorted.sort_by_key(|packet| (packet.sequence, packet.at));
    sorted.dedup_by_key(|packet| packet.sequence);
    let mut shown = sorted[0].at;
    let mut longest = Duration::ZERO;
    for packet in sorted {
        longest = longest.max(packet.at.saturating_duration_since(shown));
        shown = shown.max(packet.at);
    }
    longest
}

#[test]
fn pictures_do_not_freeze_on_a_way_that_loses_delays_and_reorders() {
    let mut world = call(Client::camera);
    world.loss_permille = 50;
    world.jitter = Duration::from_millis(30);
    world.run(SECOND * 20);
    world.loss_permille = 0;
    world.run(SECOND);
    let got = got(&world, 1, Source::Camera);
    assert!(got.len() > 600, "{}", got.len());
    assert_unbroken(got);
    assert!(longest_stand(got) < Duration::from_millis(500), "stood for {:?}", longest_stand(got));
}

#[test]
fn who_comes_later_sees_a_whole_picture_at_once() {
    let mut world = call(Client::camera);
    world.run(SECOND * 20);
    let c = world.join("c");
    world.clients[c].slots(2, 2);
    world.negotiate(c);
    world.run_until("connected", |world| world.clients[c].connected);
    let connected = world.now;
    world.run(SECOND);
    assert_eq!(carried(&world.clients[c], Source::Camera).len(), 2);
    for mid in carried(&world.clients[c], Source::Camera) {
        let got = &world.clients[c].got[&mid];
        assert_unbroken(got);
        assert!(got[0].at - connected < Duration::from_millis(200), "waited for {:?}", got[0].at - connected);
    }
    assert_unbroken(got(&world, 1, Source::Camera));
}

#[test]
fn a_publisher_is_asked_for_key_frames_only_when_they_are_needed() {
    let mut world = call(Client::camera);
    world.run(SECOND * 10);
    assert!(world.clients[0].keyframes_asked <= 2, "{}", world.clients[0].keyframes_asked);
}

#[test]
fn the_best_layer_that_the_way_bears_is_chosen_without_a_gap() {
    let mut world = call(Client::simulcast);
    world.run(SECOND * 10);
    assert_eq!(got(&world, 1, Source::Camera).last().unwrap().tag, 2, "the best");
    world.capacity = 60_000;
    world.run(SECOND * 15);
    let last = got(&world, 1, Source::Camera).last().unwrap();
    assert!(last.tag < 2, "480 kbit/s do not bear it");
    assert!(world.now - last.at < SECOND, "it flows");
    world.capacity = 0;
    world.run(SECOND * 30);
    assert_eq!(got(&world, 1, Source::Camera).last().unwrap().tag, 2, "the best again");
}

#[test]
fn a_layer_that_falls_silent_is_replaced() {
    let mut world = call(Client::simulcast);
    world.run(SECOND * 3);
    assert_eq!(got(&world, 1, Source::Camera).last().unwrap().tag, 2);
    world.clients[0].pause(2, true);
    world.run(SECOND * 4);
    let last = got(&world, 1, Source::Camera).last().unwrap().clone();
    assert_eq!(last.tag, 1);
    assert!(world.now - last.at < Duration::from_millis(100), "it flows");
    assert_unbroken(got(&world, 1, Source::Camera));
    world.clients[0].pause(2, false);
    world.run(SECOND * 5);
    assert_eq!(got(&world, 1, Source::Camera).last().unwrap().tag, 2);
    assert_unbroken(got(&world, 1, Source::Camera));
}

#[test]
fn a_small_window_gets_a_small_layer() {
    let mut world = call(Client::simulcast);
    world.run(SECOND * 8);
    let track_id = match &world.clients[1].frames[0] {
        NodeFrame::Hello { .. } => track_of(&world.clients[1], Source::Camera),
        frame => panic!("{frame:?}"),
    };
    let wish = ClientFrame::Subscribe { track_id, on: true, max_width: Some(640), priority: 0 };
    world.say(1, wish);
    world.run(SECOND * 2);
    assert_eq!(got(&world, 1, Source::Camera).last().unwrap().tag, 1);
    world.say(1, ClientFrame::Subscribe { track_id, on: false, max_width: None, priority: 0 });
    world.run(SECOND);
    let count: usize = world.clients[1].got.values().flatten().filter(|got| got.picture_id.is_some()).count();
    world.run(SECOND);
    let later: usize = world.clients[1].got.values().flatten().filter(|got| got.picture_id.is_some()).count();
    assert_eq!(count, later, "not wanted, not sent");
}

fn track_of(client: &Client, source: Source) -> wac_media::TrackId {
    let found = client.frames.iter().rev().find_map(|frame| match frame {
        NodeFrame::Answer { tracks, .. } | NodeFrame::Tracks { tracks, .. } => {
            tracks.iter().find(|track| track.source == source).map(|track| track.track_id)
        }
        _ => None,
    });
    found.unwrap()
}

#[test]
fn more_slots_are_asked_for_when_more_is_sent() {
    let mut world = call(Client::camera);
    let c = world.join("c");
    world.clients[c].microphone().camera();
    world.negotiate(c);
    world.run_until("connected", |world| world.clients[c].connected);
    let needs = |client: &Client| client.frames.contains(&NodeFrame::Need { audio: 1, video: 1 });
    assert!(needs(&world.clients[0]) && needs(&world.clients[1]));
    world.clients[0].slots(1, 1);
    world.negotiate(0);
    world.run(SECOND * 2);
    assert_eq!(carried(&world.clients[0], Source::Camera).len(), 2);
    for mid in carried(&world.clients[0], Source::Camera) {
        assert_unbroken(&world.clients[0].got[&mid]);
        assert!(world.clients[0].got[&mid].len() > 50);
    }
}

#[test]
fn a_screen_is_a_second_picture_and_does_not_tear_the_call_down() {
    let mut world = call(Client::camera);
    world.run(SECOND);
    world.clients[0].screen();
    world.negotiate(0);
    world.clients[1].slots(0, 1);
    world.negotiate(1);
    world.run(SECOND * 2);
    assert_eq!(carried(&world.clients[1], Source::Screen).len(), 1);
    assert!(got(&world, 1, Source::Screen).len() > 50);
    assert_unbroken(got(&world, 1, Source::Screen));
    assert_unbroken(got(&world, 1, Source::Camera));
    assert_unbroken(got(&world, 1, Source::Microphone));
}

#[test]
fn who_speaks_is_told() {
    let mut world = call(Client::camera);
    world.clients[1].level = -90;
    world.run(SECOND * 2);
    let told = |client: &Client| {
        client
            .frames
            .iter()
            .filter_map(|frame| match frame {
                NodeFrame::Speakers { user_ids } => Some(user_ids.clone()),
                _ => None,
            })
            .next_back()
    };
    assert_eq!(told(&world.clients[1]), Some(vec!["a".into()]));
    assert_eq!(told(&world.clients[0]), Some(vec!["a".into()]));
}

#[test]
fn a_publisher_is_told_to_take_less_when_his_way_loses() {
    let mut world = call(Client::camera);
    world.run(SECOND * 5);
    assert_eq!(world.clients[0].limit, Some(1_024_000 + 150_000));
    world.loss_permille = 150;
    world.run(SECOND * 15);
    assert_eq!(world.clients[0].limit, Some(341_000 + 150_000), "a third");
    world.loss_permille = 0;
    world.run(SECOND * 40);
    assert_eq!(world.clients[0].limit, Some(1_024_000 + 150_000));
    assert!(world.clients[0].frames.iter().any(|frame| matches!(frame, NodeFrame::Quality { .. })));
}
