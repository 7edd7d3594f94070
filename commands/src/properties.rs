//! What holds of any history and any name.

use proptest::prelude::*;
use wac_events::{AnyEvent, KeyState, StreamId};

use crate::invite::Target;
use crate::names::{check_username, fold};
use crate::testing::*;
use crate::*;

/// Which command, about which object, with which other one.
type Wish = (u8, &'static str, &'static str);

/// A few commands over a handful of objects, sensible or not.
fn wishes(most: usize) -> impl Strategy<Value = Vec<Wish>> {
    let id = prop::sample::select(vec!["a", "b", "c"]);
    prop::collection::vec((0..14u8, id.clone(), id), 1..most)
}

fn command((kind, id, other): Wish) -> Box<dyn Command> {
    match kind {
        0 => Box::new(CreateDomain { parent: Some(other.into()), ..child(id) }),
        1 => Box::new(child(id)),
        2 => Box::new(DeleteDomain { id: id.into(), cascade: true, inspection: None, expected_version: None }),
        3 => Box::new(FinishDomainRemoval { id: id.into() }),
        4 => Box::new(InspectDomain { id: id.into(), inspection: other.to_owned() }),
        5 => Box::new(DeleteDomain {
            id: id.into(),
            cascade: false,
            inspection: Some(other.into()),
            expected_version: None,
        }),
        6 => Box::new(user(id, other)),
        7 => Box::new(guest(id, other)),
        8 => Box::new(DeleteUser { id: id.into(), cascade: true, erase: other == "a", expected_version: None }),
        9 => Box::new(CreateCredential { domain: other.into(), ..basic(id, id) }),
        10 => Box::new(pool(id, other)),
        11 => Box::new(LeaseCredential { id: id.into(), holder: other.into(), until: later(5) }),
        12 => Box::new(IssueToken { domain: other.into(), ..token(id, id) }),
        _ => Box::new(ChangeDomain {
            id: id.into(),
            changes: DomainChanges { parent: Some(Some(other.into())), ..DomainChanges::default() },
            expected_version: None,
        }),
    }
}

/// Which step of a call, by whom, about which other one.
type Step = (u8, &'static str, &'static str, u64);

/// A few steps of calls among three people, sensible or not, as time goes by.
fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let who = prop::sample::select(vec!["alice", "bob", "carol"]);
    prop::collection::vec((0..34u8, who.clone(), who, 0..4u64), 1..most)
}

fn target(other: &str) -> Target {
    match other {
        "carol" => Target::Group("g".into()),
        "bob" => Target::Agent("bob".into()),
        _ => Target::User(other.into()),
    }
}

fn step((kind, by, other, _): Step) -> Box<dyn Command> {
    match kind {
        0 => Box::new(opens(by, "r")),
        1 => Box::new(room::CreateRoom { acl: vec![other.into()], ..opens(by, "x") }),
        2 => Box::new(joins(by, "r")),
        3 => Box::new(joins(by, "x")),
        4 => Box::new(leaves(by, "r")),
        5 => Box::new(leaves(by, "x")),
        6 => Box::new(closes(by, "r")),
        7 => Box::new(mutes(by, other, true)),
        8 => Box::new(mutes(by, other, false)),
        9 => Box::new(expels(by, other)),
        10 => Box::new(calls(by, "i", other)),
        11 => Box::new(invites(by, "j", target(other))),
        12 => Box::new(asks(by, "k", target(other))),
        13 => Box::new(accepts(by, "i")),
        14 => Box::new(invite::AcceptInvite { decline: vec!["i".into(), "k".into()], ..accepts(by, "j") }),
        15 => Box::new(lets_in(by, "k", "r")),
        16 => Box::new(declines(by, "i")),
        17 => Box::new(declines(by, "j")),
        18 => Box::new(cancels(by, "i")),
        19 => Box::new(cancels(by, "j")),
        20 => Box::new(expires("i")),
        21 => Box::new(expires("j")),
        22 => Box::new(invite::AddCandidate { invite: "j".into(), device: device(by) }),
        23 => Box::new(invite::RemoveCandidate { invite: "j".into(), user: by.into() }),
        24 => Box::new(blind(by, "t", target(other))),
        25 => Box::new(attended(by, "t", "x")),
        26 => Box::new(agrees(by, "t")),
        27 => Box::new(accepts(by, "i-t")),
        28 => Box::new(transfer::FailTransfer { transfer: "t".into(), code: 408, when_due: other == "alice" }),
        29 => Box::new(lost(by, later(40))),
        30 => Box::new(register(by)),
        31 => Box::new(room::LeaveRoom { unless_registered: true, ..leaves(by, "r") }),
        32 => {
            Box::new(session::CloseSession { id: device(by).session, reason: wac_events::session::SessionEnd::Logout })
        }
        _ => Box::new(invite::CancelInvite { by: None, unless: Some(invite::Unless::Registered), ..cancels(by, "i") }),
    }
}

/// People with devices and a group, and what they do.
fn calls_of(steps: &[Step]) -> Story {
    let story = with_group().after(closes("alice", "r"));
    let mut at = 0;
    steps.iter().fold(story, |story, wish| {
        at += wish.3;
        story.at(later(at)).attempt(&*step(*wish))
    })
}

/// Events of one stream that match.
fn count(story: &Story, stream: &StreamId, types: &[&str]) -> usize {
    let facts = story.facts().iter().filter(|fact| fact.stream == *stream);
    facts.filter(|fact| types.contains(&fact.event.event_type())).count()
}

fn story_of(wishes: &[Wish]) -> Story {
    wishes.iter().fold(given().after(base()), |story, wish| story.attempt(&*command(*wish)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_prefix_of_any_history_folds_and_versions_count_events(wishes in wishes(40)) {
        let story = story_of(&wishes);
        let streams: Vec<StreamId> = story.facts().iter().map(|fact| fact.stream.clone()).collect();
        for stream in &streams {
            let events: Vec<&AnyEvent> = story.facts().iter().filter(|f| f.stream == *stream).map(|f| &f.event).collect();
            let mut state = State::empty(stream.aggregate()).expect("known");
            for (index, event) in events.iter().enumerate() {
                state = state.evolve(event);
                prop_assert_eq!(state.version(), index as u64 + 1);
            }
        }
    }

    #[test]
    fn no_history_makes_a_cycle_or_puts_two_objects_under_one_name(wishes in wishes(60)) {
        let story = story_of(&wishes);
        let mut names = Vec::new();
        for id in ["a", "b", "c"] {
            let State::Domain(mut domain) = story.state(&domain_id(id).stream()) else { unreachable!() };
            if !domain.exists() { continue }
            names.push(domain.name.clone());
            for _ in 0..5 {
                let Some(parent) = domain.parent.clone() else { break };
                let State::Domain(next) = story.state(&parent.stream()) else { unreachable!() };
                domain = next;
            }
            prop_assert!(domain.parent.is_none(), "the chain of {} ends at the base domain", id);
        }
        let count = names.len();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), count);
    }

    #[test]
    fn any_prefix_of_any_call_folds_in_parts_as_in_one(steps in steps(60), cut in 0..200usize) {
        let story = calls_of(&steps);
        let streams: std::collections::BTreeSet<&StreamId> = story.facts().iter().map(|fact| &fact.stream).collect();
        for stream in streams {
            let events: Vec<&AnyEvent> = story.facts().iter().filter(|f| f.stream == *stream).map(|f| &f.event).collect();
            let (first, rest) = events.split_at(cut.min(events.len()));
            let empty = || State::empty(stream.aggregate()).expect("known");
            let part = first.iter().fold(empty(), |state, event| state.evolve(event));
            let whole = rest.iter().fold(part, |state, event| state.evolve(event));
            prop_assert_eq!(&whole, &story.state(stream));
            prop_assert_eq!(whole.version(), events.len() as u64);
        }
    }

    #[test]
    fn an_invitation_has_at_most_one_outcome_and_a_transfer_too(steps in steps(80)) {
        let story = calls_of(&steps);
        for id in ["i", "j", "k", "i-t"] {
            let stream = wac_events::InviteId::from(id).stream();
            let ends = ["invite.accepted", "invite.cancelled", "invite.expired", "invite.ended"];
            let declined = story.facts().iter().filter(|fact| fact.stream == stream).filter(|fact| {
                matches!(&fact.event, AnyEvent::Invite(wac_events::InviteEvent::Declined(declined)) if declined.over)
            });
            prop_assert!(count(&story, &stream, &ends) + declined.count() <= 1, "{}", id);
            let ringing = story.invite(id);
            prop_assert!(!ringing.is_ringing() || ringing.has_ringing(), "{} rings with somebody", id);
        }
        let stream = wac_events::TransferId::from("t").stream();
        let ends = ["transfer.completed", "transfer.failed", "transfer.declined"];
        prop_assert!(count(&story, &stream, &ends) <= 1);
        if let transfer::TransferStatus::Calling(invite) = story.transfer("t").status {
            prop_assert!(story.invite(invite.as_str()).is_ringing(), "a transfer is over with its invitation");
        }
    }

    #[test]
    fn an_open_room_has_people_and_its_owner_is_one_of_them(steps in steps(80)) {
        let story = calls_of(&steps);
        for id in ["r", "x"] {
            let room = story.room(id);
            prop_assert_eq!(room.open, !room.seats.is_empty());
            let seated: std::collections::BTreeSet<_> = room.seats.values().map(|seat| &seat.user).collect();
            prop_assert_eq!(seated, room.people.keys().collect());
            prop_assert!(!room.open || room.owner.as_ref().is_none_or(|owner| room.has(owner)));
        }
    }

    #[test]
    fn an_agent_has_a_contact_only_while_it_rings_or_he_sits_with_it(steps in steps(80)) {
        let story = calls_of(&steps);
        if let Some(invite) = story.agent("bob").invite {
            let rings = story.invite(invite.as_str()).is_ringing();
            let sits = ["r", "x"].iter().any(|id| {
                story.room(id).seats.values().any(|seat| seat.invite.as_ref() == Some(&invite))
            });
            prop_assert!(rings || sits, "{} keeps bob", invite);
        }
    }

    #[test]
    fn who_has_no_session_has_no_device(steps in steps(60)) {
        let story = calls_of(&steps);
        for id in PEOPLE {
            let presence = story.presence(id);
            prop_assert!(presence.devices.keys().all(|session| presence.sessions.contains(session)));
            let stream = wac_events::UserId::from(id).presence_stream();
            let balance = count(&story, &stream, &["presence.online"]) - count(&story, &stream, &["presence.offline"]);
            prop_assert_eq!(balance == 1, presence.has_device());
        }
    }

    #[test]
    fn events_of_any_aggregate_fold_anywhere(wishes in wishes(20)) {
        let story = story_of(&wishes);
        for aggregate in [
            "domain", "user", "subject", "credential", "client", "token", "reservation", "session", "presence", "login",
            "room", "invite", "transfer", "group", "agent", "node", "media",
        ] {
            let folded = story.facts().iter().fold(State::empty(aggregate).expect("known"), |state, fact| state.evolve(&fact.event));
            prop_assert_eq!(folded.version(), story.facts().len() as u64);
        }
    }

    #[test]
    fn folding_a_name_twice_is_folding_it_once(name in "\\PC{0,20}") {
        prop_assert_eq!(fold(&fold(&name)), fold(&name));
    }

    #[test]
    fn a_name_that_is_allowed_has_no_forbidden_character_in_any_form(name in "\\PC{1,20}") {
        if check_username(&name).is_ok() {
            prop_assert!(!fold(&name).contains(['@', '/', ':']));
        }
    }
}

#[test]
fn names_are_the_same_after_nfkc_and_case_folding() {
    for (one, other) in [
        ("Alice", "ALICE"),
        ("ﬁnn", "FINN"),
        ("Straße", "STRASSE"),
        ("Ａlice", "alice"),
        ("é", "e\u{301}"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
    ] {
        assert_eq!(fold(one), fold(other), "{one} {other}");
    }
    assert_ne!(fold("alice"), fold("alicé"));
}

#[test]
fn plain_names_fold_as_they_would_among_others() {
    let plain: String = (' '..='~').collect();
    let other = format!("{plain}é");
    assert_eq!(format!("{}é", fold(&plain)), fold(&other));
}

#[test]
fn a_username_has_bounds_and_no_separators() {
    for good in ["a", "Alice", "josé maría", &"x".repeat(128), "o'hara+1"] {
        assert_eq!(check_username(good), Ok(()), "{good}");
    }
    for bad in ["", " a", "a ", "a@b", "a/b", "a:b", "a\nb", "ａ＠ｂ", &"x".repeat(129)] {
        assert_eq!(check_username(bad).map_err(|rejection| rejection.code()), Err("username_invalid"), "{bad}");
    }
}

#[test]
fn a_domain_name_has_bounds_and_plain_letters() {
    assert_eq!(domain_name("Demo.Quobis-1_x"), Ok("demo.quobis-1_x".to_owned()));
    for bad in ["", "a b", "a@b", "é", &"x".repeat(254)] {
        assert_eq!(domain_name(bad).map_err(|rejection| rejection.code()), Err("domain_name_invalid"), "{bad}");
    }
}

#[test]
fn a_names_key_is_one_per_domain_and_name_in_any_case() {
    let bench = Bench::new();
    let key = |domain: &str, name: &str| name_key(&*bench.keys, &domain.into(), name).unwrap();
    assert_eq!(key("a", "Alice"), key("a", "alice"));
    assert_ne!(key("a", "alice"), key("b", "alice"));
    assert!(!matches!(
        futures::executor::block_on(wac_events::KeyStore::find(&*bench.keys, &["a".into()])).unwrap()[0],
        KeyState::Present(_)
    ));
}

#[test]
fn every_rejection_has_a_code_of_its_own() {
    let rejections = [
        Rejection::UsernameTaken,
        Rejection::DomainNameTaken,
        Rejection::BasicCredentialExists,
        Rejection::SipIdentityTaken,
        Rejection::BaseDomain,
        Rejection::DomainClosing,
        Rejection::DomainNotEmpty,
        Rejection::DomainCycle,
        Rejection::CredentialLeased,
        Rejection::NotAPoolCredential,
        Rejection::OwnAdministrator,
        Rejection::NotAdministrator,
        Rejection::GrantNotAllowed,
        Rejection::AnonymousDisabled,
        Rejection::RoleChanged,
        Rejection::CredentialChanged,
        Rejection::TokenUnknown,
        Rejection::TokenExpired,
        Rejection::TokenRevoked,
        Rejection::SessionClosed,
        Rejection::NodeStopped,
        Rejection::NodeTakesNoRooms,
        Rejection::DeviceNotRegistered,
        Rejection::RoomOpen,
        Rejection::InACall,
        Rejection::NotAllowed,
        Rejection::NotAParticipant,
        Rejection::AlreadyJoined,
        Rejection::ParticipantsLimit { limit: 1 },
        Rejection::CalleeUnknown,
        Rejection::InviteOver,
        Rejection::AgentBusy,
        Rejection::TransferAmbiguous,
        Rejection::TransferOver,
        Rejection::GroupFull { max: 1 },
    ];
    let codes: std::collections::BTreeSet<_> = rejections.iter().map(Rejection::code).collect();
    assert_eq!(codes.len(), rejections.len());
}
