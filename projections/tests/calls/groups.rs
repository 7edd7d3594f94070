//! Users groups.

use wac_events::group::*;
use wac_projections::*;

use crate::story::{Story, at};

fn group_created() -> Story {
    Story::default().group(GroupCreated {
        id: "g1".into(),
        domain: "d1".into(),
        name: "Sales".into(),
        owner: "u1".into(),
        at: at(1),
    })
}

#[test]
fn a_groups_owner_is_its_first_participant_and_others_stand_behind_him() {
    let story = group_created()
        .group(GroupUserJoined { user: "u0".into(), at: at(2) })
        .group(GroupRenamed { name: "Support".into() });
    let expected = GroupRow {
        id: "g1".into(),
        domain: "d1".into(),
        name: "Support".into(),
        owner: "u1".into(),
        created_at: at(1),
        version: 3,
    };
    assert_eq!(story.row(&GROUPS, "g1", GroupRow::from_row), Some(expected));
    let place = |user: &str| story.row(&GROUP_USERS, &format!("g1/{user}"), GroupUserRow::from_row).unwrap().place;
    assert!(place("u1") < place("u0"));
    assert_eq!(story.found(&GROUP_USERS, "user", "u0"), ["g1/u0"]);
}

#[test]
fn who_leaves_a_group_is_gone_another_owns_it_and_a_removed_group_is_gone() {
    let story = group_created()
        .group(GroupUserJoined { user: "u2".into(), at: at(2) })
        .group(GroupUserLeft { user: "u1".into(), reason: GroupLeaveReason::Left, at: at(3) })
        .group(GroupOwnerChanged { owner: "u2".into() });
    let row = story.row(&GROUPS, "g1", GroupRow::from_row).unwrap();
    assert_eq!((row.owner, row.version), ("u2".into(), 4));
    assert_eq!(story.found(&GROUP_USERS, "group", "g1"), ["g1/u2"]);
    let story = story.group(GroupRemoved { domain: "d1".into(), at: at(4) });
    assert_eq!(story.row(&GROUPS, "g1", GroupRow::from_row), None);
}
