//! Rules of invitations.

use std::collections::BTreeSet;

use wac_events::invite::CancelReason;
use wac_events::room::JoinReason;
use wac_events::{AnyEvent, Callee, InviteEvent};

use super::*;
use crate::presence::RegisterDevice;
use crate::room::{CreateRoom, RoomRules};
use crate::testing::*;
use crate::*;

const RINGS: [&str; 1] = ["invite.created"];
const NOBODY: [&str; 2] = ["invite.created", "invite.ended"];
const TAKEN: [&str; 2] = ["invite.accepted", "room.participant_joined"];

fn over(events: &[AnyEvent]) -> Option<u16> {
    events.iter().find_map(|event| match event {
        AnyEvent::Invite(InviteEvent::Ended(ended)) => Some(ended.code),
        _ => None,
    })
}

fn user_named(id: &str) -> Target {
    Target::User(id.into())
}

fn missing(what: &'static str, id: &str) -> Rejection {
    Rejection::NotFound { what, id: id.to_owned() }
}

fn ringing() -> Story {
    in_room().after(calls("alice", "i", "bob"))
}

fn group_rings() -> Story {
    with_group().after(invites("alice", "i", group_g()))
}

fn remove(invite: &str, user: &str) -> RemoveCandidate {
    RemoveCandidate { invite: invite.into(), user: user.into() }
}

fn add(invite: &str, name: &str) -> AddCandidate {
    AddCandidate { invite: invite.into(), device: device(name) }
}

#[test]
fn an_invitation_rings_with_its_target() {
    let events = in_room().when(calls("alice", "i", "bob")).then(&RINGS);
    let AnyEvent::Invite(InviteEvent::Created(created)) = &events[0] else { unreachable!() };
    assert_eq!((&created.to, created.candidates.as_slice()), (&callee("bob"), ["bob".into()].as_slice()));
    assert_eq!(created.opening, Some("o-r".into()));
}

#[test]
fn a_target_is_found_by_name() {
    let named = |key: &str| invites("alice", "i", Target::Name { domain: "base".into(), key: key.to_owned() });
    in_room().when(named("base-bob")).then(&RINGS);
    in_room().when(named("base-nobody")).then_rejected(Rejection::CalleeUnknown);
}

#[test]
fn an_unknown_target_is_refused_and_a_known_one_without_a_device_is_over_at_once() {
    in_room().when(calls("alice", "i", "nobody")).then_rejected(Rejection::CalleeUnknown);
    in_room().when(invites("alice", "i", group_g())).then_rejected(Rejection::CalleeUnknown);
    let events = in_room().when(calls("alice", "i", "gast")).then(&NOBODY);
    assert_eq!(over(&events), Some(404));
}

#[test]
fn a_device_that_cannot_ring_does_not_count() {
    let story = in_room().after(login("gast")).after(RegisterDevice { ringable: false, ..register("gast") });
    assert_eq!(over(&story.when(calls("alice", "i", "gast")).then(&NOBODY)), Some(404));
}

#[test]
fn who_is_busy_gets_no_ring() {
    let busy = || Some(BTreeSet::from(["bob".into()]));
    let events = in_room().when(SendInvites { busy: busy(), ..calls("alice", "i", "bob") }).then(&NOBODY);
    assert_eq!(over(&events), Some(486));
    let group = SendInvites { busy: busy(), ..invites("alice", "i", group_g()) };
    with_group().when(group.clone()).then(&RINGS);
    assert!(!with_group().after(group).invite("i").candidates.contains_key(&"bob".into()));
}

#[test]
fn who_takes_a_seat_at_the_same_moment_is_busy_already() {
    let rules = RoomRules { counted: true, ..RoomRules::default() };
    let elsewhere = CreateRoom { rules, ..opens("bob", "x") };
    let story = in_room().after(elsewhere);
    let asked = SendInvites { busy: Some(BTreeSet::new()), ..calls("alice", "i", "bob") };
    assert_eq!(over(&story.clone().when(asked.clone()).then(&NOBODY)), Some(486));
    story.clone().when(SendInvites { busy: None, ..asked.clone() }).then(&RINGS);
    story.after(leaves("bob", "x")).when(asked).then(&RINGS);
}

#[test]
fn only_a_device_that_sits_in_the_room_invites_into_it() {
    in_room().when(calls("bob", "i", "carol")).then_rejected(Rejection::NotAParticipant);
    in_room().when(invites_to("alice", "i", user_named("bob"), "x")).then_rejected(missing("room", "x"));
    in_room().when(calls("alice/other", "i", "bob")).then_rejected(Rejection::DeviceNotRegistered);
    in_room()
        .after(lost("alice", now()))
        .when(calls("alice", "i", "bob"))
        .then_rejected(Rejection::DeviceNotRegistered);
}

#[test]
fn nobody_invites_himself_or_who_is_there_already() {
    in_room().when(calls("alice", "i", "alice")).then_invalid(&[("callee_self", "/to")]);
    talking().when(calls("alice", "j", "bob")).then_rejected(Rejection::AlreadyJoined);
}

#[test]
fn of_several_targets_all_ring_or_none_and_each_is_named_once() {
    let both = |other: &str| {
        let invites = ["bob", other].into_iter().enumerate();
        let invites = invites.map(|(n, id)| TargetedInvite { id: format!("i{n}").as_str().into(), to: user_named(id) });
        SendInvites { invites: invites.collect(), ..calls("alice", "i", "bob") }
    };
    in_room().when(both("carol")).then(&["invite.created", "invite.created"]);
    in_room().when(both("nobody")).then_rejected(Rejection::CalleeUnknown);
    in_room().when(both("bob")).then_invalid(&[("targets_invalid", "/to")]);
}

#[test]
fn what_is_wrong_with_a_request_is_named_at_once() {
    let wrong = SendInvites {
        invites: Vec::new(),
        room: None,
        context: Some("x".repeat(INVITE_CONTEXT_BYTES_MAX + 1)),
        ring_until: now(),
        ..calls("alice", "i", "bob")
    };
    in_room().when(wrong).then_invalid(&[
        ("targets_invalid", "/to"),
        ("room_invalid", "/roomId"),
        ("context_invalid", "/context"),
        ("deadline_invalid", "/ringUntil"),
    ]);
    let request = SendInvites { room: Some(room("r")), ..asks("alice", "i", user_named("bob")) };
    in_room().when(request).then_invalid(&[("room_invalid", "/roomId")]);
    let many =
        (0..=INVITE_TARGETS_MAX).map(|n| TargetedInvite { id: format!("i{n}").as_str().into(), to: user_named("bob") });
    let many = SendInvites { invites: many.collect(), ..calls("alice", "i", "bob") };
    in_room().when(many).then_invalid(&[("targets_invalid", "/to")]);
    let same = TargetedInvite { id: "i".into(), to: user_named("bob") };
    let same = SendInvites { invites: vec![same.clone(), same], ..calls("alice", "i", "bob") };
    in_room().when(same).then_invalid(&[("targets_invalid", "/to")]);
}

#[test]
fn an_invitations_id_is_used_once() {
    let exists = Rejection::AlreadyExists { what: "invite", id: "i".to_owned() };
    ringing().after(cancels("alice", "i")).when(calls("alice", "i", "carol")).then_rejected(exists);
}

#[test]
fn who_accepts_sits_in_the_room_in_the_same_append() {
    ringing().when(accepts("bob", "i")).then(&TAKEN);
    let story = ringing().after(accepts("bob", "i"));
    assert_eq!(story.invite("i").status, InviteStatus::Accepted(device("bob")));
    let seat = story.room("r").seats[&"s-bob".into()].clone();
    assert_eq!((seat.via, seat.invite), (JoinReason::Accepted, Some("i".into())));
}

#[test]
fn the_first_accept_wins() {
    let story = ringing().after(login("bob/s2")).after(register("bob/s2"));
    let taken = story.after(accepts("bob/s2", "i"));
    taken.when(accepts("bob", "i")).then_rejected(Rejection::InviteOver);
    taken.when(accepts("bob/s2", "i")).then_rejected(Rejection::InviteOver);
    let taken = group_rings().after(accepts("bob", "i"));
    taken.when(accepts("carol", "i")).then_rejected(Rejection::InviteOver);
    taken.when(declines("carol", "i")).then_rejected(Rejection::InviteOver);
    taken.when(cancels("alice", "i")).then_rejected(Rejection::InviteOver);
}

#[test]
fn an_invitation_is_nobody_elses() {
    ringing().when(accepts("carol", "i")).then_rejected(missing("invite", "i"));
    ringing().when(declines("carol", "i")).then_rejected(missing("invite", "i"));
    ringing().when(accepts("alice", "i")).then_rejected(missing("invite", "i"));
    ringing().when(cancels("bob", "i")).then_rejected(missing("invite", "i"));
    ringing().when(accepts("bob", "x")).then_rejected(missing("invite", "x"));
    ringing().when(cancels("alice", "x")).then_rejected(missing("invite", "x"));
}

#[test]
fn who_has_no_device_there_accepts_nothing() {
    ringing().when(accepts("bob/other", "i")).then_rejected(Rejection::DeviceNotRegistered);
}

#[test]
fn an_accept_that_comes_late_is_refused_whether_or_not_the_expiry_has_been_written() {
    ringing().at(later(29)).when(accepts("bob", "i")).then(&TAKEN);
    ringing().at(later(30)).when(accepts("bob", "i")).then_rejected(Rejection::InviteOver);
    ringing().at(later(30)).when(declines("bob", "i")).then_rejected(Rejection::InviteOver);
    ringing().at(later(30)).when(cancels("alice", "i")).then_rejected(Rejection::InviteOver);
    let expired = ringing().at(later(30)).after(expires("i"));
    expired.at(later(1)).when(accepts("bob", "i")).then_rejected(Rejection::InviteOver);
}

#[test]
fn an_invitation_expires_at_its_deadline_and_not_before() {
    ringing().at(later(29)).when(expires("i")).then_nothing();
    ringing().at(later(30)).when(expires("i")).then(&["invite.expired"]);
    let other = ExpireInvite { ring_until: later(29), ..expires("i") };
    ringing().at(later(30)).when(other).then_nothing();
    ringing().after(accepts("bob", "i")).at(later(30)).when(expires("i")).then_nothing();
    assert_eq!(ringing().at(later(30)).after(expires("i")).invite("i").status, InviteStatus::Over(408));
}

#[test]
fn who_accepts_after_the_room_has_ended_is_late() {
    let closed = ringing().after(closes("alice", "r"));
    closed.when(accepts("bob", "i")).then_rejected(Rejection::InviteOver);
    let again = closed.after(CreateRoom { opening: "o-2".into(), ..opens("alice", "r") });
    again.when(accepts("bob", "i")).then_rejected(Rejection::InviteOver);
}

#[test]
fn who_joined_otherwise_meanwhile_does_not_sit_twice() {
    let listed = room::UpdateRoom {
        room: room("r"),
        by: "alice".into(),
        as_admin: false,
        acl: Some(vec!["bob".into()]),
        record: None,
    };
    let story = ringing().after(listed).after(joins("bob", "r"));
    story.when(accepts("bob", "i")).then_rejected(Rejection::AlreadyJoined);
}

#[test]
fn a_full_room_refuses_and_the_invitation_stays_open() {
    let open = CreateRoom { rules: RoomRules { participants_limit: 2, ..RoomRules::default() }, ..opens("alice", "r") };
    let story = online().after(open).after(calls("alice", "i", "bob")).after(calls("alice", "j", "carol"));
    let full = story.after(accepts("bob", "i"));
    full.when(accepts("carol", "j")).then_rejected(Rejection::ParticipantsLimit { limit: 2 });
    assert!(full.invite("j").is_ringing());
    full.after(leaves("bob", "r")).when(accepts("carol", "j")).then(&TAKEN);
}

#[test]
fn a_refusal_on_one_device_is_the_persons() {
    let story = ringing().after(login("bob/s2")).after(register("bob/s2"));
    story.when(declines("bob", "i")).then(&["invite.declined"]);
    let declined = story.after(declines("bob", "i"));
    assert_eq!(declined.invite("i").status, InviteStatus::Over(603));
    declined.when(accepts("bob/s2", "i")).then_rejected(Rejection::InviteOver);
}

#[test]
fn call_codes_have_bounds() {
    for code in [0, 399, 700] {
        let wrong = [("error_code_invalid", "/errorCode")];
        ringing().when(DeclineInvite { code, ..declines("bob", "i") }).then_invalid(&wrong);
        ringing().when(CancelInvite { code, ..cancels("alice", "i") }).then_invalid(&wrong);
    }
    ringing().when(DeclineInvite { code: 486, ..declines("bob", "i") }).then(&["invite.declined"]);
}

#[test]
fn the_caller_cancels_what_rings() {
    ringing().when(cancels("alice", "i")).then(&["invite.cancelled"]);
    let story = ringing().after(cancels("alice", "i"));
    story.when(accepts("bob", "i")).then_rejected(Rejection::InviteOver);
    story.when(cancels("alice", "i")).then_rejected(Rejection::InviteOver);
}

#[test]
fn what_a_lost_caller_sent_is_cancelled_unless_he_is_back() {
    let gone = CancelInvite {
        by: None,
        reason: CancelReason::CallerGone,
        unless: Some(Unless::Registered),
        ..cancels("alice", "i")
    };
    ringing().when(gone.clone()).then_nothing();
    let lost = ringing().after(lost("alice", now()));
    lost.when(gone.clone()).then(&["invite.cancelled"]);
    lost.after(register("alice")).when(gone).then_nothing();
}

#[test]
fn what_a_caller_who_left_the_room_sent_is_cancelled_unless_he_sits_there_again() {
    let gone = CancelInvite {
        by: None,
        reason: CancelReason::CallerGone,
        unless: Some(Unless::Seated),
        ..cancels("alice", "i")
    };
    ringing().when(gone.clone()).then_nothing();
    let left = talking().after(calls("alice", "i2", "carol")).after(leaves("alice", "r"));
    let gone = CancelInvite { invite: "i2".into(), ..gone };
    left.when(gone.clone()).then(&["invite.cancelled"]);
    left.after(joins("alice", "r")).when(gone).then_nothing();
}

#[test]
fn every_member_of_a_group_rings_but_the_caller() {
    let group = group_rings().invite("i");
    let with = |state: Candidate| {
        group.candidates.iter().filter(move |(_, found)| **found == state).map(|(user, _)| user.as_str())
    };
    assert_eq!(with(Candidate::Ringing).collect::<Vec<_>>(), ["bob", "carol"]);
    assert_eq!(with(Candidate::Absent).collect::<Vec<_>>(), ["gast"]);
    assert!(group.is_for_group() && group.has_ringing());
}

#[test]
fn a_member_who_sits_in_the_room_already_does_not_ring() {
    let story = with_group().after(calls("alice", "j", "bob")).after(accepts("bob", "j"));
    let story = story.after(invites("alice", "i", group_g()));
    assert!(!story.invite("i").candidates.contains_key(&"bob".into()));
}

#[test]
fn a_members_refusal_stays_hidden_until_nobody_is_left() {
    group_rings().when(declines("bob", "i")).then(&["invite.declined"]);
    let one = group_rings().after(declines("bob", "i"));
    assert!(one.invite("i").is_ringing());
    one.when(declines("bob", "i")).then_rejected(Rejection::InviteOver);
    one.when(accepts("bob", "i")).then_rejected(Rejection::InviteOver);
    let events = one.when(declines("carol", "i")).then(&["invite.declined", "invite.ended"]);
    assert_eq!(over(&events), Some(480));
    one.when(accepts("carol", "i")).then(&TAKEN);
}

#[test]
fn a_group_in_which_nobody_has_a_device_is_over_at_once() {
    let story = with_group().after(lost("bob", now())).after(lost("carol", now()));
    assert_eq!(over(&story.when(invites("alice", "i", group_g())).then(&NOBODY)), Some(480));
}

#[test]
fn a_device_that_registers_while_it_rings_is_added() {
    let story = group_rings().after(login("gast")).after(register("gast"));
    story.when(add("i", "gast")).then(&["invite.candidate_added"]);
    let added = story.after(add("i", "gast"));
    assert_eq!(added.invite("i").candidates[&"gast".into()], Candidate::Ringing);
    added.when(accepts("gast", "i")).then(&TAKEN);
    story.when(accepts("gast", "i")).then(&TAKEN);
    story.when(add("i", "dora")).then_rejected(missing("invite", "i"));
    group_rings().when(add("i", "gast")).then_nothing();
    story.after(cancels("alice", "i")).when(add("i", "gast")).then_rejected(Rejection::InviteOver);
    group_rings().after(declines("bob", "i")).when(add("i", "bob")).then_rejected(Rejection::InviteOver);
}

#[test]
fn a_candidate_whose_devices_vanished_ceases_to_ring_and_the_last_one_ends_it() {
    group_rings().when(remove("i", "bob")).then_nothing();
    let one = group_rings().after(lost("bob", now()));
    one.when(remove("i", "bob")).then(&["invite.candidate_removed"]);
    let both = one.after(remove("i", "bob")).after(lost("carol", now()));
    let events = both.when(remove("i", "carol")).then(&["invite.candidate_removed", "invite.ended"]);
    assert_eq!(over(&events), Some(480));
    both.when(remove("i", "gast")).then_nothing();
    let alone = ringing().after(lost("bob", now()));
    alone.when(remove("i", "bob")).then(&["invite.candidate_removed", "invite.ended"]);
    alone.after(register("bob")).when(remove("i", "bob")).then_nothing();
}

#[test]
fn who_asks_to_be_let_in_takes_the_seat_when_somebody_in_a_room_accepts() {
    let story = in_room().after(asks("bob", "i", user_named("alice")));
    assert_eq!(story.invite("i").room, None);
    story.when(lets_in("alice", "i", "r")).then(&TAKEN);
    let story = story.after(lets_in("alice", "i", "r"));
    assert!(story.room("r").has(&"bob".into()));
    assert_eq!(story.invite("i").room, Some(room("r")));
}

#[test]
fn who_lets_somebody_in_names_a_room_he_sits_in() {
    let story = in_room().after(asks("bob", "i", user_named("alice")));
    story.when(accepts("alice", "i")).then_invalid(&[("room_invalid", "/roomId")]);
    story.when(lets_in("alice", "i", "x")).then_rejected(missing("room", "x"));
    let elsewhere = story.after(opens("carol", "x"));
    elsewhere.when(lets_in("alice", "i", "x")).then_rejected(Rejection::NotAParticipant);
    story.after(lost("bob", now())).when(lets_in("alice", "i", "r")).then_rejected(Rejection::InviteOver);
}

#[test]
fn with_one_device_a_second_call_elsewhere_is_refused_and_the_others_are_declined_as_busy() {
    let second = online().after(login("bob/s2")).after(register("bob/s2")).after(opens("bob/s2", "x"));
    let story = second.after(opens("alice", "r")).after(calls("alice", "i", "bob"));
    let one = AcceptInvite { not_in: vec![room("x")], ..accepts("bob", "i") };
    story.when(one.clone()).then_rejected(Rejection::InACall);
    story.when(AcceptInvite { by: device("bob/s2"), ..one }).then(&TAKEN);
    let two = ringing().after(opens("carol", "x")).after(invites_to("carol", "j", user_named("bob"), "x"));
    let only = AcceptInvite { decline: vec!["j".into(), "i".into(), "j".into(), "gone".into()], ..accepts("bob", "i") };
    two.when(only.clone()).then(&["invite.accepted", "room.participant_joined", "invite.declined"]);
    assert_eq!(two.after(only).invite("j").status, InviteStatus::Over(486));
}

#[test]
fn who_had_left_the_room_does_not_keep_others_from_coming() {
    let story = talking().after(calls("alice", "j", "carol")).after(leaves("alice", "r"));
    story.when(accepts("carol", "j")).then(&TAKEN);
}

#[test]
fn an_invitation_is_for_whom_it_says() {
    assert_eq!(group_rings().invite("i").to, Callee::Group("g".into()));
    assert_eq!(group_rings().invite("i").agent(), None);
}
