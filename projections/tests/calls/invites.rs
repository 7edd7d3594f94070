//! Invitations and their candidates.

use wac_events::invite::*;
use wac_events::*;
use wac_projections::*;

use crate::story::{Story, at, room};

fn invited(to: Callee, candidates: &[&str], absent: &[&str]) -> Story {
    Story::default().invite(InviteCreated {
        id: "i1".into(),
        domain: "d1".into(),
        kind: InviteKind::Invite,
        room: Some(room()),
        opening: Some("o1".into()),
        from: "u1".into(),
        from_session: "s1".into(),
        to,
        candidates: candidates.iter().map(|user| UserId::from(*user)).collect(),
        absent: absent.iter().map(|user| UserId::from(*user)).collect(),
        mediatypes: MediaTypes { audio: true, video: true, screen: false },
        context: Some(Personal::new("{}")),
        ring_until: at(30),
        transfer: None,
        at: at(1),
    })
}

fn to_bob() -> Story {
    invited(Callee::User("u2".into()), &["u2"], &[])
}

pub(crate) fn to_group() -> Story {
    invited(Callee::Group("g1".into()), &["u2", "u3"], &["u4"])
}

fn invite_of(story: &Story) -> InviteRow {
    story.row(&INVITES, "i1", InviteRow::from_row).unwrap()
}

fn candidate_of(story: &Story, user: &str) -> (CandidateState, Option<u64>) {
    let row = story.row(&CANDIDATES, &format!("i1/{user}"), CandidateRow::from_row).unwrap();
    (row.state, row.code)
}

fn is_over(story: &Story) -> bool {
    let columns: [(&'static str, Value); 3] =
        [("ringing", true.into()), ("ring_opening", "o1".into()), ("ring_caller", "u1".into())];
    columns.into_iter().all(|(column, value)| story.found(&INVITES, column, value).is_empty())
}

#[test]
fn a_sent_invitation_rings_and_is_found_by_room_caller_and_candidate() {
    let story = to_group();
    let expected = InviteRow {
        id: "i1".into(),
        domain: "d1".into(),
        kind: InviteKind::Invite,
        opening: Some("o1".into()),
        room: Some(room()),
        from: "u1".into(),
        from_session: "s1".into(),
        to: Callee::Group("g1".into()),
        state: InviteState::Ringing,
        code: None,
        mediatypes: MediaTypes { audio: true, video: true, screen: false },
        accepted_by: None,
        accepted_session: None,
        transfer: None,
        ring_until: at(30),
        created_at: at(1),
        ended_at: None,
    };
    assert_eq!(invite_of(&story), expected);
    assert_eq!(story.found(&INVITES, "ring_opening", "o1"), ["i1"]);
    assert_eq!(story.found(&INVITES, "ring_caller", "u1"), ["i1"]);
    assert_eq!(story.found(&INVITES, "ringing", true), ["i1"]);
    assert_eq!(story.found(&CANDIDATES, "invite", "i1"), ["i1/u2", "i1/u3", "i1/u4"]);
    assert_eq!(story.found(&CANDIDATES, "live_user", "u4"), ["i1/u4"]);
    assert_eq!(candidate_of(&story, "u2"), (CandidateState::Ringing, None));
    assert_eq!(candidate_of(&story, "u4"), (CandidateState::Absent, None));
}

#[test]
fn candidates_come_and_go_while_it_rings() {
    let added = InviteCandidateAdded { user: "u4".into(), session: "s4".into() };
    let story = to_group().invite(added).invite(InviteCandidateRemoved { user: "u2".into() });
    assert_eq!(candidate_of(&story, "u4").0, CandidateState::Ringing);
    assert_eq!(candidate_of(&story, "u2").0, CandidateState::Absent);
    assert!(!is_over(&story));
}

#[test]
fn an_accepted_invitation_says_who_took_it_and_where() {
    let accepted = InviteAccepted {
        by: "u2".into(),
        session: "s2".into(),
        room: RoomRef { domain: "d1".into(), id: "r2".into() },
        opening: "o2".into(),
        at: at(5),
    };
    let story = to_bob().invite(accepted);
    let row = invite_of(&story);
    assert_eq!((row.state, row.code, row.ended_at), (InviteState::Accepted, Some(200), Some(at(5))));
    assert_eq!((row.accepted_by, row.accepted_session), (Some("u2".into()), Some("s2".into())));
    assert_eq!((row.opening, row.room.map(|room| room.id)), (Some("o2".into()), Some("r2".into())));
    assert_eq!(candidate_of(&story, "u2"), (CandidateState::Accepted, Some(200)));
    assert!(is_over(&story));
    assert!(story.found(&CANDIDATES, "live_user", "u2").is_empty());
}

#[test]
fn a_refusal_ends_an_invitation_to_one_and_not_one_to_a_group() {
    let refused = |over| InviteDeclined { by: "u2".into(), code: 603, over, at: at(5) };
    let story = to_bob().invite(refused(true));
    assert_eq!((invite_of(&story).state, invite_of(&story).code), (InviteState::Declined, Some(603)));
    assert!(is_over(&story));
    let story = to_group().invite(refused(false));
    assert_eq!(invite_of(&story).state, InviteState::Ringing);
    assert_eq!(candidate_of(&story, "u2"), (CandidateState::Declined, Some(603)));
    assert!(story.found(&CANDIDATES, "live_user", "u2").is_empty());
    assert_eq!(story.found(&INVITES, "ringing", true), ["i1"]);
}

#[test]
fn every_other_end_of_an_invitation_has_its_state_and_code() {
    let cancelled = InviteCancelled { code: 487, reason: CancelReason::Requested, at: at(5) };
    let ends: [(InviteEvent, InviteState, u64); 3] = [
        (cancelled.into(), InviteState::DeclinedByCreator, 487),
        (InviteExpired { at: at(5) }.into(), InviteState::DeclinedByTimeout, 408),
        (InviteEnded { code: 480, at: at(5) }.into(), InviteState::Ended, 480),
    ];
    for (event, state, code) in ends {
        let story = to_bob().invite(event);
        let row = invite_of(&story);
        assert_eq!((row.state, row.code, row.ended_at), (state, Some(code), Some(at(5))));
        assert!(is_over(&story));
    }
}
