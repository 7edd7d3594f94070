//! Rules of rooms.

use wac_events::room::{LeaveReason, RoomKind};
use wac_events::{AnyEvent, Media, RoomEvent};

use super::*;
use crate::invite::Target;
use crate::testing::*;
use crate::*;

const CREATED: [&str; 2] = ["room.created", "room.participant_joined"];
const JOINED: [&str; 1] = ["room.participant_joined"];
const LEFT: [&str; 1] = ["room.participant_left"];
const ENDED: [&str; 2] = ["room.participant_left", "room.closed"];

fn missing(what: &'static str, id: &str) -> Rejection {
    Rejection::NotFound { what, id: id.to_owned() }
}

fn limited(limit: u32) -> RoomRules {
    RoomRules { participants_limit: limit, ..RoomRules::default() }
}

fn enters(by: &str) -> EnterQuickConference {
    EnterQuickConference {
        room: room("wac-conf1"),
        opening: "o-quick".into(),
        by: device(by),
        rules: RoomRules::default(),
    }
}

fn update(by: &str) -> UpdateRoom {
    UpdateRoom { room: room("r"), by: by.into(), as_admin: false, acl: None, record: None }
}

fn holds(user: &str, held: bool) -> HoldParticipant {
    HoldParticipant { room: room("r"), user: user.into(), held }
}

/// Alice, Bob and Carol are in Alice's room, in this order.
fn three() -> Story {
    let open = CreateRoom { acl: vec!["bob".into(), "carol".into()], ..opens("alice", "r") };
    online().after(open).after(joins("bob", "r")).after(joins("carol", "r"))
}

fn ruled(rules: RoomRules) -> Story {
    let open = CreateRoom { acl: vec!["bob".into(), "carol".into()], rules, ..opens("alice", "r") };
    online().after(open).after(joins("bob", "r")).after(joins("carol", "r"))
}

#[test]
fn who_opens_a_room_owns_it_and_sits_in_it() {
    online().when(opens("alice", "r")).then(&CREATED);
    let room = in_room().room("r");
    assert_eq!(room.owner, Some("alice".into()));
    assert!(room.open && room.has(&"alice".into()) && room.admits(&"alice".into()) && room.seats_given == 1);
}

#[test]
fn a_room_has_no_owner_where_owners_are_not_wanted_and_anybody_in_it_manages_it() {
    let story = ruled(RoomRules { set_owner: false, ..RoomRules::default() });
    assert_eq!(story.room("r").owner, None);
    story.when(closes("bob", "r")).then(&[LEFT[0], LEFT[0], LEFT[0], "room.closed"]);
    story.when(closes("dora", "r")).then_rejected(Rejection::NotAllowed);
}

#[test]
fn a_room_is_opened_by_a_user_of_its_domain_with_a_device_that_can_be_reached() {
    let elsewhere = wac_events::RoomRef { domain: "a".into(), id: "r".into() };
    online().when(CreateRoom { room: elsewhere, ..opens("alice", "r") }).then_rejected(missing("user", "alice"));
    online().when(opens("gast", "r")).then_rejected(Rejection::DeviceNotRegistered);
    online().when(opens("alice/other", "r")).then_rejected(Rejection::DeviceNotRegistered);
    online().when(opens("nobody", "r")).then_rejected(missing("user", "nobody"));
}

#[test]
fn a_closing_domain_opens_no_rooms() {
    let story = online()
        .after(user("eve", "a"))
        .after(IssueToken { domain: "a".into(), ..login("eve") })
        .after(register("eve"))
        .after(DeleteDomain { id: "a".into(), cascade: true, inspection: None, expected_version: None });
    let room = wac_events::RoomRef { domain: "a".into(), id: "r".into() };
    story.when(CreateRoom { room, ..opens("eve", "r") }).then_rejected(Rejection::DomainClosing);
}

#[test]
fn a_room_that_is_open_is_not_opened_again_and_one_that_has_ended_is() {
    in_room().when(opens("bob", "r")).then_rejected(Rejection::RoomOpen);
    let again = CreateRoom { opening: "o-2".into(), ..opens("bob", "r") };
    let story = in_room().after(closes("alice", "r")).after(again);
    let room = story.room("r");
    assert_eq!((room.opening.as_str(), room.owner.clone()), ("o-2", Some("bob".into())));
    assert_eq!(room.seats_given, 1, "a new opening counts anew");
    assert!(!room.admits(&"alice".into()), "nothing of the former opening holds");
}

#[test]
fn who_is_in_a_call_opens_no_other_room_where_one_call_is_enough() {
    let second = CreateRoom { not_in: Some(vec![room("r")]), ..opens("alice", "x") };
    in_room().when(second.clone()).then_rejected(Rejection::InACall);
    in_room().after(leaves("alice", "r")).when(second).then(&CREATED);
    in_room().when(opens("alice", "x")).then(&CREATED);
}

/// What the read models do not know yet: a second device acts at the same moment.
fn one_call() -> RoomRules {
    RoomRules { counted: true, ..RoomRules::default() }
}

#[test]
fn a_second_device_opens_no_second_room_at_the_same_moment_where_one_call_is_enough() {
    let first = CreateRoom { rules: one_call(), not_in: Some(Vec::new()), ..opens("alice", "r") };
    let events = online().when(first.clone()).then(&["room.created", JOINED[0], "presence.call_entered"]);
    let AnyEvent::Presence(wac_events::PresenceEvent::CallEntered(entered)) = &events[2] else { unreachable!() };
    assert_eq!(entered.rooms, [room("r")]);
    let there = online().after(login("alice/s2")).after(register("alice/s2")).after(first);
    let second = CreateRoom { rules: one_call(), not_in: Some(Vec::new()), ..opens("alice/s2", "x") };
    there.clone().when(second.clone()).then_rejected(Rejection::InACall);
    there.clone().when(CreateRoom { not_in: None, ..second.clone() }).then(&[
        CREATED[0],
        CREATED[1],
        "presence.call_entered",
    ]);
    there.after(leaves("alice", "r")).when(second).then(&[CREATED[0], CREATED[1], "presence.call_entered"]);
}

#[test]
fn every_way_into_a_room_that_counts_is_told_in_the_users_own_stream() {
    let open = CreateRoom { rules: one_call(), acl: vec!["bob".into()], ..opens("alice", "r") };
    let story = online().after(open);
    let entered = [JOINED[0], "presence.call_entered"];
    story.clone().when(joins("bob", "r")).then(&entered);
    let quick = EnterQuickConference { rules: one_call(), ..enters("bob") };
    story.clone().when(quick).then(&[CREATED[0], CREATED[1], entered[1]]);
    let rings = story.clone().after(crate::testing::calls("alice", "i", "carol"));
    rings.when(accepts("carol", "i")).then(&["invite.accepted", entered[0], entered[1]]);
    let again = story.after(joins("bob", "r")).after(login("bob/s2")).after(register("bob/s2"));
    again.when(joins("bob/s2", "r")).then(&JOINED);
}

#[test]
fn a_room_has_a_bounded_number_of_seats_and_entries() {
    for limit in [0, ROOM_SEATS_MAX + 1] {
        let wrong = CreateRoom { rules: limited(limit), ..opens("alice", "r") };
        online().when(wrong).then_invalid(&[("participants_limit_invalid", "/participantsLimit")]);
    }
    let acl: Vec<_> = (0..=ROOM_ACL_MAX).map(|n| format!("u{n}").into()).collect();
    online().when(CreateRoom { acl: acl.clone(), ..opens("alice", "r") }).then_invalid(&[("acl_invalid", "/acl")]);
    in_room().when(UpdateRoom { acl: Some(acl), ..update("alice") }).then_invalid(&[("acl_invalid", "/acl")]);
}

#[test]
fn who_is_on_the_access_list_joins_and_nobody_else() {
    let open = CreateRoom { acl: vec!["bob".into()], ..opens("alice", "r") };
    let story = online().after(open);
    story.when(joins("bob", "r")).then(&JOINED);
    story.when(joins("carol", "r")).then_rejected(Rejection::NotAllowed);
    story.when(joins("bob/other", "r")).then_rejected(Rejection::DeviceNotRegistered);
    story.when(joins("bob", "x")).then_rejected(missing("room", "x"));
}

#[test]
fn joining_twice_changes_nothing() {
    in_room().when(joins("alice", "r")).then_nothing();
}

#[test]
fn who_left_by_himself_may_return() {
    talking().after(leaves("bob", "r")).when(joins("bob", "r")).then(&JOINED);
}

#[test]
fn a_full_room_takes_nobody_until_a_seat_is_free() {
    let open = CreateRoom { acl: vec!["bob".into(), "carol".into()], rules: limited(2), ..opens("alice", "r") };
    let full = online().after(open).after(joins("bob", "r"));
    full.when(joins("carol", "r")).then_rejected(Rejection::ParticipantsLimit { limit: 2 });
    full.after(leaves("bob", "r")).when(joins("carol", "r")).then(&JOINED);
}

#[test]
fn seats_are_counted_by_device_and_people_once() {
    let story = in_room().after(login("alice/s2")).after(register("alice/s2")).after(joins("alice/s2", "r"));
    let room = story.room("r");
    assert_eq!((room.seats.len(), room.people.len()), (2, 1));
    let story = story.after(leaves("alice", "r"));
    assert!(story.room("r").has(&"alice".into()) && story.room("r").open, "on the other device");
    assert_eq!(story.room("r").owner, Some("alice".into()));
}

#[test]
fn a_room_without_participants_ends() {
    in_room().when(leaves("alice", "r")).then(&ENDED);
    let story = in_room().after(leaves("alice", "r"));
    assert!(!story.room("r").open);
    story.when(joins("alice", "r")).then_rejected(missing("room", "r"));
}

#[test]
fn who_does_not_sit_in_a_room_does_not_leave_it() {
    in_room().when(leaves("bob", "r")).then_rejected(Rejection::NotAParticipant);
    in_room().when(leaves("alice/other", "r")).then_rejected(Rejection::NotAParticipant);
    online().when(leaves("alice", "x")).then_rejected(Rejection::NotAParticipant);
}

#[test]
fn a_lost_device_leaves_unless_it_is_back() {
    let gone = LeaveRoom { reason: LeaveReason::Lost, unless_registered: true, ..leaves("bob", "r") };
    talking().when(gone.clone()).then_nothing();
    let lost = talking().after(lost("bob", now()));
    let events = lost.when(gone.clone()).then(&LEFT);
    let AnyEvent::Room(RoomEvent::ParticipantLeft(left)) = &events[0] else { unreachable!() };
    assert_eq!(left.reason, LeaveReason::Lost);
    lost.after(register("bob")).when(gone).then_nothing();
}

#[test]
fn the_participant_of_longest_standing_follows_an_owner_who_leaves() {
    three().when(leaves("alice", "r")).then(&["room.participant_left", "room.owner_changed"]);
    assert_eq!(three().after(leaves("alice", "r")).room("r").owner, Some("bob".into()));
    let returned = three().after(leaves("bob", "r")).after(joins("bob", "r")).after(leaves("alice", "r"));
    assert_eq!(returned.room("r").owner, Some("carol".into()));
}

#[test]
fn without_succession_the_room_has_no_owner_any_more_and_anybody_in_it_closes_it() {
    let story = ruled(RoomRules { owner_succeeds: false, ..RoomRules::default() }).after(leaves("alice", "r"));
    assert_eq!(story.room("r").owner, None);
    story.when(closes("alice", "r")).then_rejected(Rejection::NotAllowed);
    story.when(closes("carol", "r")).then(&[LEFT[0], LEFT[0], "room.closed"]);
    assert_eq!(story.after(joins("alice", "r")).room("r").owner, None, "coming back makes nobody owner");
}

#[test]
fn the_owner_or_an_administrator_closes_a_room_and_everybody_leaves_it() {
    let all = [LEFT[0], LEFT[0], LEFT[0], "room.closed"];
    three().when(closes("bob", "r")).then_rejected(Rejection::NotAllowed);
    let events = three().when(closes("alice", "r")).then(&all);
    let AnyEvent::Room(RoomEvent::ParticipantLeft(left)) = &events[0] else { unreachable!() };
    assert_eq!((left.reason, left.by.clone()), (LeaveReason::Closed, Some("alice".into())));
    three().when(CloseRoom { as_admin: true, ..closes("bob", "r") }).then(&all);
    three().when(CloseRoom { by: None, ..closes("bob", "r") }).then(&all);
    three().after(closes("alice", "r")).when(closes("alice", "r")).then_rejected(missing("room", "r"));
}

#[test]
fn the_owner_changes_the_access_list_and_the_recording() {
    let listed = || UpdateRoom { acl: Some(vec!["dora".into()]), record: Some(true), ..update("alice") };
    in_room().when(listed()).then(&["room.updated"]);
    let story = in_room().after(listed());
    assert!(story.room("r").record && story.room("r").acl == ["dora".into()]);
    story.when(listed()).then_nothing();
    story.when(update("alice")).then_nothing();
    three().when(UpdateRoom { by: "bob".into(), ..listed() }).then_rejected(Rejection::NotAllowed);
    three().when(UpdateRoom { by: "dora".into(), as_admin: true, ..listed() }).then(&["room.updated"]);
    online().when(listed()).then_rejected(missing("room", "r"));
}

#[test]
fn who_is_off_the_access_list_keeps_his_seat() {
    let story = three().after(UpdateRoom { acl: Some(Vec::new()), ..update("alice") });
    assert!(story.room("r").has(&"bob".into()));
    story.after(leaves("bob", "r")).when(joins("bob", "r")).then_rejected(Rejection::NotAllowed);
}

#[test]
fn an_expelled_participant_is_off_the_access_list() {
    three().when(expels("alice", "bob")).then(&LEFT);
    let story = three().after(expels("alice", "bob"));
    assert!(!story.room("r").has(&"bob".into()));
    story.when(joins("bob", "r")).then_rejected(Rejection::NotAllowed);
    story.after(calls("alice", "i", "bob")).when(accepts("bob", "i")).then(&["invite.accepted", JOINED[0]]);
}

#[test]
fn an_expelled_participant_leaves_with_all_his_devices() {
    let story = three().after(login("bob/s2")).after(register("bob/s2")).after(joins("bob/s2", "r"));
    story.when(expels("alice", "bob")).then(&[LEFT[0], LEFT[0]]);
}

#[test]
fn only_the_owner_or_an_administrator_expels_and_nobody_himself() {
    three().when(expels("bob", "carol")).then_rejected(Rejection::NotAllowed);
    three().when(expels("alice", "dora")).then_rejected(Rejection::NotAParticipant);
    three().when(expels("alice", "alice")).then_invalid(&[("expel_self", "/userId")]);
    let owner = ExpelParticipant { as_admin: true, ..expels("dora", "alice") };
    three().when(owner).then(&["room.participant_left", "room.owner_changed"]);
}

#[test]
fn a_participant_holds_and_comes_back() {
    in_room().when(holds("alice", true)).then(&["room.participant_held"]);
    in_room().when(holds("alice", false)).then_nothing();
    let held = in_room().after(holds("alice", true));
    held.when(holds("alice", true)).then_nothing();
    held.when(holds("alice", false)).then(&["room.participant_unheld"]);
    in_room().when(holds("bob", true)).then_rejected(Rejection::NotAParticipant);
    online().when(holds("bob", true)).then_rejected(missing("room", "r"));
}

#[test]
fn everybody_mutes_himself_and_the_owner_others() {
    talking().when(mutes("bob", "bob", true)).then(&["room.participant_muted"]);
    talking().when(mutes("bob", "bob", false)).then_nothing();
    talking().when(mutes("alice", "bob", true)).then(&["room.participant_muted"]);
    talking().when(mutes("bob", "alice", true)).then_rejected(Rejection::NotAllowed);
    talking()
        .when(MuteParticipant { as_admin: true, ..mutes("dora", "alice", true) })
        .then(&["room.participant_muted"]);
    talking().when(mutes("alice", "carol", true)).then_rejected(Rejection::NotAParticipant);
}

#[test]
fn each_medium_is_muted_for_itself() {
    let room = talking().after(mutes("bob", "bob", true)).room("r");
    let bob = room.people[&"bob".into()];
    assert!(bob.muted(Media::Audio) && !bob.muted(Media::Video) && !bob.moderated(Media::Audio));
}

#[test]
fn who_was_muted_by_others_unmutes_himself_unless_the_room_says_no() {
    talking().after(mutes("alice", "bob", true)).when(mutes("bob", "bob", false)).then(&["room.participant_muted"]);
    let hard = ruled(RoomRules { hard_mute: true, ..RoomRules::default() }).after(mutes("alice", "bob", true));
    hard.when(mutes("bob", "bob", false)).then_rejected(Rejection::NotAllowed);
    hard.when(mutes("alice", "bob", false)).then(&["room.participant_muted"]);
    hard.after(mutes("alice", "bob", false))
        .after(mutes("bob", "bob", true))
        .when(mutes("bob", "bob", false))
        .then(&["room.participant_muted"]);
}

#[test]
fn who_had_muted_himself_is_muted_by_the_owner_all_the_same() {
    let story = ruled(RoomRules { hard_mute: true, ..RoomRules::default() }).after(mutes("bob", "bob", true));
    story.when(mutes("alice", "bob", true)).then(&["room.participant_muted"]);
    let moderated = story.after(mutes("alice", "bob", true));
    moderated.when(mutes("bob", "bob", false)).then_rejected(Rejection::NotAllowed);
    moderated.when(mutes("alice", "bob", true)).then_nothing();
}

#[test]
fn the_first_who_enters_a_quick_conference_opens_it_and_others_join_without_a_list() {
    online().when(enters("alice")).then(&CREATED);
    let story = online().after(enters("alice"));
    story.when(EnterQuickConference { opening: "o-x".into(), ..enters("bob") }).then(&JOINED);
    story.when(enters("alice")).then_nothing();
    assert_eq!(story.room("wac-conf1").kind, RoomKind::Quick);
    let again = story
        .after(leaves("alice", "wac-conf1"))
        .after(EnterQuickConference { opening: "o-y".into(), ..enters("bob") });
    assert_eq!(again.room("wac-conf1").opening, "o-y".into());
}

#[test]
fn a_quick_conference_has_its_limit_and_asks_for_a_device_of_its_domain() {
    let small = |by: &str| EnterQuickConference { rules: limited(1), ..enters(by) };
    online().after(small("alice")).when(small("bob")).then_rejected(Rejection::ParticipantsLimit { limit: 1 });
    online().when(enters("gast")).then_rejected(Rejection::DeviceNotRegistered);
    let elsewhere = wac_events::RoomRef { domain: "a".into(), id: "wac-conf1".into() };
    let strange = EnterQuickConference { room: elsewhere, ..enters("alice") };
    online().when(strange).then_rejected(missing("user", "alice"));
    let wrong = EnterQuickConference { rules: limited(0), ..enters("alice") };
    online().when(wrong).then_invalid(&[("participants_limit_invalid", "/participantsLimit")]);
}

#[test]
fn all_facts_of_one_call_share_a_correlation_id() {
    let world = World::default();
    assert_eq!(opens("alice", "r").correlation(&world).as_deref(), Some("o-r"));
    let story = talking();
    let mut world = World::default();
    world.put(room("r").stream(), story.state(&room("r").stream()));
    world.put(wac_events::InviteId::from("i").stream(), story.state(&wac_events::InviteId::from("i").stream()));
    let of = |command: &dyn Command| command.correlation(&world);
    let commands: [&dyn Command; 8] = [
        &leaves("bob", "r"),
        &joins("bob", "r"),
        &closes("alice", "r"),
        &mutes("bob", "bob", true),
        &holds("bob", true),
        &expels("alice", "bob"),
        &invites("alice", "j", Target::User("carol".into())),
        &accepts("bob", "i"),
    ];
    assert!(commands.iter().all(|command| of(*command).as_deref() == Some("o-r")));
}

fn offers(node: &str) -> crate::node::OfferMedia {
    let server = std::collections::BTreeMap::from([("wss".to_owned(), format!("wss://{node}"))]);
    crate::node::OfferMedia { id: node.into(), name: node.to_owned(), server, sessions_max: 10 }
}

fn dies(node: &str) -> crate::node::StopNode {
    let reason = wac_events::node::NodeEnd::Lost;
    crate::node::StopNode { id: node.into(), reason, devices_kept: std::time::Duration::ZERO }
}

fn assigns(node: &str) -> AssignMedia {
    AssignMedia { room: room("r"), opening: "o-r".into(), node: node.into() }
}

#[test]
fn the_media_of_a_room_goes_through_one_node_as_long_as_that_serves() {
    let story = in_room().after(offers("m1")).after(offers("m2"));
    story.when(assigns("m1")).then(&["room.media_assigned"]);
    story.after(assigns("m1")).when(assigns("m2")).then_nothing();
    let drained = crate::node::DrainMedia { id: "m1".into(), draining: true };
    story.after(assigns("m1")).after(drained).when(assigns("m2")).then_nothing();
    let moved = story.after(assigns("m1")).after(dies("m1")).when(assigns("m2")).then(&["room.media_assigned"]);
    let wac_events::AnyEvent::Room(wac_events::RoomEvent::MediaAssigned(moved)) = &moved[0] else { unreachable!() };
    assert_eq!((moved.node.as_str(), moved.instead_of.as_ref().map(|node| node.as_str())), ("m2", Some("m1")));
}

#[test]
fn a_node_that_takes_no_rooms_is_given_none() {
    let drained = crate::node::DrainMedia { id: "m1".into(), draining: true };
    in_room().when(assigns("m1")).then_rejected(Rejection::NodeTakesNoRooms);
    in_room().after(offers("m1")).after(drained).when(assigns("m1")).then_rejected(Rejection::NodeTakesNoRooms);
    in_room().after(offers("m1")).after(dies("m1")).when(assigns("m1")).then_rejected(Rejection::NodeTakesNoRooms);
}

#[test]
fn a_room_that_has_closed_or_another_opening_of_it_gets_no_media() {
    let story = in_room().after(offers("m1"));
    story.after(closes("alice", "r")).when(assigns("m1")).then_rejected(missing("room", "r"));
    let other = AssignMedia { opening: "o-other".into(), ..assigns("m1") };
    story.when(other).then_rejected(missing("room", "r"));
}
