//! Call records: quality, timelines and alarms, as SAPI shows them.

use serde_json::json;
use wac_commands::media::RaiseCallAlarm;
use wac_commands::{MediaReport, MediaSessionRef, ReportMedia};
use wac_events::Time;
use wac_events::alarm::AlarmRule;
use wac_events::media::MediaMeasured;

use crate::harness::World;

impl World {
    /// A minute of Alice's media in an opening was measured, and broke a rule.
    async fn is_measured(&self, opening: &str, session: &str) {
        let of = MediaSessionRef {
            id: self.platform.env.new_uuid().into(),
            domain: self.demo.as_str().into(),
            room: "r".into(),
            opening: opening.into(),
            user: self.alice.as_str().into(),
            session: session.into(),
            node: "media-1".to_owned(),
            node_id: None,
        };
        let measured = MediaMeasured {
            period: 1,
            duration_ms: 60_000,
            bytes_sent: 6_000_000_000,
            bytes_received: 2,
            lost_sent_permille: None,
            lost_received_permille: Some(30),
            round_trip_ms: Some(50),
            packets_lost_sent: None,
            packets_lost_received: None,
            jitter_sent_ms: None,
            jitter_received_ms: None,
            tracks: Vec::new(),
            speaking_ms: 4,
            at: Time::EPOCH,
        };
        self.execute(&ReportMedia { of: of.clone(), report: MediaReport::Connected }).await;
        self.execute(&ReportMedia { of: of.clone(), report: MediaReport::Measured(measured) }).await;
        let rule = AlarmRule::parse("loss: ssrc.packetsLost > 2%").expect("a rule");
        let MediaSessionRef { id, domain, opening, user, .. } = of;
        self.execute(&RaiseCallAlarm { id, domain, opening, user, rule, value: 3.0, period: 1 }).await;
    }
}

#[tokio::test]
async fn a_conference_has_its_quality_and_its_timeline_and_an_alarm_is_taken_notice_of() {
    let world = World::start().await;
    let (alice, admin) = (world.login("alice@demo").await, world.login("admin").await);
    let session = world.session_id(&alice).await;
    let opening = world.opens_room(&world.alice, &session).await;
    world.is_measured(&opening, &session).await;
    let query = format!(
        "{{ conference(id: \"{opening}\") {{ quality {{ lostReceivedPercent lostSentPercent bytesSent }} \
         participants {{ node quality {{ estimatedMos roundTripMs }} }} timeline {{ event node text }} }} }}"
    );
    let conference = world.gql_now(&alice, &query).await["conference"].clone();
    let quality = json!({ "lostReceivedPercent": 3.0, "lostSentPercent": null, "bytesSent": 6_000_000_000_u64 });
    assert_eq!(conference["quality"], quality);
    assert_eq!(
        (&conference["participants"][0]["node"], &conference["participants"][0]["quality"]["roundTripMs"]),
        (&json!("media-1"), &json!(50.0))
    );
    let events: Vec<_> = conference["timeline"].as_array().unwrap().iter().map(|step| step["event"].clone()).collect();
    let expected =
        ["room.created", "room.participant_joined", "media.connected", "media.measured", "media.alarm_raised"];
    assert_eq!(events, expected);

    // At the moment at which the room was opened nobody had taken a seat, and nothing had been measured.
    let query = format!("{{ conference(id: \"{opening}\") {{ timeline {{ position event }} }} }}");
    let now = world.gql_now(&admin, &query).await["conference"]["timeline"].clone();
    let as_of = |index: usize| {
        let moment = format!("asOf: {{ position: {} }}", now[index]["position"]);
        query.replacen("\")", &format!("\", {moment})"), 1)
    };
    for (index, expected) in [(0, 1), (1, 2), (3, 4)] {
        let then = world.gql_now(&admin, &as_of(index)).await["conference"]["timeline"].clone();
        assert_eq!(then.as_array().unwrap()[..], now.as_array().unwrap()[..expected], "as of step {index}");
    }

    let query = "{ callAlarms { nodes { id conferenceId value rule { id cond threshold } acknowledgedBy } } }";
    let alarm = world.gql_now(&admin, query).await["callAlarms"]["nodes"][0].clone();
    assert_eq!((&alarm["conferenceId"], &alarm["value"]), (&json!(opening), &json!(3.0)));
    assert_eq!(alarm["rule"], json!({ "id": "loss", "cond": ">", "threshold": 2.0 }));
    let notice = format!("mutation {{ acknowledgeAlarm(id: {}) {{ position }} }}", alarm["id"]);
    assert_eq!(world.gql_refused(&alice, &notice, json!({})).await["code"], "forbidden");
    world.gql(&admin, &notice).await;
    let alarm = world.gql_now(&admin, query).await["callAlarms"]["nodes"][0].clone();
    assert_eq!(alarm["acknowledgedBy"], json!(world.admin));
}
