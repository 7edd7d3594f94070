//! Presence.

use wac_events::presence::*;
use wac_events::user::*;
use wac_events::*;
use wac_projections::*;

use crate::story::{Story, at, key, user_changed};

fn presence_of(story: &Story) -> Option<PresenceRow> {
    story.row(&PRESENCE, "u1", PresenceRow::from_row)
}

#[test]
fn presence_begins_with_the_first_event_and_keeps_what_was_said_over_log_outs() {
    let said = PresenceChanged {
        user: "u1".into(),
        activity: Patch::Set(Activity::OnThePhone),
        note: Patch::Set(Some(Personal::new("back soon"))),
        mood: Patch::Set(Some("happy".into())),
    };
    let story = Story::default()
        .presence(LoggedIn { session: "s1".into() })
        .presence(FirstLogin { session: "s1".into() })
        .presence(WentOnline { at: at(2) })
        .presence(said);
    let mut row = presence_of(&story).unwrap();
    assert_eq!(row.note.as_ref().unwrap().clear(), None);
    row.open(Some(&key())).unwrap();
    let expected = PresenceRow {
        user: "u1".into(),
        domain: "d1".into(),
        online: true,
        activity: Activity::OnThePhone,
        note: Some(Personal::new("back soon")),
        mood: Some("happy".into()),
        since: Some(at(2)),
        version: 4,
    };
    assert_eq!(row, expected);
    let row = presence_of(&story.presence(WentOffline { at: at(5) }).presence(FirstLogin { session: "s2".into() }));
    let row = row.unwrap();
    assert_eq!((row.online, row.since, row.activity), (false, Some(at(5)), Activity::OnThePhone));
}

#[test]
fn presence_follows_its_user_into_another_domain_and_goes_with_him() {
    let moved = UserChanged { domain: Patch::Set("d2".into()), ..user_changed() };
    let story = Story::default().presence(LoggedIn { session: "s1".into() });
    let story = story.then("user-u1".into(), UserEvent::from(moved));
    assert_eq!(presence_of(&story).unwrap().domain, "d2".into());
    let deleted = UserDeleted { id: "u1".into(), domain: "d2".into(), cascade: true };
    assert_eq!(presence_of(&story.then("user-u1".into(), UserEvent::from(deleted))), None);
}
