//! Rooms, their seats, and the conference log.

use wac_events::room::*;
use wac_events::*;
use wac_projections::*;

use crate::invites::to_group;
use crate::story::{Story, at, joined, room, room_created};

fn room_of(story: &Story) -> Option<RoomRow> {
    story.row(&ROOMS, "o1", RoomRow::from_row)
}

#[test]
fn an_open_room_is_found_by_its_stream_and_its_domain() {
    let story = room_created();
    let expected = RoomRow {
        opening: "o1".into(),
        room: room(),
        kind: RoomKind::Call,
        creator: "u1".into(),
        owner: Some("u1".into()),
        acl: vec!["u2".into()],
        record: false,
        participants_limit: 9,
        created_at: at(1),
        closed_at: None,
        close_reason: None,
    };
    assert_eq!(room_of(&story), Some(expected));
    assert_eq!(story.found(&ROOMS, "open_stream", "room-d1-r1"), ["o1"]);
    assert_eq!(story.found(&ROOMS, "open_domain", "d1"), ["o1"]);
}

#[test]
fn a_rooms_settings_and_owner_change_and_its_end_stays_on_record() {
    let updated =
        RoomUpdated { room: "r1".into(), opening: "o1".into(), acl: Patch::Set(vec![]), record: Patch::Set(true) };
    let ownerless = RoomOwnerChanged { room: "r1".into(), opening: "o1".into(), owner: None };
    let closed = RoomClosed { room: "r1".into(), opening: "o1".into(), reason: RoomEnd::Empty, by: None, at: at(8) };
    let story = room_created().room(updated).room(ownerless).room(closed);
    let row = room_of(&story).unwrap();
    assert_eq!((row.acl.len(), row.record, row.owner), (0, true, None));
    assert_eq!((row.closed_at, row.close_reason), (Some(at(8)), Some(RoomEnd::Empty)));
    assert!(story.found(&ROOMS, "open_stream", "room-d1-r1").is_empty());
    assert!(story.found(&ROOMS, "open_domain", "d1").is_empty());
    assert_eq!(story.found(&ROOMS, "domain", "d1"), ["o1"]);
}

#[test]
fn a_seat_is_live_until_it_is_given_back() {
    let story = room_created().room(joined());
    assert_eq!(story.found(&PARTICIPANTS, "live_session", "s1"), ["o1/1"]);
    assert_eq!(story.found(&PARTICIPANTS, "live", true), ["o1/1"]);
    let left = ParticipantLeft {
        room: "r1".into(),
        opening: "o1".into(),
        seat: 1,
        user: "u1".into(),
        session: "s1".into(),
        reason: LeaveReason::Lost,
        by: None,
        at: at(7),
    };
    let story = story.room(left);
    let expected = ParticipantRow {
        opening: "o1".into(),
        seat: 1,
        room: room(),
        user: "u1".into(),
        session: "s1".into(),
        via: JoinReason::Created,
        invite: None,
        joined_at: at(1),
        left_at: Some(at(7)),
        leave_reason: Some(LeaveReason::Lost),
    };
    assert_eq!(story.row(&PARTICIPANTS, "o1/1", ParticipantRow::from_row), Some(expected));
    for (column, value) in [("live_session", "s1"), ("live_user", "u1")] {
        assert!(story.found(&PARTICIPANTS, column, value).is_empty());
    }
    assert!(story.found(&PARTICIPANTS, "live", true).is_empty());
    assert_eq!(story.found(&PARTICIPANTS, "user", "u1"), ["o1/1"]);
}

#[test]
fn a_conference_is_known_to_everybody_who_sat_in_it_or_was_invited_to_it_once() {
    let story = to_group().room(joined()).room(ParticipantJoined { seat: 2, session: "s9".into(), ..joined() });
    let found = story.found(&CONFERENCE_USERS, "opening", "o1");
    assert_eq!(found, ["o1/u1", "o1/u2", "o1/u3", "o1/u4"]);
    assert_eq!(story.found(&CONFERENCE_USERS, "user", "u4"), ["o1/u4"]);
    let row = story.row(&CONFERENCE_USERS, "o1/u1", ConferenceUserRow::from_row);
    assert_eq!(row, Some(ConferenceUserRow { opening: "o1".into(), user: "u1".into() }));
}
