use wac_events::{AnyEvent, Role, UserEvent};

use crate::testing::*;
use crate::*;

fn change(id: &str, changes: UserChanges) -> ChangeUser {
    ChangeUser { id: id.into(), changes, expected_version: None }
}

fn named(domain: &str, username: &str) -> UserChanges {
    let key = format!("{domain}-{}", username.to_lowercase());
    let name = UserName { domain: domain.into(), username: username.to_owned(), key };
    UserChanges { name: Some(name), ..UserChanges::default() }
}

fn role(role: Role) -> UserChanges {
    UserChanges { role: Some(role), ..UserChanges::default() }
}

fn delete(id: &str) -> DeleteUser {
    DeleteUser { id: id.into(), cascade: true, erase: false, expected_version: None }
}

fn story() -> Story {
    given().after(base()).after(child("a")).after(user("alice", "base"))
}

#[test]
fn a_user_is_created_with_its_name_reserved() {
    given().after(base()).when(user("alice", "base")).then(&["reservation.taken", "user.created"]);
}

#[test]
fn a_name_is_unique_in_its_domain_only() {
    let namesake = CreateUser { id: "other".into(), ..user("alice", "base") };
    story().when(namesake).then_rejected(Rejection::UsernameTaken);
    story().when(CreateUser { id: "other".into(), ..user("alice", "a") }).then(&["reservation.taken", "user.created"]);
}

#[test]
fn a_user_id_is_used_once() {
    let again = CreateUser { name_key: "free".to_owned(), ..user("alice", "base") };
    let exists = || Rejection::AlreadyExists { what: "user", id: "alice".to_owned() };
    story().when(again.clone()).then_rejected(exists());
    story().after(delete("alice")).when(again).then_rejected(exists());
}

#[test]
fn a_user_needs_a_domain_that_exists() {
    story().when(user("bob", "nowhere")).then_invalid(&[("domain_unknown", "/domain")]);
}

#[test]
fn every_wrong_field_of_a_user_is_named_at_once() {
    let wrong = CreateUser {
        username: "a@b".to_owned(),
        email: Some("nowhere".to_owned()),
        mobile_phones: vec!["1".to_owned(), "call me".to_owned()],
        land_line_number: Some(String::new()),
        alias: String::new(),
        display_name: Some("\u{7}".to_owned()),
        capabilities: vec!["chat".to_owned()],
        ..user("bob", "base")
    };
    story().when(wrong).then_invalid(&[
        ("username_invalid", "/username"),
        ("email_invalid", "/email"),
        ("phone_invalid", "/mobilePhone/1"),
        ("phone_invalid", "/landLineNumber"),
        ("alias_invalid", "/alias"),
        ("display_name_invalid", "/displayName"),
        ("capability_invalid", "/capabilities/0"),
    ]);
}

#[test]
fn a_change_holds_only_what_differs() {
    let changes = UserChanges {
        email: Some(Some("alice@example.org".to_owned())),
        alias: Some("masterOfTheUniverse".to_owned()),
        display_name: Some(None),
        ..named("base", "alice")
    };
    let events = story().when(change("alice", changes)).then(&["user.changed"]);
    let AnyEvent::User(UserEvent::Changed(changed)) = &events[0] else { panic!("a change") };
    assert!(changed.email.is_keep() && changed.username.is_keep() && changed.display_name.is_keep());
    assert_eq!(changed.alias.set().and_then(|alias| alias.clear()), Some("masterOfTheUniverse"));
}

#[test]
fn a_change_that_changes_nothing_is_no_event() {
    story().when(change("alice", named("base", "alice"))).then_nothing();
}

#[test]
fn a_name_in_another_case_needs_no_new_reservation() {
    story().when(change("alice", named("base", "ALICE"))).then(&["user.changed"]);
}

#[test]
fn a_renamed_user_frees_its_old_name() {
    let story = story().after(change("alice", named("base", "eve")));
    story.when(CreateUser { id: "new".into(), ..user("alice", "base") }).then(&["reservation.taken", "user.created"]);
    story.when(CreateUser { id: "new".into(), ..user("eve", "base") }).then_rejected(Rejection::UsernameTaken);
}

#[test]
fn a_user_moves_to_another_domain_under_a_name_that_is_free_there() {
    let moves = change("alice", named("a", "alice"));
    story().when(moves.clone()).then(&["reservation.taken", "reservation.released", "user.changed"]);
    let taken = story().after(CreateUser { id: "namesake".into(), ..user("alice", "a") });
    taken.when(moves).then_rejected(Rejection::UsernameTaken);
    story().when(change("alice", named("nowhere", "alice"))).then_invalid(&[("domain_unknown", "/domain")]);
}

#[test]
fn wrong_new_values_are_refused() {
    let changes = UserChanges { email: Some(Some("x".to_owned())), ..named("base", " eve") };
    let fields = [("username_invalid", "/username"), ("email_invalid", "/email")];
    story().when(change("alice", changes)).then_invalid(&fields);
}

#[test]
fn a_user_of_an_older_version_is_neither_changed_nor_deleted() {
    let story = story().after(change("alice", role(Role::Anonymous)));
    let stale = || Rejection::PreconditionFailed { expected: 1, actual: 2 };
    story.when(ChangeUser { expected_version: Some(1), ..change("alice", role(Role::User)) }).then_rejected(stale());
    story.when(DeleteUser { expected_version: Some(1), ..delete("alice") }).then_rejected(stale());
    story
        .when(DeleteUser { expected_version: Some(2), ..delete("alice") })
        .then(&["reservation.released", "user.deleted"]);
}

#[test]
fn a_deleted_user_is_not_found_and_its_name_is_free() {
    let story = story().after(delete("alice"));
    let missing = || Rejection::NotFound { what: "user", id: "alice".to_owned() };
    story.when(delete("alice")).then_rejected(missing());
    story.when(change("alice", role(Role::User))).then_rejected(missing());
    story.when(CreateUser { id: "new".into(), ..user("alice", "base") }).then(&["reservation.taken", "user.created"]);
}

#[test]
fn whether_a_deletion_cascades_stands_in_the_event() {
    for cascade in [true, false] {
        let events =
            story().when(DeleteUser { cascade, ..delete("alice") }).then(&["reservation.released", "user.deleted"]);
        let AnyEvent::User(UserEvent::Deleted(deleted)) = &events[1] else { panic!("a deletion") };
        assert_eq!(deleted.cascade, cascade);
    }
}

#[test]
fn erasing_deletes_too_and_works_on_who_was_deleted_earlier() {
    let erase = || DeleteUser { erase: true, ..delete("alice") };
    story().when(erase()).then(&["reservation.released", "user.deleted", "subject.erased"]);
    story().after(delete("alice")).when(erase()).then(&["subject.erased"]);
}

#[test]
fn who_is_erased_is_not_erased_again() {
    let erase = || DeleteUser { erase: true, ..delete("alice") };
    let missing = |id: &str| Rejection::NotFound { what: "user", id: id.to_owned() };
    story().after(erase()).when(erase()).then_rejected(missing("alice"));
    story().when(DeleteUser { id: "nobody".into(), ..erase() }).then_rejected(missing("nobody"));
}

#[test]
fn an_administrator_neither_deletes_nor_demotes_himself() {
    let story = given().after(base()).after(admin("root")).by_user("root");
    story.when(delete("root")).then_rejected(Rejection::OwnAdministrator);
    story.when(change("root", role(Role::User))).then_rejected(Rejection::OwnAdministrator);
    story
        .when(change("root", UserChanges { alias: Some("boss".to_owned()), ..UserChanges::default() }))
        .then(&["user.changed"]);
}

#[test]
fn an_administrator_is_removed_by_one_who_is_an_administrator_at_that_moment() {
    let story = given().after(base()).after(admin("root")).after(admin("second")).by_user("second");
    story.when(delete("root")).then(&["reservation.released", "user.deleted"]);
    let demoted = story.clone().by_user("root").after(change("second", role(Role::User))).by_user("second");
    demoted.when(delete("root")).then_rejected(Rejection::NotAdministrator);
    demoted.when(change("root", role(Role::User))).then_rejected(Rejection::NotAdministrator);
}

#[test]
fn two_administrators_who_remove_each_other_look_at_each_other() {
    let story = given().after(base()).after(admin("root")).after(admin("second"));
    let world = |actor: &str, seen: &[&str]| {
        let mut world = World::of(&wac_events::Actor::User(actor.to_owned()));
        for id in seen {
            let stream = wac_events::UserId::from(*id).stream();
            world.put(stream.clone(), story.state(&stream));
        }
        world
    };
    let reads = delete("root").reads(&world("second", &["root"]));
    assert!(reads.contains(&wac_events::UserId::from("second").stream()));
}

#[test]
fn what_is_printed_of_a_command_shows_nobody() {
    let printed = format!("{:?} {:?}", user("alice", "base"), named("base", "alice"));
    assert!(!printed.contains("example.org") && !printed.contains("987654321") && !printed.contains("username"));
}
