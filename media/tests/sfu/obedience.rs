//! The log says who is in the room and what of him is heard; the node obeys.

use std::time::Duration;

use wac_events::room::{
    LeaveReason, ParticipantHeld, ParticipantLeft, ParticipantMuted, ParticipantUnheld, RoomClosed, RoomEnd, RoomEvent,
};
use wac_events::{Media, Time};
use wac_media::wire::{ByeReason, NodeFrame, Source};
use wac_media::{Direction, JoinRejection, PeerFact, Summary};

use crate::media::carried;
use crate::world::{World, joined, opening};

const SECOND: Duration = Duration::from_secs(1);

fn call() -> World {
    let mut world = World::new();
    for name in ["a", "b"] {
        let client = world.join(name);
        world.clients[client].microphone().camera().slots(1, 1);
        world.negotiate(client);
    }
    world.run_until("connected", |world| world.clients.iter().all(|client| client.connected));
    world.run(SECOND);
    world
}

fn left(name: &str, reason: LeaveReason) -> RoomEvent {
    RoomEvent::ParticipantLeft(ParticipantLeft {
        room: "room".into(),
        opening: opening(),
        seat: 1,
        user: name.into(),
        session: format!("session-{name}").into(),
        reason,
        by: None,
        at: Time::EPOCH,
    })
}

fn closed() -> RoomEvent {
    RoomEvent::Closed(RoomClosed {
        room: "room".into(),
        opening: opening(),
        reason: RoomEnd::Closed,
        by: None,
        at: Time::EPOCH,
    })
}

fn muted(name: &str, media: Media, muted: bool) -> RoomEvent {
    let (room, user, by) = ("room".into(), name.into(), "a".into());
    RoomEvent::ParticipantMuted(ParticipantMuted { room, opening: opening(), user, media, muted, by })
}

/// How many packets a client gets of a source within a second.
fn flow(world: &mut World, client: usize, source: Source) -> usize {
    world.run(Duration::from_millis(100));
    let mid = carried(&world.clients[client], source)[0];
    let count = |world: &World| world.clients[client].got.get(&mid).map_or(0, Vec::len);
    let before = count(world);
    world.run(SECOND);
    count(world) - before
}

#[test]
fn who_has_no_seat_does_not_join() {
    let mut world = World::new();
    assert_eq!(world.try_join("a"), Err(JoinRejection::NoSeat));
    world.apply(&joined("a"));
    assert!(world.try_join("a").is_ok());
    world.apply(&closed());
    assert_eq!(world.try_join("a"), Err(JoinRejection::UnknownRoom));
}

#[test]
fn what_is_muted_is_not_sent_and_comes_back_whole() {
    let mut world = call();
    assert!(flow(&mut world, 1, Source::Microphone) > 40);
    world.apply(&muted("a", Media::Audio, true));
    assert_eq!(flow(&mut world, 1, Source::Microphone), 0);
    assert!(flow(&mut world, 1, Source::Camera) > 20, "his picture goes on");
    assert!(flow(&mut world, 0, Source::Microphone) > 40, "he hears the others");
    world.apply(&muted("a", Media::Audio, false));
    assert!(flow(&mut world, 1, Source::Microphone) > 40);
    let frames = &world.clients[1].frames;
    assert!(frames.iter().any(|frame| matches!(frame, NodeFrame::Muted { muted: true, .. })));

    world.apply(&muted("a", Media::Video, true));
    assert_eq!(flow(&mut world, 1, Source::Camera), 0);
    world.apply(&muted("a", Media::Video, false));
    assert!(flow(&mut world, 1, Source::Camera) > 20);
    let mid = carried(&world.clients[1], Source::Camera)[0];
    let got = &world.clients[1].got[&mid];
    let resumed = got.windows(2).find(|pair| pair[1].at - pair[0].at > SECOND).unwrap();
    assert!(resumed[1].key, "with a key frame");
    assert_eq!(resumed[1].sequence, resumed[0].sequence + 1, "without a gap");
}

#[test]
fn who_is_held_neither_hears_nor_is_heard() {
    let mut world = call();
    world.apply(&RoomEvent::ParticipantHeld(ParticipantHeld {
        room: "room".into(),
        opening: opening(),
        user: "a".into(),
    }));
    for client in 0..2 {
        assert_eq!(flow(&mut world, client, Source::Microphone), 0);
        assert_eq!(flow(&mut world, client, Source::Camera), 0);
    }
    let unheld = ParticipantUnheld { room: "room".into(), opening: opening(), user: "a".into() };
    world.apply(&RoomEvent::ParticipantUnheld(unheld));
    for client in 0..2 {
        assert!(flow(&mut world, client, Source::Microphone) > 40);
        assert!(flow(&mut world, client, Source::Camera) > 20);
    }
}

#[test]
fn who_is_expelled_is_cut_off_at_once() {
    let mut world = call();
    world.apply(&left("a", LeaveReason::Expelled));
    assert_eq!(world.clients[0].ended, Some(ByeReason::Expelled));
    assert!(carried(&world.clients[1], Source::Microphone).is_empty(), "the other is told");
    let packets = |world: &World, client: usize| world.clients[client].got.values().map(Vec::len).sum::<usize>();
    world.run(Duration::from_millis(100));
    let before = (packets(&world, 0), packets(&world, 1));
    world.run(SECOND);
    assert_eq!((packets(&world, 0), packets(&world, 1)), before);
    assert_eq!(world.sfu.peer_count(), 1);
    assert_eq!(world.try_join("a"), Err(JoinRejection::NoSeat));
}

#[test]
fn the_end_of_the_room_ends_everything() {
    let mut world = call();
    world.apply(&closed());
    assert!(world.clients.iter().all(|client| client.ended == Some(ByeReason::Closed)));
    assert_eq!((world.sfu.peer_count(), world.sfu.room_count()), (0, 0));
}

#[test]
fn a_session_that_goes_on_with_another_socket_is_told_how_things_are() {
    let mut world = call();
    world.clients[0].frames.clear();
    world.resume(0);
    assert!(matches!(&world.clients[0].frames[0], NodeFrame::Hello { session_id, .. } if session_id == "media-a"));
    assert_eq!(carried(&world.clients[0], Source::Camera).len(), 1);
    assert!(flow(&mut world, 0, Source::Camera) > 20, "it went on all the time");
}

#[test]
fn a_device_that_joins_again_replaces_itself() {
    let mut world = call();
    assert!(world.try_join("a").is_ok());
    world.run(Duration::from_millis(20));
    assert_eq!(world.clients[0].ended, Some(ByeReason::Replaced));
    assert_eq!(world.sfu.peer_count(), 2);
}

#[test]
fn who_is_not_heard_of_any_more_is_lost() {
    let mut world = call();
    world.loss_permille = 1_000;
    world.run(SECOND * 32);
    assert_eq!(world.sfu.peer_count(), 0);
    assert_eq!(world.clients[0].ended, Some(ByeReason::Lost));
}

#[test]
fn what_happens_to_a_session_is_told_each_thing_once() {
    let mut world = call();
    world.run(SECOND * 62);
    world.apply(&left("a", LeaveReason::Left));
    let facts = &world.clients[0].facts;
    let count = |wanted: fn(&PeerFact) -> bool| facts.iter().filter(|fact| wanted(fact)).count();
    assert_eq!(count(|fact| *fact == PeerFact::Connected), 1);
    assert_eq!(count(|fact| *fact == PeerFact::Sent), 1);
    assert_eq!(count(|fact| *fact == PeerFact::Received), 1);
    assert_eq!(count(|fact| matches!(fact, PeerFact::Published(..))), 2);
    assert_eq!(facts.last(), Some(&PeerFact::Ended(ByeReason::Left)));
    let summaries: Vec<&Summary> = facts
        .iter()
        .filter_map(|fact| match fact {
            PeerFact::Measured(summary) => Some(summary),
            _ => None,
        })
        .collect();
    assert_eq!(
        summaries.iter().map(|summary| summary.period).collect::<Vec<_>>(),
        [1, 2],
        "every minute, and the rest"
    );
    let minute = summaries[0];
    assert!(minute.duration >= SECOND * 60 && minute.duration < SECOND * 62);
    assert!(minute.speaking > SECOND * 55, "{:?}", minute.speaking);
    assert!(minute.bytes_sent > 500_000 && minute.bytes_received > 500_000, "{minute:?}");
    assert_eq!(minute.lost_sent_permille, Some(0));
    assert_eq!((minute.packets_lost_sent, minute.packets_lost_received), (Some(0), Some(0)));
    assert!(minute.jitter_sent.is_some() && minute.jitter_received.is_some(), "{minute:?}");
    let tracks: Vec<(Direction, Source)> = minute.tracks.iter().map(|it| (it.direction, it.source)).collect();
    let of = |direction| [(direction, Source::Microphone), (direction, Source::Camera)];
    assert_eq!(tracks, [of(Direction::Sent), of(Direction::Received)].concat());
    assert!(minute.tracks.iter().all(|it| it.packets > 500 && it.bytes > 10_000), "{minute:?}");
}

#[test]
fn the_last_summary_holds_what_flowed_until_the_end() {
    for reason in [LeaveReason::Left, LeaveReason::Expelled, LeaveReason::Lost] {
        // Shorter than the time between two counts of a connection.
        let mut world = call();
        world.apply(&left("a", reason));
        let facts = world.clients[0].facts.iter();
        let last = facts.rev().find_map(|fact| match fact {
            PeerFact::Measured(summary) => Some(summary),
            _ => None,
        });
        let summary = last.expect("it was connected");
        assert!(summary.bytes_sent > 5_000 && summary.bytes_received > 5_000, "{reason:?}: {summary:?}");
        assert_eq!(summary.tracks.len(), 4, "{reason:?}");
        assert_eq!(world.clients[1].ended, None);
    }
}
