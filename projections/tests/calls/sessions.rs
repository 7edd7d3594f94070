//! Sessions, and the nodes that hold their sockets.

use wac_events::node::*;
use wac_events::presence::*;
use wac_events::session::*;
use wac_events::*;
use wac_projections::*;

use crate::story::{Story, at, key};

fn context() -> SessionContext {
    SessionContext { src: Some(Personal::new("192.0.2.7")), ..SessionContext::default() }
}

fn opened() -> SessionOpened {
    SessionOpened {
        id: "s1".into(),
        user: "u1".into(),
        domain: "d1".into(),
        role: Role::User,
        grant: GrantKind::Password,
        client: None,
        context: context(),
        expires_at: at(100),
        at: at(1),
    }
}

fn registered(session: &str) -> DeviceRegistered {
    DeviceRegistered {
        user: "u1".into(),
        session: session.into(),
        node: "n1".into(),
        ringable: true,
        resumed: false,
        at: at(2),
    }
}

fn removed(session: &str) -> DeviceRemoved {
    DeviceRemoved {
        user: "u1".into(),
        session: session.into(),
        reason: DeviceEnd::Lost,
        lost_at: at(3),
        leave_by: at(13),
        unring_by: at(14),
        at: at(3),
    }
}

fn session_of(story: &Story) -> Option<SessionRow> {
    story.row(&SESSIONS, "s1", SessionRow::from_row)
}

#[test]
fn an_opened_session_is_a_sealed_row_that_its_users_key_opens() {
    let story = Story::default().session(opened());
    let mut row = session_of(&story).unwrap();
    assert_eq!(row.context.src.as_ref().unwrap().clear(), None);
    row.open(Some(&key())).unwrap();
    let expected = SessionRow {
        id: "s1".into(),
        user: "u1".into(),
        domain: "d1".into(),
        role: Role::User,
        grant: GrantKind::Password,
        client: None,
        context: context(),
        push_type: None,
        expires_at: at(100),
        opened_at: at(1),
        node: None,
        ringable: false,
        registered_at: None,
        version: 1,
    };
    assert_eq!(row, expected);
    row = session_of(&story).unwrap();
    row.open(None).unwrap();
    assert_eq!(row.context.src.unwrap().0, Cell::Erased);
    assert_eq!(story.found(&SESSIONS, "live_user", "u1"), ["s1"]);
}

#[test]
fn a_session_shows_what_became_of_it_until_it_is_closed_and_gone() {
    let changed = SessionContextChanged { user: "u1".into(), context: SessionContext::default() };
    let push = SessionPushTokenSet { user: "u1".into(), token: Secret::new("pt"), token_type: "fcm".into() };
    let story = Story::default()
        .session(opened())
        .session(SessionExtended { expires_at: at(200) })
        .session(changed)
        .session(push);
    let row = session_of(&story).unwrap();
    assert_eq!((row.expires_at, row.push_type.as_deref(), row.version), (at(200), Some("fcm"), 4));
    assert!(row.context.is_empty());
    let story = story.session(SessionPushTokenRemoved { user: "u1".into() });
    assert_eq!(session_of(&story).unwrap().push_type, None);
    let story = story.session(SessionClosed { user: "u1".into(), reason: SessionEnd::Logout, at: at(9) });
    assert_eq!(session_of(&story.presence(registered("s1"))), None);
}

#[test]
fn a_registered_device_stands_in_its_session_until_it_is_removed() {
    let story = Story::default().session(opened()).presence(registered("s1"));
    let row = session_of(&story).unwrap();
    assert_eq!((row.node, row.ringable, row.registered_at, row.version), (Some("n1".into()), true, Some(at(2)), 1));
    assert_eq!(story.found(&SESSIONS, "node", "n1"), ["s1"]);
    let row = session_of(&story.presence(removed("s1"))).unwrap();
    assert_eq!((row.node, row.ringable, row.registered_at), (None, false, None));
}

#[test]
fn a_lost_device_is_known_until_it_is_back_or_its_session_ends() {
    let lost = Story::default().presence(registered("s1")).presence(removed("s1"));
    let expected = LostDeviceRow { session: "s1".into(), user: "u1".into(), leave_by: at(13), unring_by: at(14) };
    assert_eq!(lost.row(&LOST_DEVICES, "s1", LostDeviceRow::from_row), Some(expected));
    assert!(lost.clone().presence(registered("s1")).found(&LOST_DEVICES, "user", "u1").is_empty());
    assert!(lost.presence(LoggedOut { session: "s1".into() }).found(&LOST_DEVICES, "user", "u1").is_empty());
}

#[test]
fn a_node_runs_until_it_has_stopped() {
    let started = NodeStarted { id: "n1".into(), name: "left".into(), at: at(1) };
    let stopped = NodeStopped { id: "n1".into(), reason: NodeEnd::Lost, devices_by: at(12), at: at(2) };
    let story = Story::default().then("node-n1".into(), NodeEvent::from(started));
    assert_eq!(story.found(&NODES, "running", true), ["n1"]);
    let story = story.then("node-n1".into(), NodeEvent::from(stopped));
    let expected = NodeRow {
        id: "n1".into(),
        name: "left".into(),
        started_at: at(1),
        stopped_at: Some(at(2)),
        devices_by: Some(at(12)),
        running: false,
    };
    assert_eq!(story.row(&NODES, "n1", NodeRow::from_row), Some(expected));
    assert!(story.found(&NODES, "running", true).is_empty());
}
