//! Alarms about failed log-ins.

use wac_events::login::*;
use wac_events::*;
use wac_projections::*;

use crate::story::{Story, at};

#[test]
fn an_alarm_about_log_ins_is_a_row_and_a_failed_one_is_not() {
    let failed = LoginFailed {
        domain: "d1".into(),
        user: None,
        name: Personal::new("mallory"),
        src: None,
        useragent: None,
        reason: "unknown_user".into(),
        count: 1,
        at: at(1),
    };
    let raised =
        LoginAlarmRaised { domain: "d1".into(), user: Some("u1".into()), failures: 5, window_s: 10, at: at(2) };
    let story = Story::default()
        .then(login_stream("k1"), LoginEvent::from(failed))
        .then(login_stream("k1"), LoginEvent::from(raised));
    let rows = story.rows.select(&Select::from(&LOGIN_ALARMS).equals("domain", "d1"));
    let rows: Vec<LoginAlarmRow> = rows.iter().filter_map(LoginAlarmRow::from_row).collect();
    let mut expected = LoginAlarmRow {
        id: EventId(uuid::Uuid::from_u128(2)).0.to_string(),
        domain: "d1".into(),
        user: Some("u1".into()),
        failures: 5,
        window_s: 10,
        at: at(2),
        login: "k1".to_owned(),
        acknowledged_by: None,
        acknowledged_at: None,
    };
    assert_eq!(rows, [expected.clone()]);

    let alarm = EventId(uuid::Uuid::from_u128(2));
    let noticed = LoginAlarmAcknowledged { alarm, by: Some("admin".into()), at: at(3) };
    let story = story.then(login_stream("k1"), LoginEvent::from(noticed));
    (expected.acknowledged_by, expected.acknowledged_at) = (Some("admin".into()), Some(at(3)));
    assert_eq!(story.row(&LOGIN_ALARMS, &expected.id.clone(), LoginAlarmRow::from_row), Some(expected));
}
