//! What holds of any history and any name.

use proptest::prelude::*;
use wac_events::{AnyEvent, KeyState, StreamId};

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
    fn events_of_any_aggregate_fold_anywhere(wishes in wishes(20)) {
        let story = story_of(&wishes);
        for aggregate in ["domain", "user", "subject", "credential", "client", "token", "reservation"] {
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
    ];
    let codes: std::collections::BTreeSet<_> = rejections.iter().map(Rejection::code).collect();
    assert_eq!(codes.len(), rejections.len());
}
