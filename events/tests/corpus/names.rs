//! The names that readers of the administration guide look for.

use std::collections::BTreeSet;
use std::path::Path;

use wac_events::catalogue;

/// The table of `docs/event-stream.md`: what the guide says, and what we say.
fn table() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/event-stream.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once("## Names of the guide\n").expect("the page has the section");
    let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| ")).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        (cells[0].to_owned(), cells[1].to_owned())
    })
    .collect()
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_name_of_the_guide_leads_to_types_that_exist() {
    let types: BTreeSet<&str> = catalogue().map(|info| info.event_type).collect();
    for (theirs, ours) in table() {
        let missing: Vec<&str> = quoted(&ours).filter(|name| !types.contains(name)).collect();
        assert!(missing.is_empty(), "{theirs}: there is no {missing:?}");
        assert!(ours == "none" || quoted(&ours).next().is_some(), "{theirs} leads nowhere");
    }
}

#[test]
fn the_guides_own_names_are_all_there() {
    let known: String = table().into_iter().map(|(theirs, _)| theirs + "\n").collect();
    let conference = [
        "roomCreated",
        "roomDestroyed",
        "inviteCreated",
        "inviteDeclined",
        "inviteCompleted",
        "userLeft",
        "userJoin",
        "foreignJoin",
        "transferCreated",
        "transferCompleted",
        "userDown",
        "conferenceStateError",
    ];
    let others = [
        "domains.created",
        "domains.deleted",
        "groups.created",
        "groups.removed",
        "groups.user-joined",
        "groups.leave-groups",
        "wrapper.userLogin",
        "wrapper.userLogout",
        "wrapper.roomCreated",
        "wrapper.roomDestroyed",
        "invite stopped",
        "invite resumed",
        "login alarm",
    ];
    for name in conference.into_iter().chain(others) {
        assert!(known.contains(name), "the table lacks {name}");
    }
}
