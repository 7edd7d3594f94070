use std::collections::BTreeMap;

use wac_events::domain::Services;
use wac_events::{AnyEvent, DomainEvent, DomainId};

use super::origin::Pattern;
use super::*;
use crate::testing::*;
use crate::*;

fn change(id: &str, changes: DomainChanges) -> ChangeDomain {
    ChangeDomain { id: id.into(), changes, expected_version: None }
}

fn renamed(name: &str) -> DomainChanges {
    DomainChanges { name: Some(name.to_owned()), ..DomainChanges::default() }
}

fn under(parent: &str) -> DomainChanges {
    DomainChanges { parent: Some(Some(parent.into())), ..DomainChanges::default() }
}

fn delete(id: &str) -> DeleteDomain {
    DeleteDomain { id: id.into(), cascade: false, inspection: None, expected_version: None }
}

fn inspect(id: &str) -> InspectDomain {
    InspectDomain { id: id.into(), inspection: "look".to_owned() }
}

fn delete_inspected(id: &str) -> DeleteDomain {
    DeleteDomain { inspection: Some("look".to_owned()), ..delete(id) }
}

fn cascade(id: &str) -> DeleteDomain {
    DeleteDomain { cascade: true, ..delete(id) }
}

#[test]
fn the_base_domain_is_created_without_a_parent() {
    given().when(base()).then(&["reservation.taken", "reservation.taken", "domain.created"]);
}

#[test]
fn only_one_domain_has_no_parent() {
    let second = CreateDomain { id: "other".into(), name: "other".to_owned(), ..base() };
    given().after(base()).when(second).then_invalid(&[("parent_required", "/parent")]);
}

#[test]
fn a_domain_name_is_kept_in_lower_case() {
    let events = given().after(base()).when(CreateDomain { name: "Demo.Quobis.COM".to_owned(), ..child("demo") });
    let AnyEvent::Domain(DomainEvent::Created(created)) = &events.then(&["reservation.taken", "domain.created"])[1]
    else {
        panic!("a creation")
    };
    assert_eq!(created.name, "demo.quobis.com");
}

#[test]
fn a_domain_name_in_use_is_rejected_in_whatever_case() {
    let second = CreateDomain { name: "A.EXAMPLE".to_owned(), ..child("b") };
    given().after(base()).after(child("a")).when(second).then_rejected(Rejection::DomainNameTaken);
}

#[test]
fn a_domain_id_is_used_once() {
    let again = CreateDomain { name: "other".to_owned(), ..child("a") };
    let exists = Rejection::AlreadyExists { what: "domain", id: "a".to_owned() };
    given().after(base()).after(child("a")).when(again).then_rejected(exists);
}

#[test]
fn a_parent_must_exist() {
    let orphan = CreateDomain { parent: Some("nowhere".into()), ..child("a") };
    given().after(base()).when(orphan).then_invalid(&[("domain_unknown", "/parent")]);
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let services = Services::from([("bad name".to_owned(), Vec::new())]);
    let wrong = CreateDomain {
        name: "no blanks".to_owned(),
        origins: vec![Some("*.ok".to_owned()), Some("/(/".to_owned())],
        anonymous_capabilities: vec!["chat".to_owned(), "+chat".to_owned()],
        anonymous_expiration_ms: ANONYMOUS_EXPIRATION_MS_MAX + 1,
        services: Some(services),
        ..child("a")
    };
    given().after(base()).when(wrong).then_invalid(&[
        ("domain_name_invalid", "/domain"),
        ("origin_invalid", "/origins/1"),
        ("anonymous_expiration_invalid", "/anonymousExpiration"),
        ("capability_invalid", "/anonymousCapabilities/0"),
        ("services_invalid", "/services"),
    ]);
}

#[test]
fn a_service_that_there_is_not_is_refused() {
    let services = services(&[("chat", &[]), ("chats", &[]), ("contacts", &["wac"])]);
    let wrong = CreateDomain { services: Some(services.clone()), ..child("a") };
    given().after(base()).when(wrong).then_invalid(&[("service_unknown", "/services/chats")]);
    let changes = DomainChanges { services: Some(Some(services)), ..DomainChanges::default() };
    let story = given().after(base()).after(child("a"));
    story.when(change("a", changes)).then_invalid(&[("service_unknown", "/services/chats")]);
}

#[test]
fn a_list_of_origins_is_bounded() {
    let many = CreateDomain { origins: vec![None; ORIGINS_MAX + 1], ..child("a") };
    given().after(base()).when(many).then_invalid(&[("origin_invalid", "/origins")]);
}

#[test]
fn a_domain_cannot_be_placed_under_itself_or_its_descendant() {
    let story = given()
        .after(base())
        .after(child("a"))
        .after(CreateDomain { parent: Some("a".into()), ..child("b") })
        .after(CreateDomain { parent: Some("b".into()), ..child("c") });
    story.when(change("a", under("a"))).then_rejected(Rejection::DomainCycle);
    story.when(change("a", under("c"))).then_rejected(Rejection::DomainCycle);
    story.when(change("c", under("a"))).then(&["domain.changed"]);
}

#[test]
fn domains_nest_to_a_bounded_depth() {
    let mut story = given().after(base());
    let mut parent = "base".to_owned();
    for depth in 0..DOMAIN_DEPTH_MAX - 1 {
        let id = format!("d{depth}");
        story = story.after(CreateDomain { parent: Some(parent.as_str().into()), ..child(&id) });
        parent = id;
    }
    let deepest = CreateDomain { parent: Some(parent.as_str().into()), ..child("deepest") };
    let story = story.after(deepest);
    let too_deep = CreateDomain { parent: Some("deepest".into()), ..child("too-deep") };
    story.when(too_deep).then_rejected(Rejection::DomainTooDeep { max: DOMAIN_DEPTH_MAX });
}

#[test]
fn the_base_domain_can_be_neither_renamed_nor_moved_nor_removed() {
    let story = given().after(base()).after(child("a"));
    story.when(change("base", renamed("other"))).then_rejected(Rejection::BaseDomain);
    story.when(change("base", under("a"))).then_rejected(Rejection::BaseDomain);
    story.when(cascade("base")).then_rejected(Rejection::BaseDomain);
    story.when(delete("base")).then_rejected(Rejection::BaseDomain);
    story.when(inspect("base")).then_rejected(Rejection::BaseDomain);
}

#[test]
fn the_base_domain_may_change_otherwise() {
    let changes = DomainChanges {
        name: Some("QUOBIS".to_owned()),
        parent: Some(None),
        enable_anonymous: Some(true),
        ..DomainChanges::default()
    };
    given().after(base()).when(change("base", changes)).then(&["domain.changed"]);
}

#[test]
fn a_change_that_changes_nothing_is_no_event() {
    given().after(base()).after(child("a")).when(change("a", renamed("A.Example"))).then_nothing();
}

#[test]
fn a_renamed_domain_frees_its_old_name() {
    let story = given().after(base()).after(child("a"));
    story.when(change("a", renamed("new"))).then(&["reservation.taken", "reservation.released", "domain.changed"]);
    let story = story.after(change("a", renamed("new")));
    story
        .clone()
        .when(CreateDomain { name: "a.example".to_owned(), ..child("b") })
        .then(&["reservation.taken", "domain.created"]);
    story.when(CreateDomain { name: "new".to_owned(), ..child("b") }).then_rejected(Rejection::DomainNameTaken);
}

#[test]
fn a_domain_without_parent_cannot_be_made() {
    let orphaned = DomainChanges { parent: Some(None), ..DomainChanges::default() };
    given().after(base()).after(child("a")).when(change("a", orphaned)).then_invalid(&[("parent_required", "/parent")]);
}

#[test]
fn a_change_of_an_older_version_is_refused() {
    let story = given().after(base()).after(child("a")).after(change("a", renamed("new")));
    let stale = ChangeDomain { expected_version: Some(1), ..change("a", renamed("newer")) };
    story.when(stale).then_rejected(Rejection::PreconditionFailed { expected: 1, actual: 2 });
    let stale = DeleteDomain { expected_version: Some(1), ..cascade("a") };
    story.when(stale).then_rejected(Rejection::PreconditionFailed { expected: 1, actual: 2 });
}

#[test]
fn what_does_not_exist_is_not_found() {
    let missing = || Rejection::NotFound { what: "domain", id: "x".to_owned() };
    given().when(change("x", renamed("y"))).then_rejected(missing());
    given().when(cascade("x")).then_rejected(missing());
    given().when(inspect("x")).then_rejected(missing());
    given().when(FinishDomainRemoval { id: "x".into() }).then_rejected(missing());
}

#[test]
fn a_closing_domain_takes_in_nothing_and_changes_no_more() {
    let story = given().after(base()).after(child("a")).after(child("b")).after(cascade("a"));
    story.when(CreateDomain { parent: Some("a".into()), ..child("c") }).then_rejected(Rejection::DomainClosing);
    story.when(change("b", under("a"))).then_rejected(Rejection::DomainClosing);
    story.when(user("alice", "a")).then_rejected(Rejection::DomainClosing);
    story.when(pool("p", "a")).then_rejected(Rejection::DomainClosing);
    story.when(guest("g", "a")).then_rejected(Rejection::DomainClosing);
    story.when(CreateClient { domain: "a".into(), ..testing::client("c") }).then_rejected(Rejection::DomainClosing);
    story.when(change("a", renamed("new"))).then_rejected(Rejection::DomainClosing);
    story.when(delete_inspected("a")).then_rejected(Rejection::DomainClosing);
}

#[test]
fn closing_twice_is_closing_once() {
    let story = given().after(base()).after(child("a"));
    story.when(cascade("a")).then(&["domain.closing"]);
    story.after(cascade("a")).when(cascade("a")).then_nothing();
}

#[test]
fn a_plain_removal_needs_an_inspection_that_still_stands() {
    let story = given().after(base()).after(child("a"));
    story.when(delete("a")).then_rejected(Rejection::DomainNotEmpty);
    story.when(delete_inspected("a")).then_rejected(Rejection::DomainNotEmpty);
    let story = story.after(inspect("a"));
    story.when(delete_inspected("a")).then(&["reservation.released", "domain.deleted"]);
    let other = DeleteDomain { inspection: Some("another".to_owned()), ..delete("a") };
    story.when(other).then_rejected(Rejection::DomainNotEmpty);
}

#[test]
fn whoever_moves_in_ends_the_inspection() {
    let inspected =
        given().after(base()).after(child("a")).after(child("b")).after(user("eve", "b")).after(inspect("a"));
    let name = UserName { domain: "a".into(), username: "eve".to_owned(), key: "a-eve".to_owned() };
    let moves = UserChanges { name: Some(name), ..UserChanges::default() };
    let newcomers = [
        inspected.clone().after(user("alice", "a")),
        inspected.clone().after(guest("g", "a")),
        inspected.clone().after(ChangeUser { id: "eve".into(), changes: moves, expected_version: None }),
        inspected.clone().after(CreateDomain { parent: Some("a".into()), ..child("c") }),
        inspected.clone().after(change("b", under("a"))),
    ];
    for story in newcomers {
        story.when(delete_inspected("a")).then_rejected(Rejection::DomainNotEmpty);
    }
}

#[test]
fn a_later_inspection_ends_an_earlier_one() {
    let later = InspectDomain { inspection: "another".to_owned(), ..inspect("a") };
    let story = given().after(base()).after(child("a")).after(inspect("a")).after(later);
    story.when(delete_inspected("a")).then_rejected(Rejection::DomainNotEmpty);
}

#[test]
fn only_a_closing_domain_is_finished() {
    let story = given().after(base()).after(child("a"));
    let finish = || FinishDomainRemoval { id: "a".into() };
    story.when(finish()).then_rejected(Rejection::DomainNotEmpty);
    story.after(cascade("a")).when(finish()).then(&["reservation.released", "domain.deleted"]);
}

#[test]
fn a_removed_domain_frees_its_name_but_not_its_id() {
    let story =
        given().after(base()).after(child("a")).after(cascade("a")).after(FinishDomainRemoval { id: "a".into() });
    story
        .when(CreateDomain { name: "a.example".to_owned(), ..child("b") })
        .then(&["reservation.taken", "domain.created"]);
    story.when(child("a")).then_rejected(Rejection::AlreadyExists { what: "domain", id: "a".to_owned() });
    story.when(user("alice", "a")).then_invalid(&[("domain_unknown", "/domain")]);
}

fn matches(pattern: &str, text: &str) -> bool {
    Pattern::compile(Some(pattern)).expect("compiles").matches(text)
}

#[test]
fn origins_match_whole_texts_with_stars_for_any_run() {
    assert!(matches("*.quobis.com", "demo.quobis.com"));
    assert!(matches("*.quobis.com", "a.b.quobis.com"));
    assert!(!matches("*.quobis.com", "quobis.com"));
    assert!(matches("demo.quobis.*", "demo.quobis.co.uk"));
    assert!(!matches("demo.quobis.com", "demo-quobis.com"), "a dot is a dot");
    assert!(!matches("quobis", "quobis.com"), "the whole text");
    assert!(matches("Quobis", "quobis"), "in either case");
}

#[test]
fn an_origin_between_slashes_is_a_regular_expression_over_the_whole_text() {
    assert!(matches("/a|b+/", "bbb"));
    assert!(!matches("/a|b+/", "ab"));
    assert!(Pattern::compile(Some("/(a/")).is_err());
    assert!(Pattern::compile(Some("/(?:a{1000}){1000}/")).is_err(), "too large");
    assert!(Pattern::compile(Some(&"a".repeat(origin::ORIGIN_BYTES_MAX + 1))).is_err());
}

#[test]
fn an_empty_origin_matches_nothing() {
    assert!(!Pattern::compile(None).expect("compiles").matches(""));
    assert!(!matches("", ""));
}

fn services(list: &[(&str, &[&str])]) -> Services {
    list.iter()
        .map(|(name, backends)| ((*name).to_owned(), backends.iter().map(|b| (*b).to_owned()).collect()))
        .collect()
}

fn effective(tree: &[(&str, Option<&str>, Option<Services>)], of: &str) -> Services {
    let tree: BTreeMap<DomainId, _> =
        tree.iter().map(|(id, parent, given)| (domain_id(id), (parent.map(DomainId::from), given.clone()))).collect();
    effective_services(&of.into(), |id| tree.get(id).cloned())
}

#[test]
fn services_left_out_are_the_parents() {
    let given = services(&[("chat", &[])]);
    assert_eq!(effective(&[("base", None, Some(given.clone())), ("a", Some("base"), None)], "a"), given);
}

#[test]
fn given_services_are_bounded_by_every_ancestor() {
    let tree = [
        ("base", None, Some(services(&[("chat", &[]), ("contacts", &["wac", "static"]), ("login", &["x"])]))),
        ("a", Some("base"), Some(services(&[("contacts", &["wac", "google"]), ("forms", &[]), ("chat", &["own"])]))),
        ("b", Some("a"), Some(services(&[("contacts", &[]), ("login", &[]), ("chat", &["own", "more"])]))),
    ];
    assert_eq!(effective(&tree, "a"), services(&[("chat", &["own"]), ("contacts", &["wac"])]));
    assert_eq!(effective(&tree, "b"), services(&[("chat", &["own"]), ("contacts", &["wac"])]));
}

#[test]
fn a_service_without_a_common_backend_is_off() {
    let tree = [
        ("base", None, Some(services(&[("contacts", &["wac"])]))),
        ("a", Some("base"), Some(services(&[("contacts", &["google"])]))),
    ];
    assert_eq!(effective(&tree, "a"), Services::new());
}

#[test]
fn no_services_given_as_an_empty_map_means_none() {
    let tree = [("base", None, Some(services(&[("chat", &[])]))), ("a", Some("base"), Some(Services::new()))];
    assert_eq!(effective(&tree, "a"), Services::new());
}

#[test]
fn an_unknown_or_endless_chain_allows_nothing() {
    let tree = [("a", Some("b"), Some(services(&[("chat", &[])]))), ("b", Some("a"), None)];
    assert_eq!(effective(&tree, "a"), Services::new());
    assert_eq!(effective(&tree[..1], "a"), Services::new());
}

#[test]
fn a_removal_tells_all_that_the_domain_was() {
    let services = Some([("contacts".to_owned(), vec!["wac".to_owned()])].into());
    let created = CreateDomain { services: services.clone(), enable_anonymous: true, ..child("a") };
    let story = given().after(base()).after(created).after(inspect("a"));
    let events = story.when(delete_inspected("a")).then(&["reservation.released", "domain.deleted"]);
    let AnyEvent::Domain(DomainEvent::Deleted(deleted)) = &events[1] else { unreachable!() };
    let object = deleted.domain.as_ref().unwrap();
    assert_eq!((object.id.as_str(), &object.name), ("a", &deleted.name));
    assert_eq!((&object.services, object.enable_anonymous, object.parent.is_some()), (&services, true, true));
}
