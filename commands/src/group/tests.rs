use wac_events::AnyEvent;
use wac_events::group::GroupLeaveReason;

use crate::group::*;
use crate::testing::*;
use crate::*;

fn friends() -> CreateGroup {
    CreateGroup { id: "g".into(), domain: "base".into(), name: "Sales".to_owned(), owner: "alice".into() }
}

fn rename(by: &str, name: &str) -> RenameGroup {
    RenameGroup { group: "g".into(), by: by.into(), as_admin: false, name: name.to_owned(), expected_version: None }
}

fn add(user: &str) -> AddGroupUser {
    AddGroupUser { group: "g".into(), by: "alice".into(), as_admin: false, user: user.into() }
}

fn remove(user: &str) -> RemoveGroupUser {
    RemoveGroupUser { group: "g".into(), by: "alice".into(), as_admin: false, user: user.into() }
}

fn leave(user: &str) -> LeaveGroup {
    LeaveGroup { group: "g".into(), user: user.into(), reason: GroupLeaveReason::Left }
}

fn leave_all(user: &str, groups: &[&str]) -> LeaveGroups {
    let groups = groups.iter().map(|id| (*id).into()).collect();
    LeaveGroups { user: user.into(), groups, reason: GroupLeaveReason::Left }
}

fn gone(user: &str) -> LeaveGroup {
    LeaveGroup { reason: GroupLeaveReason::Gone, ..leave(user) }
}

fn empty() -> EmptyGroup {
    EmptyGroup { group: "g".into(), by: "alice".into(), as_admin: false }
}

fn dissolve(by: Option<&str>) -> RemoveGroup {
    RemoveGroup { group: "g".into(), by: by.map(Into::into), as_admin: false, expected_version: None }
}

fn people() -> Story {
    let people = given().after(base()).after(child("a"));
    ["alice", "bob", "carol"].iter().fold(people, |story, id| story.after(user(id, "base"))).after(user("dora", "a"))
}

/// Alice's group, in which Bob and Carol are.
fn story() -> Story {
    people().after(friends()).after(add("bob")).after(add("carol"))
}

fn group_of(story: &Story) -> Group {
    let State::Group(group) = story.state(&wac_events::GroupId::from("g").stream()) else { unreachable!() };
    group
}

fn unknown(pointer: &'static str) -> [(&'static str, &'static str); 1] {
    [("user_unknown", pointer)]
}

fn no(what: &'static str, id: &str) -> Rejection {
    Rejection::NotFound { what, id: id.to_owned() }
}

#[test]
fn who_leaves_several_groups_leaves_each_by_its_own_rules_and_at_once() {
    let own = CreateGroup { id: "own".into(), ..friends() };
    let story = story().after(own);
    let left = ["group.user_left", "group.owner_changed", "group.user_left", "group.removed"];
    story.when(leave_all("alice", &["g", "own", "nowhere"])).then(&left);
    story.when(leave_all("dora", &["g", "own"])).then_nothing();
    story.when(leave_all("alice", &[])).then_nothing();
}

#[test]
fn who_creates_a_group_owns_it_and_is_its_first_participant() {
    people().when(friends()).then(&["group.created"]);
    let group = group_of(&people().after(friends()));
    assert!(group.exists() && group.owner == "alice".into() && group.users == ["alice".into()]);
}

#[test]
fn a_group_id_is_used_once() {
    let exists = || Rejection::AlreadyExists { what: "group", id: "g".to_owned() };
    story().when(friends()).then_rejected(exists());
    story().after(dissolve(None)).when(friends()).then_rejected(exists());
}

#[test]
fn a_group_needs_an_owner_of_its_own_domain_that_is_open() {
    people().when(CreateGroup { owner: "dora".into(), ..friends() }).then_invalid(&unknown("/owner"));
    people().when(CreateGroup { owner: "nobody".into(), ..friends() }).then_invalid(&unknown("/owner"));
    let elsewhere = CreateGroup { domain: "nowhere".into(), ..friends() };
    people().when(elsewhere).then_invalid(&[("domain_unknown", "/domain")]);
    let closing = DeleteDomain { id: "a".into(), cascade: true, inspection: None, expected_version: None };
    let late = CreateGroup { domain: "a".into(), owner: "dora".into(), ..friends() };
    people().after(closing).when(late).then_rejected(Rejection::DomainClosing);
}

#[test]
fn a_groups_name_has_bounds_and_no_control_characters() {
    let longest = "ñ".repeat(GROUP_NAME_CHARS_MAX);
    people().when(CreateGroup { name: longest.clone(), ..friends() }).then(&["group.created"]);
    for bad in ["", "a\nb", &format!("{longest}x")] {
        people().when(CreateGroup { name: bad.to_owned(), ..friends() }).then_invalid(&[("name_invalid", "/name")]);
        story().when(rename("alice", bad)).then_invalid(&[("name_invalid", "/name")]);
    }
}

#[test]
fn only_the_owner_or_an_administrator_manages_a_group() {
    story().when(rename("bob", "Mine")).then_rejected(Rejection::NotAllowed);
    story().when(AddGroupUser { by: "bob".into(), ..add("carol") }).then_rejected(Rejection::NotAllowed);
    story().when(RemoveGroupUser { by: "bob".into(), ..remove("carol") }).then_rejected(Rejection::NotAllowed);
    story().when(EmptyGroup { by: "bob".into(), ..empty() }).then_rejected(Rejection::NotAllowed);
    story().when(dissolve(Some("bob"))).then_rejected(Rejection::NotAllowed);
    story().when(RenameGroup { as_admin: true, ..rename("bob", "Ours") }).then(&["group.renamed"]);
    story().when(RemoveGroup { as_admin: true, ..dissolve(Some("bob")) }).then(&["group.removed"]);
    story().when(dissolve(None)).then(&["group.removed"]);
}

#[test]
fn a_renamed_group_has_its_new_name_and_the_same_name_again_changes_nothing() {
    let renamed = story().after(rename("alice", "Support"));
    assert_eq!(group_of(&renamed).name, "Support");
    renamed.when(rename("alice", "Support")).then_nothing();
}

#[test]
fn a_change_to_an_outdated_version_of_a_group_is_refused() {
    let outdated = || Rejection::PreconditionFailed { expected: 1, actual: 3 };
    story().when(RenameGroup { expected_version: Some(1), ..rename("alice", "x") }).then_rejected(outdated());
    story().when(RemoveGroup { expected_version: Some(1), ..dissolve(Some("alice")) }).then_rejected(outdated());
    story().when(RenameGroup { expected_version: Some(3), ..rename("alice", "x") }).then(&["group.renamed"]);
}

#[test]
fn who_is_unknown_or_of_another_domain_cannot_be_added() {
    story().when(add("nobody")).then_invalid(&unknown("/userId"));
    story().when(add("dora")).then_invalid(&unknown("/userId"));
}

#[test]
fn who_is_a_participant_stays_one() {
    story().when(add("bob")).then_nothing();
}

#[test]
fn a_group_has_a_greatest_number_of_participants() {
    let full = (0..GROUP_USERS_MAX - 1).fold(people().after(friends()), |story, n| {
        let id = format!("u{n}");
        story.after(user(&id, "base")).after(add(&id))
    });
    full.when(add("bob")).then_rejected(Rejection::GroupFull { max: GROUP_USERS_MAX });
    full.after(remove("u7")).when(add("bob")).then(&["group.user_joined"]);
}

#[test]
fn who_is_removed_or_leaves_is_no_participant_any_more() {
    let events = story().when(remove("bob")).then(&["group.user_left"]);
    let AnyEvent::Group(wac_events::GroupEvent::UserLeft(left)) = &events[0] else { unreachable!() };
    assert_eq!(left.reason, GroupLeaveReason::Removed);
    story().when(leave("bob")).then(&["group.user_left"]);
    story().after(leave("bob")).when(leave("bob")).then_rejected(no("user", "bob"));
    story().when(remove("dora")).then_rejected(no("user", "dora"));
}

#[test]
fn the_participant_of_longest_standing_follows_an_owner_who_leaves() {
    story().when(leave("alice")).then(&["group.user_left", "group.owner_changed"]);
    assert_eq!(group_of(&story().after(leave("alice"))).owner, "bob".into());
    let returned = story().after(leave("bob")).after(add("bob"));
    assert_eq!(group_of(&returned.after(leave("alice"))).owner, "carol".into(), "bob has been there for less time");
}

#[test]
fn a_group_without_participants_is_removed() {
    let alone = people().after(friends());
    alone.when(leave("alice")).then(&["group.user_left", "group.removed"]);
    assert!(!group_of(&alone.after(leave("alice"))).exists());
}

#[test]
fn an_emptied_group_has_its_owner_only() {
    story().when(empty()).then(&["group.user_left", "group.user_left"]);
    assert_eq!(group_of(&story().after(empty())).users, ["alice".into()]);
    story().after(empty()).when(empty()).then_nothing();
}

#[test]
fn who_is_gone_leaves_and_who_still_belongs_to_the_domain_stays() {
    story().when(gone("bob")).then_nothing();
    let deleted = DeleteUser { id: "bob".into(), cascade: true, erase: false, expected_version: None };
    let events = story().after(deleted).when(gone("bob")).then(&["group.user_left"]);
    let AnyEvent::Group(wac_events::GroupEvent::UserLeft(left)) = &events[0] else { unreachable!() };
    assert_eq!(left.reason, GroupLeaveReason::Gone);
    let name = UserName { domain: "a".into(), username: "alice".to_owned(), key: "a-alice".to_owned() };
    let moved = ChangeUser {
        id: "alice".into(),
        changes: UserChanges { name: Some(name), ..UserChanges::default() },
        expected_version: None,
    };
    story().after(moved).when(gone("alice")).then(&["group.user_left", "group.owner_changed"]);
}

#[test]
fn a_group_that_was_removed_is_not_there() {
    let after = story().after(dissolve(Some("alice")));
    let missing = || no("group", "g");
    after.when(rename("alice", "x")).then_rejected(missing());
    after.when(add("bob")).then_rejected(missing());
    after.when(remove("bob")).then_rejected(missing());
    after.when(leave("bob")).then_rejected(missing());
    after.when(empty()).then_rejected(missing());
    after.when(dissolve(Some("alice"))).then_rejected(missing());
}
