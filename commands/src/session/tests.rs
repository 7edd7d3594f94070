//! Rules of sessions.

use wac_events::oauth::TokenRevocation;
use wac_events::presence::DeviceEnd;
use wac_events::session::{SessionContext, SessionEnd};
use wac_events::{AnyEvent, Personal, PresenceEvent, SessionEvent};

use super::*;
use crate::testing::*;
use crate::*;

const OPENED: [&str; 4] = ["token.issued", "session.opened", "presence.logged_in", "presence.first_login"];

fn people() -> Story {
    given().after(base()).after(start("n1")).after(user("alice", "base"))
}

fn open() -> Story {
    people().after(login("alice"))
}

fn close(reason: SessionEnd) -> CloseSession {
    CloseSession { id: "s-alice".into(), reason }
}

fn expire() -> ExpireSession {
    ExpireSession { id: "s-alice".into() }
}

fn extend(seconds: u64) -> ExtendSession {
    ExtendSession { id: "s-alice".into(), expires_at: later(seconds) }
}

fn push(token: &str, token_type: &str) -> SetPushToken {
    SetPushToken { id: "s-alice".into(), token: token.to_owned(), token_type: token_type.to_owned() }
}

fn refresh(used: char, new: char) -> RefreshToken {
    RefreshToken {
        id: "s-alice".into(),
        client: None,
        used_refresh_hash: hash(used),
        access_hash: hash('d'),
        access_expires_at: later(3600),
        refresh_hash: hash(new),
        refresh_expires_at: later(7200),
        session_expires_at: Some(later(90_000)),
    }
}

fn why(events: &[AnyEvent]) -> Option<SessionEnd> {
    events.iter().find_map(|event| match event {
        AnyEvent::Session(SessionEvent::Closed(closed)) => Some(closed.reason),
        _ => None,
    })
}

fn no_session() -> Rejection {
    Rejection::NotFound { what: "session", id: "s-alice".to_owned() }
}

#[test]
fn a_grant_opens_a_session_beside_its_token() {
    people().when(login("alice")).then(&OPENED);
    people().when(token("t", "alice")).then(&["token.issued"]);
}

#[test]
fn only_the_first_login_of_a_user_is_one_and_only_the_last_logout() {
    open().when(login("alice/s2")).then(&OPENED[..3]);
    let two = open().after(login("alice/s2"));
    two.when(close(SessionEnd::Logout)).then(&["session.closed", "presence.logged_out", "token.revoked"]);
    let one = two.after(close(SessionEnd::Logout));
    one.when(CloseSession { id: "s2".into(), reason: SessionEnd::Logout }).then(&[
        "session.closed",
        "presence.logged_out",
        "presence.last_logout",
        "token.revoked",
    ]);
}

#[test]
fn a_session_ends_with_all_its_tokens_and_its_device() {
    let all = [
        "session.closed",
        "presence.device_removed",
        "presence.offline",
        "presence.logged_out",
        "presence.last_logout",
        "token.revoked",
    ];
    let events = open().after(register("alice")).when(close(SessionEnd::Revoked)).then(&all);
    let AnyEvent::Presence(PresenceEvent::DeviceRemoved(removed)) = &events[1] else { unreachable!() };
    assert_eq!((removed.reason, removed.leave_by, removed.unring_by), (DeviceEnd::Closed, now(), now()));
    assert_eq!(why(&events), Some(SessionEnd::Revoked));
}

#[test]
fn a_revoked_token_ends_its_session() {
    let ends = |reason| {
        let story = open().after(RevokeToken { id: "s-alice".into(), reason });
        let State::Session(session) = story.state(&wac_events::SessionId::from("s-alice").stream()) else {
            unreachable!()
        };
        session.status
    };
    for reason in [TokenRevocation::Requested, TokenRevocation::UserDeleted, TokenRevocation::PasswordChanged] {
        assert_eq!(ends(reason), SessionStatus::Closed);
    }
}

#[test]
fn how_a_token_ended_is_how_its_session_ended() {
    for (reason, end) in [
        (TokenRevocation::Requested, SessionEnd::Logout),
        (TokenRevocation::UserDeleted, SessionEnd::UserDeleted),
        (TokenRevocation::UserMoved, SessionEnd::UserMoved),
        (TokenRevocation::ClientDeleted, SessionEnd::ClientDeleted),
        (TokenRevocation::Superseded, SessionEnd::Superseded),
        (TokenRevocation::PasswordChanged, SessionEnd::PasswordChanged),
    ] {
        let then = open().when(RevokeToken { id: "s-alice".into(), reason });
        let events = then.then(&["token.revoked", "session.closed", "presence.logged_out", "presence.last_logout"]);
        assert_eq!(why(&events), Some(end));
    }
}

#[test]
fn a_refresh_token_used_twice_ends_the_session() {
    let story = open().after(refresh('b', 'e'));
    let events = story.when(refresh('b', 'f')).then(&[
        "token.revoked",
        "session.closed",
        "presence.logged_out",
        "presence.last_logout",
    ]);
    assert_eq!(why(&events), Some(SessionEnd::TokenReuse));
}

#[test]
fn a_refreshed_session_lasts_longer() {
    open().when(refresh('b', 'e')).then(&["token.refreshed", "session.extended"]);
    let short = RefreshToken { session_expires_at: Some(later(1)), ..refresh('b', 'e') };
    open().when(short).then(&["token.refreshed"]);
}

#[test]
fn a_session_that_is_used_lasts_longer_and_never_shorter() {
    open().when(extend(90_000)).then(&["session.extended"]);
    open().when(extend(86_400)).then_nothing();
    open().when(extend(5)).then_nothing();
    people().when(extend(5)).then_rejected(no_session());
    open().after(close(SessionEnd::Logout)).when(extend(90_000)).then_rejected(Rejection::SessionClosed);
}

#[test]
fn a_session_nobody_uses_expires_at_its_time_and_not_before() {
    open().at(later(86_399)).when(expire()).then_nothing();
    let events = open().at(later(86_400)).when(expire()).then(&[
        "session.closed",
        "presence.logged_out",
        "presence.last_logout",
        "token.revoked",
    ]);
    assert_eq!(why(&events), Some(SessionEnd::Expired));
    open().after(extend(90_000)).at(later(86_400)).when(expire()).then_nothing();
    people().when(expire()).then_nothing();
}

#[test]
fn a_session_that_has_ended_stays_as_it_is() {
    let ended = open().after(close(SessionEnd::Logout));
    ended.when(close(SessionEnd::Revoked)).then_nothing();
    ended.at(later(90_000)).when(expire()).then_nothing();
    people().when(close(SessionEnd::Logout)).then_rejected(no_session());
}

#[test]
fn where_a_session_is_used_from_is_told_when_it_changes() {
    let from = |src: &str| SessionContext { src: Some(Personal::new(src)), ..SessionContext::default() };
    let change = |src: &str| ChangeSessionContext { id: "s-alice".into(), context: from(src) };
    open().when(change("192.0.2.1")).then(&["session.context_changed"]);
    open().after(change("192.0.2.1")).when(change("192.0.2.1")).then_nothing();
    open().when(change("a\nb")).then_invalid(&[("context_invalid", "/context/src")]);
    open().when(change(&"x".repeat(CONTEXT_CHARS_MAX + 1))).then_invalid(&[("context_invalid", "/context/src")]);
    people().when(change("192.0.2.1")).then_rejected(no_session());
    let wrong = OpenSession { context: from("a\nb"), expires_at: later(5) };
    people()
        .when(IssueToken { session: Some(wrong), ..login("alice") })
        .then_invalid(&[("context_invalid", "/context/src")]);
}

#[test]
fn a_device_that_can_be_woken_says_how_and_until_when() {
    open().when(push("secret", "fcm")).then(&["session.push_token_set"]);
    let set = open().after(push("secret", "fcm"));
    set.when(push("secret", "fcm")).then_nothing();
    set.when(push("other", "fcm")).then(&["session.push_token_set"]);
    set.when(RemovePushToken { id: "s-alice".into() }).then(&["session.push_token_removed"]);
    open().when(RemovePushToken { id: "s-alice".into() }).then_nothing();
    let State::Session(ended) =
        set.after(close(SessionEnd::Logout)).state(&wac_events::SessionId::from("s-alice").stream())
    else {
        unreachable!()
    };
    assert_eq!(ended.push, None, "nobody wakes a device whose session has ended");
    people().when(push("secret", "fcm")).then_rejected(no_session());
}

#[test]
fn push_tokens_are_of_known_services_and_have_bounds() {
    let wrong = [("token_type_invalid", "/tokenType"), ("token_invalid", "/token")];
    open().when(push("", "pigeon")).then_invalid(&wrong);
    open().when(push(&"x".repeat(PUSH_TOKEN_BYTES_MAX + 1), "apns")).then_invalid(&wrong[1..]);
}
