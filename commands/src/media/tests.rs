//! Rules of media sessions.

use wac_events::alarm::AlarmRule;
use wac_events::media::{MediaDirection, MediaEnd, MediaLimit, MediaMeasured, MediaSource};
use wac_events::{EventId, Time};

use super::*;
use crate::testing::*;

fn report(report: MediaReport) -> ReportMedia {
    let of = MediaSessionRef {
        id: "m1".into(),
        domain: "d".into(),
        room: "r".into(),
        opening: "o".into(),
        user: "alice".into(),
        session: "s1".into(),
        node: "n1".to_owned(),
        node_id: None,
    };
    ReportMedia { of, report }
}

#[test]
fn who_was_refused_is_noted_once_and_his_session_never_begins() {
    let refused = || report(MediaReport::Refused(MediaLimit::Rooms));
    given().when(refused()).then(&["media.refused"]);
    let story = given().after(refused());
    for again in [refused(), report(MediaReport::Connected), report(MediaReport::Ended(MediaEnd::Left))] {
        story.clone().when(again).then_nothing();
    }
    given().after(report(MediaReport::Connected)).when(refused()).then_nothing();
}

fn measured(period: u32) -> ReportMedia {
    report(MediaReport::Measured(MediaMeasured {
        period,
        duration_ms: 60_000,
        bytes_sent: 1,
        bytes_received: 2,
        lost_sent_permille: None,
        lost_received_permille: Some(3),
        round_trip_ms: Some(4),
        packets_lost_sent: None,
        packets_lost_received: None,
        jitter_sent_ms: None,
        jitter_received_ms: None,
        tracks: Vec::new(),
        speaking_ms: 5,
        at: Time::EPOCH,
    }))
}

#[test]
fn what_is_reported_twice_is_noted_once() {
    let published = || report(MediaReport::Published("1".to_owned(), MediaSource::Camera));
    let unpublished = || report(MediaReport::Unpublished("1".to_owned()));
    let flowed = || report(MediaReport::Flowed(MediaDirection::Sent));
    given().when(report(MediaReport::Connected)).then(&["media.connected"]);
    let story = given().after(report(MediaReport::Connected));
    let story = story.after(flowed()).after(published()).after(unpublished()).after(measured(1));
    for again in [report(MediaReport::Connected), flowed(), published(), unpublished(), measured(1)] {
        story.clone().when(again).then_nothing();
    }
    story.when(measured(2)).then(&["media.measured"]);
}

#[test]
fn nothing_is_noted_after_the_end_or_of_what_never_connected() {
    let ended = || report(MediaReport::Ended(MediaEnd::Left));
    given().when(ended()).then_nothing();
    let story = given().after(report(MediaReport::Connected));
    story.clone().when(ended()).then(&["media.ended"]);
    story.clone().after(ended()).when(ended()).then_nothing();
    story.after(ended()).when(measured(1)).then_nothing();
}

fn raise(rule: &str) -> RaiseCallAlarm {
    RaiseCallAlarm {
        id: "m1".into(),
        domain: "d".into(),
        opening: "o".into(),
        user: "alice".into(),
        rule: AlarmRule::parse(rule).expect("a rule"),
        value: 3.0,
        period: 1,
    }
}

fn acknowledge(rule: &str) -> AcknowledgeCallAlarm {
    AcknowledgeCallAlarm {
        id: "m1".into(),
        domain: "d".into(),
        opening: "o".into(),
        alarm: EventId(uuid::Uuid::nil()),
        rule: rule.to_owned(),
        by: Some("admin".into()),
    }
}

#[test]
fn an_alarm_is_raised_once_for_each_media_session_and_rule() {
    let loss = "loss: ssrc.packetsLost > 2%";
    let story = given().after(report(MediaReport::Connected)).after(measured(1));
    story.clone().when(raise(loss)).then(&["media.alarm_raised"]);
    let story = story.after(raise(loss));
    story.clone().when(raise(loss)).then_nothing();
    story.when(raise("other: quality.estimatedMos < 3")).then(&["media.alarm_raised"]);
}

#[test]
fn an_alarm_is_taken_notice_of_once_and_only_if_there_is_one() {
    let story = given().after(report(MediaReport::Connected)).after(raise("loss: ssrc.packetsLost > 2%"));
    story.clone().when(acknowledge("loss")).then(&["media.alarm_acknowledged"]);
    story.clone().after(acknowledge("loss")).when(acknowledge("loss")).then_nothing();
    let nothing = crate::Rejection::NotFound { what: "alarm", id: uuid::Uuid::nil().to_string() };
    story.when(acknowledge("other")).then_rejected(nothing);
}

#[test]
fn a_session_whose_node_was_given_up_ends_once_whatever_the_node_says_afterwards() {
    let lost = || LoseMedia { id: "m1".into() };
    given().when(lost()).then_nothing();
    let story = given().after(report(MediaReport::Connected));
    let events = story.clone().when(lost()).then(&["media.ended"]);
    let wac_events::AnyEvent::MediaSession(MediaEvent::Ended(ended)) = &events[0] else { unreachable!() };
    assert_eq!(ended.reason, MediaEnd::Lost);
    let story = story.after(lost());
    story.clone().when(lost()).then_nothing();
    for late in [measured(1), report(MediaReport::Ended(MediaEnd::Left)), report(MediaReport::Connected)] {
        story.clone().when(late).then_nothing();
    }
}
