//! Rules of the transfers.

use std::collections::BTreeSet;

use wac_events::{AnyEvent, TransferEvent};

use super::*;
use crate::invite::{CancelInvite, InviteStatus, Target};
use crate::room::{CreateRoom, RoomRules};
use crate::testing::*;
use crate::*;

const ASKED: [&str; 1] = ["transfer.created"];

fn carol() -> Target {
    Target::User("carol".into())
}

/// Alice has asked Bob to call Carol.
fn asked() -> Story {
    talking().after(blind("alice", "t", carol()))
}

/// Bob agrees, and Carol rings.
fn calling() -> Story {
    asked().after(agrees("bob", "t"))
}

/// Alice talks to Bob in `r` and to Carol in `x`.
fn consulting() -> Story {
    let consult = CreateRoom { acl: vec!["carol".into()], ..opens("alice", "x") };
    talking().after(consult).after(joins("carol", "x"))
}

fn refuses(by: &str) -> DeclineTransfer {
    DeclineTransfer { transfer: "t".into(), by: by.into(), code: 603 }
}

fn fails(code: u16, when_due: bool) -> FailTransfer {
    FailTransfer { transfer: "t".into(), code, when_due }
}

fn missing(what: &'static str, id: &str) -> Rejection {
    Rejection::NotFound { what, id: id.to_owned() }
}

fn failure(events: &[AnyEvent]) -> Option<u16> {
    events.iter().find_map(|event| match event {
        AnyEvent::Transfer(TransferEvent::Failed(failed)) => Some(failed.code),
        _ => None,
    })
}

#[test]
fn the_other_party_of_the_room_is_asked() {
    talking().when(blind("alice", "t", carol())).then(&ASKED);
    let transfer = asked().transfer("t");
    assert_eq!((transfer.party.as_str(), transfer.by.as_str()), ("bob", "alice"));
    assert!(transfer.is_pending());
}

#[test]
fn a_transfer_takes_a_room_with_exactly_one_other_person() {
    in_room().when(blind("alice", "t", carol())).then_rejected(Rejection::TransferAmbiguous);
    let three = talking().after(calls("alice", "j", "carol")).after(accepts("carol", "j"));
    three.when(blind("alice", "t", Target::User("dora".into()))).then_rejected(Rejection::TransferAmbiguous);
    three.when(attended("alice", "t", "x")).then_rejected(Rejection::TransferAmbiguous);
}

#[test]
fn only_who_sits_in_the_room_transfers() {
    talking().when(blind("carol", "t", carol())).then_rejected(Rejection::NotAParticipant);
    talking().when(blind("gast", "t", carol())).then_rejected(Rejection::DeviceNotRegistered);
    online().when(blind("alice", "t", carol())).then_rejected(missing("room", "r"));
}

#[test]
fn a_transfer_leads_to_somebody_else_who_is_known() {
    talking().when(blind("alice", "t", Target::User("nobody".into()))).then_rejected(Rejection::CalleeUnknown);
    talking().when(blind("alice", "t", group_g())).then_rejected(Rejection::CalleeUnknown);
    for there in ["alice", "bob"] {
        let back = blind("alice", "t", Target::User(there.into()));
        talking().when(back).then_rejected(Rejection::AlreadyJoined);
    }
}

#[test]
fn a_transfers_id_is_used_once_and_its_deadline_lies_ahead() {
    let exists = Rejection::AlreadyExists { what: "transfer", id: "t".to_owned() };
    asked().when(blind("alice", "t", carol())).then_rejected(exists);
    let late = BlindTransfer { until: now(), ..blind("alice", "t", carol()) };
    talking().when(late).then_invalid(&[("deadline_invalid", "/until")]);
}

#[test]
fn the_target_rings_in_the_name_of_the_party_that_agrees() {
    asked().when(agrees("bob", "t")).then(&["transfer.accepted", "invite.created"]);
    let invite = calling().invite("i-t");
    assert_eq!((invite.from.as_str(), invite.transfer, invite.room), ("bob", Some("t".into()), Some(room("r"))));
    assert_eq!(calling().transfer("t").status, TransferStatus::Calling("i-t".into()));
}

#[test]
fn only_the_party_agrees_or_refuses_and_once() {
    asked().when(agrees("carol", "t")).then_rejected(missing("transfer", "t"));
    asked().when(agrees("alice", "t")).then_rejected(missing("transfer", "t"));
    asked().when(refuses("alice")).then_rejected(missing("transfer", "t"));
    asked().when(agrees("bob", "x")).then_rejected(missing("transfer", "x"));
    calling().when(agrees("bob", "t")).then_rejected(Rejection::TransferOver);
    calling().when(refuses("bob")).then_rejected(Rejection::TransferOver);
    asked().when(agrees("bob/other", "t")).then_rejected(Rejection::DeviceNotRegistered);
    let elsewhere = asked().after(login("bob/s2")).after(register("bob/s2"));
    elsewhere.when(agrees("bob/s2", "t")).then_rejected(Rejection::TransferOver);
}

#[test]
fn an_answer_that_comes_late_is_refused() {
    asked().at(later(19)).when(agrees("bob", "t")).then(&["transfer.accepted", "invite.created"]);
    asked().at(later(20)).when(agrees("bob", "t")).then_rejected(Rejection::TransferOver);
    asked().at(later(20)).when(refuses("bob")).then_rejected(Rejection::TransferOver);
}

#[test]
fn a_party_that_is_not_with_the_transferor_any_more_is_not_transferred() {
    asked().after(leaves("alice", "r")).when(agrees("bob", "t")).then_rejected(Rejection::TransferOver);
    asked().after(leaves("bob", "r")).when(agrees("bob", "t")).then_rejected(Rejection::TransferOver);
    let again = CreateRoom { opening: "o-2".into(), ..opens("alice", "r") };
    asked().after(closes("alice", "r")).after(again).when(agrees("bob", "t")).then_rejected(Rejection::TransferOver);
}

#[test]
fn a_refused_transfer_leaves_all_as_they_were() {
    asked().when(refuses("bob")).then(&["transfer.declined"]);
    let story = asked().after(refuses("bob"));
    assert_eq!(story.transfer("t").status, TransferStatus::Failed(603));
    assert!(story.room("r").has(&"alice".into()) && story.room("r").has(&"bob".into()));
    let wrong = DeclineTransfer { code: 1, ..refuses("bob") };
    asked().when(wrong).then_invalid(&[("error_code_invalid", "/errorCode")]);
}

#[test]
fn when_the_target_accepts_the_transferor_leaves() {
    calling().when(accepts("carol", "i-t")).then(&[
        "invite.accepted",
        "room.participant_left",
        "room.owner_changed",
        "room.participant_joined",
        "transfer.completed",
    ]);
    let story = calling().after(accepts("carol", "i-t"));
    let room = story.room("r");
    assert!(!room.has(&"alice".into()) && room.has(&"bob".into()) && room.has(&"carol".into()));
    assert_eq!(story.transfer("t").status, TransferStatus::Completed);
}

#[test]
fn the_transferors_seat_is_there_for_the_target() {
    let open = CreateRoom { rules: RoomRules { participants_limit: 2, ..RoomRules::default() }, ..opens("alice", "r") };
    let story = online().after(open).after(calls("alice", "i", "bob")).after(accepts("bob", "i"));
    let story = story.after(blind("alice", "t", carol())).after(agrees("bob", "t")).after(accepts("carol", "i-t"));
    assert!(story.room("r").has(&"carol".into()));
}

#[test]
fn a_transferor_who_has_hung_up_already_does_not_spoil_it() {
    let story = calling().after(leaves("alice", "r"));
    story.when(accepts("carol", "i-t")).then(&["invite.accepted", "room.participant_joined", "transfer.completed"]);
}

#[test]
fn a_target_does_not_come_to_a_party_that_has_left() {
    let story = calling().after(leaves("bob", "r"));
    story.when(accepts("carol", "i-t")).then_rejected(Rejection::InviteOver);
}

#[test]
fn whatever_the_target_answers_is_what_the_transfer_failed_with() {
    let events = calling().when(declines("carol", "i-t")).then(&["invite.declined", "transfer.failed"]);
    assert_eq!(failure(&events), Some(603));
    let events = calling().when(cancels("bob", "i-t")).then(&["invite.cancelled", "transfer.failed"]);
    assert_eq!(failure(&events), Some(487));
    let events = calling().at(later(30)).when(expires("i-t")).then(&["invite.expired", "transfer.failed"]);
    assert_eq!(failure(&events), Some(408));
    let story = calling().after(declines("carol", "i-t"));
    assert!(story.room("r").has(&"alice".into()) && story.room("r").has(&"bob".into()), "all stay");
}

#[test]
fn a_target_that_cannot_be_called_any_more_fails_the_transfer() {
    let over = ["transfer.accepted", "invite.created", "invite.ended", "transfer.failed"];
    let events = asked().after(lost("carol", now())).when(agrees("bob", "t")).then(&over);
    assert_eq!(failure(&events), Some(404));
    let busy = AcceptTransfer { busy: Some(BTreeSet::from(["carol".into()])), ..agrees("bob", "t") };
    assert_eq!(failure(&asked().when(busy).then(&over)), Some(486));
    let gone = DeleteUser { id: "carol".into(), cascade: true, erase: false, expected_version: None };
    let events = asked().after(gone).when(agrees("bob", "t")).then(&["transfer.accepted", "transfer.failed"]);
    assert_eq!(failure(&events), Some(404));
    let joined = asked().after(calls("alice", "j", "carol")).after(accepts("carol", "j"));
    let events = joined.when(agrees("bob", "t")).then(&["transfer.accepted", "transfer.failed"]);
    assert_eq!(failure(&events), Some(486));
}

#[test]
fn a_transfer_to_a_group_rings_with_its_members_and_neither_with_party_nor_transferor() {
    let story = with_group().after(calls("alice", "i", "bob")).after(accepts("bob", "i"));
    let story = story.after(blind("alice", "t", group_g())).after(agrees("bob", "t"));
    let invite = story.invite("i-t");
    assert!(invite.candidates.contains_key(&"carol".into()));
    assert!(!invite.candidates.contains_key(&"alice".into()) && !invite.candidates.contains_key(&"bob".into()));
}

#[test]
fn a_transfer_fails_at_its_deadline_and_not_before() {
    asked().at(later(19)).when(fails(408, true)).then_nothing();
    asked().at(later(20)).when(fails(408, true)).then(&["transfer.failed"]);
    let story = asked().at(later(20)).after(fails(408, true));
    story.when(fails(408, true)).then_nothing();
    assert_eq!(story.transfer("t").status, TransferStatus::Failed(408));
}

#[test]
fn while_the_target_rings_the_invitations_deadline_is_the_transfers() {
    calling().at(later(20)).when(fails(408, true)).then_nothing();
    calling().at(later(29)).when(accepts("carol", "i-t")).then(&[
        "invite.accepted",
        "room.participant_left",
        "room.owner_changed",
        "room.participant_joined",
        "transfer.completed",
    ]);
}

#[test]
fn a_transfer_that_is_given_up_takes_its_invitation_with_it() {
    asked().when(fails(487, false)).then(&["transfer.failed"]);
    calling().when(fails(487, false)).then(&["invite.cancelled", "transfer.failed"]);
    let story = calling().after(fails(487, false));
    assert_eq!(story.invite("i-t").status, InviteStatus::Over(487));
    story.when(fails(487, false)).then_nothing();
    let gone = CancelInvite { by: None, ..cancels("bob", "i-t") };
    calling().after(gone).when(fails(487, false)).then_nothing();
}

#[test]
fn the_party_moves_to_the_room_in_which_the_transferor_is_with_the_target() {
    consulting().when(attended("alice", "t", "x")).then(&ASKED);
    let story = consulting().after(attended("alice", "t", "x"));
    story.when(agrees("bob", "t")).then(&[
        "transfer.accepted",
        "room.participant_left",
        "room.owner_changed",
        "room.participant_joined",
        "room.participant_left",
        "room.participant_left",
        "room.closed",
        "transfer.completed",
    ]);
    let story = story.after(agrees("bob", "t"));
    let there = story.room("x");
    assert!(there.has(&"bob".into()) && there.has(&"carol".into()) && !there.has(&"alice".into()));
    assert!(!story.room("r").open);
    assert_eq!(story.transfer("t").status, TransferStatus::Completed);
}

#[test]
fn the_party_moves_as_a_person_and_leaves_no_device_behind() {
    let listed = consulting().after(login("bob/s2")).after(register("bob/s2")).after(joins("bob/s2", "r"));
    let story = listed.after(attended("alice", "t", "x")).after(agrees("bob", "t"));
    assert!(!story.room("r").open);
    let there = story.room("x");
    assert_eq!(there.seats_of(&"bob".into()).count(), 1);
}

#[test]
fn an_attended_transfer_leads_to_another_room_in_which_the_transferor_is_with_somebody() {
    talking().when(attended("alice", "t", "x")).then_rejected(missing("room", "x"));
    talking().when(attended("alice", "t", "r")).then_rejected(Rejection::NotAParticipant);
    talking().after(opens("carol", "x")).when(attended("alice", "t", "x")).then_rejected(Rejection::NotAParticipant);
    talking().after(opens("alice", "x")).when(attended("alice", "t", "x")).then_rejected(Rejection::TransferAmbiguous);
    let there = CreateRoom { acl: vec!["bob".into()], ..opens("alice", "x") };
    let there = talking().after(there).after(joins("bob", "x"));
    there.when(attended("alice", "t", "x")).then_rejected(Rejection::AlreadyJoined);
}

#[test]
fn an_attended_transfer_fails_if_the_target_room_is_not_what_it_was() {
    let story = consulting().after(attended("alice", "t", "x"));
    story.after(closes("alice", "x")).when(agrees("bob", "t")).then_rejected(Rejection::TransferOver);
    story.after(leaves("alice", "x")).when(agrees("bob", "t")).then_rejected(Rejection::TransferOver);
    story.after(leaves("carol", "x")).when(agrees("bob", "t")).then_rejected(Rejection::TransferOver);
}

#[test]
fn a_full_target_room_has_the_transferors_seat_for_the_party() {
    let rules = RoomRules { participants_limit: 2, ..RoomRules::default() };
    let consult = CreateRoom { acl: vec!["carol".into()], rules, ..opens("alice", "x") };
    let story = talking().after(consult).after(joins("carol", "x")).after(attended("alice", "t", "x"));
    let story = story.after(agrees("bob", "t"));
    assert!(story.room("x").has(&"bob".into()));
}
