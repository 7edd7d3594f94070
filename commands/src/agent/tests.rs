//! Rules of the agents' pool: one contact at a time, given back in every outcome.

use wac_events::Activity;
use wac_events::session::SessionEnd;

use crate::invite::{InviteStatus, RemoveCandidate, SendInvites, Target};
use crate::presence::{ChangePresence, PresenceChanges};
use crate::room::CreateRoom;
use crate::testing::*;
use crate::*;

const ASSIGNED: [&str; 2] = ["invite.created", "agent.assigned"];

fn dora() -> Target {
    Target::Agent("dora".into())
}

/// Alice's call was assigned to Dora.
fn assigned() -> Story {
    in_room().after(invites("alice", "i", dora()))
}

/// Dora talks to Alice.
fn attending() -> Story {
    assigned().after(accepts("dora", "i"))
}

fn is(activity: Activity) -> ChangePresence {
    let changes = PresenceChanges { activity: Some(activity), ..PresenceChanges::default() };
    ChangePresence { user: "dora".into(), changes }
}

#[test]
fn an_idle_agent_is_given_the_call() {
    in_room().when(invites("alice", "i", dora())).then(&ASSIGNED);
    assert_eq!(assigned().agent("dora").invite, Some("i".into()));
}

#[test]
fn an_agent_has_one_contact_at_a_time() {
    let other = assigned().after(opens("bob", "x"));
    other.when(invites_to("bob", "j", dora(), "x")).then_rejected(Rejection::AgentBusy);
    let twice = SendInvites {
        invites: ["j", "k"].map(|id| invite::TargetedInvite { id: id.into(), to: dora() }).into(),
        ..invites("alice", "j", dora())
    };
    in_room().when(twice).then_invalid(&[("targets_invalid", "/to")]);
}

#[test]
fn only_who_is_there_and_willing_is_given_a_call() {
    in_room().after(is(Activity::Available)).when(invites("alice", "i", dora())).then(&ASSIGNED);
    in_room().after(is(Activity::Away)).when(invites("alice", "i", dora())).then_rejected(Rejection::AgentBusy);
    in_room().after(lost("dora", now())).when(invites("alice", "i", dora())).then_rejected(Rejection::AgentBusy);
    let busy = SendInvites { busy: Some(["dora".into()].into()), ..invites("alice", "i", dora()) };
    in_room().when(busy).then_rejected(Rejection::AgentBusy);
    in_room().when(invites("alice", "i", Target::Agent("alice".into()))).then_rejected(Rejection::AgentBusy);
    in_room().when(invites("alice", "i", Target::Agent("nobody".into()))).then_rejected(Rejection::AgentBusy);
}

#[test]
fn an_agent_who_sits_in_the_room_already_is_not_given_the_call() {
    let open = CreateRoom { acl: vec!["dora".into()], ..opens("alice", "r") };
    let story = online().after(open).after(joins("dora", "r"));
    story.when(invites("alice", "i", dora())).then_rejected(Rejection::AgentBusy);
}

#[test]
fn an_agent_keeps_the_contact_while_he_sits_in_its_room() {
    assigned().when(accepts("dora", "i")).then(&["invite.accepted", "room.participant_joined"]);
    assert_eq!(attending().agent("dora").invite, Some("i".into()));
}

#[test]
fn an_agent_is_idle_again_whatever_came_of_the_ringing() {
    assigned().when(declines("dora", "i")).then(&["invite.declined", "agent.released"]);
    assigned().when(cancels("alice", "i")).then(&["invite.cancelled", "agent.released"]);
    assigned().at(later(30)).when(expires("i")).then(&["invite.expired", "agent.released"]);
    let gone = RemoveCandidate { invite: "i".into(), user: "dora".into() };
    let ended = ["invite.candidate_removed", "invite.ended", "agent.released"];
    assigned().after(lost("dora", now())).when(gone).then(&ended);
    let story = assigned().after(declines("dora", "i"));
    assert_eq!((story.agent("dora").invite, story.agent("dora").idle_since), (None, Some(now())));
    assert_eq!(story.invite("i").status, InviteStatus::Over(603));
}

#[test]
fn an_agent_is_idle_again_however_he_leaves_the_room() {
    attending().when(leaves("dora", "r")).then(&["room.participant_left", "agent.released"]);
    attending().when(expels("alice", "dora")).then(&["room.participant_left", "agent.released"]);
    let all = ["room.participant_left", "room.participant_left", "agent.released", "room.closed"];
    attending().when(closes("alice", "r")).then(&all);
    let story = attending().after(session::CloseSession { id: "s-dora".into(), reason: SessionEnd::Logout });
    let lost = room::LeaveRoom { unless_registered: true, ..leaves("dora", "r") };
    story.when(lost).then(&["room.participant_left", "agent.released"]);
}

#[test]
fn an_agent_who_transfers_the_caller_is_idle_again() {
    let story = attending().after(blind("dora", "t", Target::User("bob".into()))).after(agrees("alice", "t"));
    story.when(accepts("bob", "i-t")).then(&[
        "invite.accepted",
        "room.participant_left",
        "agent.released",
        "room.participant_joined",
        "transfer.completed",
    ]);
}

#[test]
fn a_caller_is_transferred_to_an_idle_agent_and_the_agent_is_idle_again_if_it_fails() {
    let story = talking().after(blind("alice", "t", dora()));
    story.when(agrees("bob", "t")).then(&["transfer.accepted", "invite.created", "agent.assigned"]);
    let ringing = story.after(agrees("bob", "t"));
    ringing.when(declines("dora", "i-t")).then(&["invite.declined", "agent.released", "transfer.failed"]);
    let busy = story.after(opens("carol", "x")).after(invites_to("carol", "j", dora(), "x"));
    busy.when(agrees("bob", "t")).then(&["transfer.accepted", "transfer.failed"]);
}

#[test]
fn an_agent_who_lets_somebody_into_his_room_is_idle_again() {
    let story = online().after(asks("bob", "i", dora())).after(opens("dora", "x"));
    assert_eq!(story.agent("dora").invite, Some("i".into()));
    let taken = ["invite.accepted", "room.participant_joined", "agent.released"];
    story.when(lets_in("dora", "i", "x")).then(&taken);
}
