//! Rules of presences.

use std::time::Duration;

use wac_events::node::NodeEnd;
use wac_events::presence::DeviceEnd;
use wac_events::session::SessionEnd;
use wac_events::{Activity, AnyEvent, PresenceEvent};

use super::*;
use crate::node::StopNode;
use crate::session::CloseSession;
use crate::testing::*;
use crate::*;

const ONLINE: [&str; 2] = ["presence.device_registered", "presence.online"];
const OFFLINE: [&str; 2] = ["presence.device_removed", "presence.offline"];

/// Alice is logged in and has no device.
fn logged_in() -> Story {
    given().after(base()).after(start("n1")).after(start("n2")).after(user("alice", "base")).after(login("alice"))
}

fn online() -> Story {
    logged_in().after(register("alice"))
}

fn resumes_at(node: &str) -> RegisterDevice {
    RegisterDevice { resumed: true, ..register_at(node, "alice") }
}

fn says(changes: PresenceChanges) -> ChangePresence {
    ChangePresence { user: "alice".into(), changes }
}

fn is(activity: Activity) -> ChangePresence {
    says(PresenceChanges { activity: Some(activity), ..PresenceChanges::default() })
}

fn stop(node: &str) -> StopNode {
    StopNode { id: node.into(), reason: NodeEnd::Lost, devices_kept: Duration::from_secs(10) }
}

fn resumed(events: &[AnyEvent]) -> bool {
    events.iter().any(|event| matches!(event, AnyEvent::Presence(PresenceEvent::DeviceRegistered(it)) if it.resumed))
}

#[test]
fn the_first_device_makes_its_user_online_and_the_last_one_offline() {
    logged_in().when(register("alice")).then(&ONLINE);
    let two = online().after(login("alice/s2"));
    two.when(register("alice/s2")).then(&["presence.device_registered"]);
    let two = two.after(register("alice/s2"));
    two.when(lost("alice", now())).then(&["presence.device_removed"]);
    two.after(lost("alice", now())).when(lost("alice/s2", now())).then(&OFFLINE);
    online().when(lost("alice", now())).then(&OFFLINE);
}

#[test]
fn a_device_registers_with_a_session_of_its_user_that_is_open() {
    logged_in().when(register("alice/other")).then_rejected(Rejection::SessionClosed);
    logged_in().when(register("bob/s-alice")).then_rejected(Rejection::SessionClosed);
    let ended = logged_in().after(CloseSession { id: "s-alice".into(), reason: SessionEnd::Logout });
    ended.when(register("alice")).then_rejected(Rejection::SessionClosed);
}

#[test]
fn a_node_that_is_unknown_or_has_ended_holds_no_devices() {
    logged_in().when(register_at("n9", "alice")).then_rejected(Rejection::NodeStopped);
    logged_in().after(stop("n1")).when(register("alice")).then_rejected(Rejection::NodeStopped);
}

#[test]
fn a_device_that_resumes_on_its_node_leaves_no_trace() {
    online().when(resumes_at("n1")).then_nothing();
    assert!(resumed(&online().when(resumes_at("n2")).then(&["presence.device_registered"])));
    online().when(register("alice")).then(&["presence.device_registered"]);
}

#[test]
fn a_device_that_can_ring_from_now_on_registers_anew_and_one_that_could_keeps_it() {
    let silent = RegisterDevice { ringable: false, ..register("alice") };
    let story = logged_in().after(silent.clone());
    assert!(!story.presence("alice").has_ringable());
    story.when(resumes_at("n1")).then(&["presence.device_registered"]);
    online().when(RegisterDevice { resumed: true, ..silent }).then_nothing();
}

#[test]
fn a_device_that_rings_goes_on_ringing_when_it_opens_a_socket_that_does_not() {
    let silent = RegisterDevice { ringable: false, ..register("alice") };
    let events = online().when(silent.clone()).then(&["presence.device_registered"]);
    assert!(resumed(&events), "what rings for its user has rung there already");
    assert!(online().after(silent.clone()).presence("alice").has_ringable());
    let elsewhere = RegisterDevice { ringable: false, ..register_at("n2", "alice") };
    assert!(!online().after(elsewhere).presence("alice").has_ringable());
}

#[test]
fn a_device_that_was_removed_meanwhile_registers_as_a_new_one() {
    let events = online().after(lost("alice", now())).when(resumes_at("n1")).then(&ONLINE);
    assert!(!resumed(&events), "so that it rings with what waits for its user");
}

#[test]
fn a_removed_device_has_a_time_for_its_seats_and_one_for_its_ringing() {
    let removal = RemoveDevice { seats_kept: Duration::from_secs(3), ..lost("alice", now()) };
    let events = online().at(later(1)).when(removal).then(&OFFLINE);
    let AnyEvent::Presence(PresenceEvent::DeviceRemoved(removed)) = &events[0] else { unreachable!() };
    assert_eq!((removed.leave_by, removed.unring_by, removed.at), (later(3), later(10), later(1)));
    assert_eq!((removed.reason, removed.lost_at), (DeviceEnd::Lost, now()));
}

#[test]
fn a_device_that_registered_elsewhere_or_again_since_is_not_removed() {
    online().after(register_at("n2", "alice")).when(lost("alice", later(9))).then_nothing();
    online().at(later(5)).after(register("alice")).when(lost("alice", later(4))).then_nothing();
    logged_in().when(lost("alice", now())).then_nothing();
}

#[test]
fn the_devices_of_a_node_that_has_ended_go_whatever_its_clock_said() {
    let story = logged_in().at(later(60)).after(register("alice")).at(later(5)).after(stop("n1"));
    story.when(lost("alice", later(5))).then(&OFFLINE);
}

#[test]
fn what_somebody_says_of_himself_is_told_when_it_changes() {
    online().when(is(Activity::Busy)).then(&["presence.changed"]);
    online().when(is(Activity::Unknown)).then_nothing();
    online().after(is(Activity::Busy)).when(is(Activity::Busy)).then_nothing();
    online().when(says(PresenceChanges::default())).then_nothing();
    let note = |note: Option<&str>| {
        says(PresenceChanges { note: Some(note.map(str::to_owned)), ..PresenceChanges::default() })
    };
    let noted = online().after(note(Some("back at five")));
    assert_eq!(
        noted.presence("alice").note.and_then(|note| note.clear().map(str::to_owned)).as_deref(),
        Some("back at five")
    );
    noted.when(note(Some("back at five"))).then_nothing();
    noted.when(note(None)).then(&["presence.changed"]);
    assert_eq!(noted.after(note(None)).presence("alice").note, None);
}

#[test]
fn notes_and_moods_have_bounds() {
    let long = Some(Some("x".repeat(NOTE_CHARS_MAX + 1)));
    let wrong = PresenceChanges { note: long, mood: Some(Some("in love!".to_owned())), activity: None };
    online().when(says(wrong)).then_invalid(&[("note_invalid", "/note"), ("mood_invalid", "/mood")]);
    for bad in [String::new(), "x".repeat(MOOD_CHARS_MAX + 1)] {
        let wrong = PresenceChanges { mood: Some(Some(bad)), ..PresenceChanges::default() };
        online().when(says(wrong)).then_invalid(&[("mood_invalid", "/mood")]);
    }
    let good = PresenceChanges { mood: Some(Some("in_love".to_owned())), ..PresenceChanges::default() };
    online().when(says(good)).then(&["presence.changed"]);
}

#[test]
fn who_is_unknown_says_nothing() {
    let nobody = ChangePresence { user: "nobody".into(), ..is(Activity::Busy) };
    online().when(nobody).then_rejected(Rejection::NotFound { what: "user", id: "nobody".to_owned() });
}
