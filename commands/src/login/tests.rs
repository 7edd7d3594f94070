use std::time::Duration;

use wac_events::{AnyEvent, Cell, EventId, LoginEvent};

use crate::login::*;
use crate::testing::*;
use crate::*;

/// Five failures within ten seconds are too many.
fn failed() -> NoteFailedLogin {
    NoteFailedLogin {
        domain: "base".into(),
        user: Some("alice".into()),
        name: "Alice".to_owned(),
        name_key: "key".to_owned(),
        src: Some("192.0.2.7".to_owned()),
        useragent: Some("curl/8".to_owned()),
        count: 1,
        reason: "wrong_password",
        units: 5,
        window: Duration::from_secs(10),
    }
}

fn failures(seconds: impl IntoIterator<Item = u64>) -> Story {
    seconds.into_iter().fold(given(), |story, second| story.at(later(second)).after(failed()))
}

#[test]
fn every_failed_login_is_noted() {
    let events = given().when(failed()).then(&["login.failed"]);
    let AnyEvent::Login(LoginEvent::Failed(noted)) = &events[0] else { unreachable!() };
    assert_eq!((noted.name.clear(), noted.reason.as_str()), (Some("Alice"), "wrong_password"));
}

#[test]
fn as_many_failures_as_the_limit_within_the_window_raise_an_alarm() {
    failures(0..3).at(later(3)).when(failed()).then(&["login.failed"]);
    let events = failures(0..4).at(later(4)).when(failed()).then(&["login.failed", "login.alarm_raised"]);
    let AnyEvent::Login(LoginEvent::AlarmRaised(raised)) = &events[1] else { unreachable!() };
    assert_eq!((raised.failures, raised.window_s), (5, 10));
}

#[test]
fn failures_before_the_window_do_not_count() {
    failures(0..4).at(later(10)).when(failed()).then(&["login.failed"]);
    failures(0..4).at(later(9)).when(failed()).then(&["login.failed", "login.alarm_raised"]);
}

#[test]
fn an_alarm_is_raised_once_for_each_window() {
    let alarmed = failures(0..5);
    alarmed.clone().at(later(5)).when(failed()).then(&["login.failed"]);
    let more = (5..14).fold(alarmed, |story, second| story.at(later(second)).after(failed()));
    more.at(later(14)).when(failed()).then(&["login.failed", "login.alarm_raised"]);
}

#[test]
fn a_limit_of_nothing_raises_no_alarm() {
    failures(0..9).at(later(9)).when(NoteFailedLogin { units: 0, ..failed() }).then(&["login.failed"]);
}

#[test]
fn a_name_that_nobody_has_is_not_kept() {
    let nobody = NoteFailedLogin { user: None, ..failed() };
    let events = given().when(nobody).then(&["login.failed"]);
    let AnyEvent::Login(LoginEvent::Failed(noted)) = &events[0] else { unreachable!() };
    assert_eq!((&noted.name.0, noted.src.is_some()), (&Cell::Erased, true));
}

#[test]
fn names_nobody_has_are_counted_each_for_itself() {
    let nobody = || NoteFailedLogin { user: None, name: "x".to_owned(), name_key: "x".to_owned(), ..failed() };
    failures(0..4).when(nobody()).then(&["login.failed"]);
    let guessed = (0..4).fold(given(), |story, _| story.after(nobody()));
    guessed.when(nobody()).then(&["login.failed", "login.alarm_raised"]);
}

#[test]
fn failures_noted_together_count_each() {
    let together = |count| NoteFailedLogin { count, ..failed() };
    let events = given().after(together(2)).when(together(3)).then(&["login.failed", "login.alarm_raised"]);
    let AnyEvent::Login(LoginEvent::AlarmRaised(raised)) = &events[1] else { unreachable!() };
    assert_eq!(raised.failures, 5);
    given().after(together(2)).when(together(2)).then(&["login.failed"]);
}

#[test]
fn what_is_noted_has_bounds() {
    let wrong = NoteFailedLogin {
        name: "x".repeat(LOGIN_NAME_CHARS_MAX + 1),
        src: Some("1".repeat(LOGIN_SRC_CHARS_MAX + 1)),
        useragent: Some("x".repeat(513)),
        count: 0,
        units: 101,
        ..failed()
    };
    given().when(wrong).then_invalid(&[
        ("username_invalid", "/username"),
        ("src_invalid", "/src"),
        ("useragent_invalid", "/useragent"),
        ("count_invalid", "/count"),
        ("units_invalid", "/limitRateUnits"),
    ]);
}

#[test]
fn only_so_many_failures_are_remembered() {
    let story = (0..FAILURES_REMEMBERED as u64 + 5).fold(given(), |story, _| story.after(failed()));
    let State::Login(login) = story.state(&LoginKey("key".to_owned()).stream()) else { unreachable!() };
    assert_eq!(login.failures.len(), FAILURES_REMEMBERED);
}

#[test]
fn a_failed_login_shows_nothing_personal_in_a_log() {
    let shown = format!("{:?}", failed());
    assert!(!shown.contains("Alice") && !shown.contains("192.0.2.7"));
}

fn acknowledge(alarm: u128) -> AcknowledgeLoginAlarm {
    let alarm = EventId(uuid::Uuid::from_u128(alarm));
    AcknowledgeLoginAlarm { login: LoginKey("key".to_owned()), domain: "base".into(), alarm, by: Some("admin".into()) }
}

#[test]
fn an_alarm_about_log_ins_is_taken_notice_of_once_and_only_if_there_is_one() {
    let nothing = Rejection::NotFound { what: "alarm", id: uuid::Uuid::from_u128(1).to_string() };
    failures(0..4).when(acknowledge(1)).then_rejected(nothing);
    let alarmed = failures(0..5);
    alarmed.clone().when(acknowledge(1)).then(&["login.alarm_acknowledged"]);
    let noticed = alarmed.after(acknowledge(1));
    noticed.clone().when(acknowledge(1)).then_nothing();
    noticed.when(acknowledge(2)).then(&["login.alarm_acknowledged"]);
}

#[test]
fn no_more_alarms_are_remembered_than_the_bound_says() {
    let bound = u128::try_from(ACKNOWLEDGED_REMEMBERED).unwrap();
    let noticed = (1..=bound + 1).fold(failures(0..5), |story, alarm| story.after(acknowledge(alarm)));
    noticed.clone().when(acknowledge(2)).then_nothing();
    noticed.when(acknowledge(1)).then(&["login.alarm_acknowledged"]);
}
