//! The conference log as records: quality, timelines, files.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use wac_commands::invite::DeclineInvite;
use wac_commands::media::RaiseCallAlarm;
use wac_commands::room::CloseRoom;
use wac_commands::{Context, Device, MediaReport, MediaSessionRef, Refusal, Refusals, ReportMedia};
use wac_events::alarm::AlarmRule;
use wac_events::media::{MediaEnd, MediaMeasured};
use wac_events::{Actor, CommandId, RoomRef, StoreError, Time};

use crate::harness::World;

/// Keeps refusals in memory.
#[derive(Default)]
struct Memory(Mutex<Vec<Refusal>>);

impl Refusals for Memory {
    fn note(&self, refusal: Refusal) {
        self.0.lock().unwrap().push(Refusal { node: "here".to_owned(), ..refusal });
    }

    fn of_calls<'a>(&'a self, calls: &'a [String]) -> BoxFuture<'a, Result<Vec<Refusal>, StoreError>> {
        let kept = self.0.lock().unwrap();
        let found = kept.iter().filter(|refusal| calls.contains(&refusal.call)).cloned().collect();
        futures::future::ready(Ok(found)).boxed()
    }
}

/// A call of Alice's and Bob's with media of a minute, and its room.
struct Told {
    world: World,
    admin: String,
    alice: Device,
    room: RoomRef,
    id: String,
}

fn measured() -> MediaMeasured {
    MediaMeasured {
        period: 1,
        duration_ms: 60_000,
        bytes_sent: 480_000,
        bytes_received: 470_000,
        lost_sent_permille: Some(5),
        lost_received_permille: Some(20),
        round_trip_ms: Some(80),
        packets_lost_sent: None,
        packets_lost_received: None,
        jitter_sent_ms: None,
        jitter_received_ms: None,
        tracks: Vec::new(),
        speaking_ms: 21_000,
        at: Time::EPOCH,
    }
}

async fn call() -> Told {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let alice = world.device(&world.alice, "alice@demo", &admin).await;
    let bob = world.device(&world.bob, "bob@demo", &admin).await;
    let (room, id) = world.call_between(&alice, &bob).await;
    let of = MediaSessionRef {
        id: world.platform.env.new_uuid().into(),
        domain: room.domain.clone(),
        room: room.id.clone(),
        opening: id.as_str().into(),
        user: alice.user.clone(),
        session: alice.session.clone(),
        node: "media-1".to_owned(),
        node_id: None,
    };
    for report in [MediaReport::Connected, MediaReport::Measured(measured()), MediaReport::Ended(MediaEnd::Left)] {
        world.execute(&ReportMedia { of: of.clone(), report }).await;
    }
    Told { world, admin, alice, room, id }
}

#[tokio::test]
async fn a_conference_says_how_well_media_went_and_what_is_unknown() {
    let Told { world, admin, alice, id, .. } = call().await;
    let path = world.up_to_date(&format!("/sapi/conferences/{id}")).await;
    let conference = world.get(&path, &admin).await.expect(200).json();
    let seats = conference["participants"].as_array().unwrap();
    let hers = seats.iter().find(|seat| seat["address"] == alice.user.uri()).unwrap();
    assert_eq!((&hers["node"], &hers["quality"]["lostReceivedPercent"]), (&json!("media-1"), &json!(2.0)));
    assert_eq!((&hers["quality"]["roundTripMs"], &hers["quality"]["speakingMs"]), (&json!(80.0), &json!(21_000)));
    let mos = hers["quality"]["estimatedMos"].as_f64().unwrap();
    assert!((4.0..4.3).contains(&mos), "{mos}");
    let his = seats.iter().find(|seat| seat["address"] != alice.user.uri()).unwrap();
    assert_eq!((&his["quality"], &his["node"]), (&Value::Null, &Value::Null));
    assert_eq!(conference["quality"], hers["quality"]);
}

#[tokio::test]
async fn a_timeline_tells_who_did_what_on_which_node_and_what_was_refused() {
    let Told { world, admin, alice, room, id } = call().await;
    let refusals = Arc::new(Memory::default());
    world.platform.handler.keep_refusals(refusals.clone());
    let path = world.up_to_date(&format!("/sapi/conferences/{id}")).await;
    let conference = world.get(&path, &admin).await.expect(200).json();
    let invite = conference["invites"][0]["id"].as_str().unwrap().into();
    let late = DeclineInvite { invite, by: alice.user.clone(), code: 603 };
    let env = &world.platform.env;
    let ctx = Context::new(env.now(), Actor::User(alice.user.to_string()), CommandId(env.new_uuid()));
    world.platform.handler.execute(&late, ctx).await.expect_err("it has been accepted");
    world.execute(&CloseRoom { room, by: Some(alice.user.clone()), as_admin: false }).await;

    let path = world.up_to_date(&format!("/sapi/conferences/{id}/timeline")).await;
    let steps = world.get(&path, &admin).await.expect(200).json();
    let steps = steps.as_array().unwrap();
    let events: Vec<&str> = steps.iter().map(|step| step["event"].as_str().unwrap_or("refused")).collect();
    let opening = ["room.created", "room.participant_joined", "invite.created", "invite.accepted"];
    assert_eq!(events[..4], opening, "{events:?}");
    assert!(events.contains(&"media.measured") && events.last() == Some(&"room.closed"), "{events:?}");
    let accepted = steps.iter().find(|step| step["event"] == "invite.accepted").unwrap();
    assert_eq!((&accepted["node"], &accepted["code"]), (&json!("test"), &json!(200)));
    let connected = steps.iter().find(|step| step["event"] == "media.connected").unwrap();
    assert_eq!(connected["node"], "media-1");
    let refused = steps.iter().position(|step| step["event"].is_null()).expect("the refusal is told");
    assert_eq!(steps[refused]["refused"]["command"], "decline_invite");
    assert_eq!((&steps[refused]["by"], &steps[refused]["node"]), (&json!(alice.user.uri()), &json!("here")));
    assert_eq!(refusals.0.lock().unwrap().len(), 1);

    let page = world.get(&format!("/sapi/conferences/{id}/timeline?limit=2"), &admin).await.expect(200);
    let next = page.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(world.get(&next, &admin).await.expect(200).json()[0]["event"], events[2]);
    let carol = world.login("carol").await;
    world.get(&format!("/sapi/conferences/{id}/timeline"), &carol).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn the_log_comes_as_a_file_with_a_line_for_each_leg() {
    let Told { world, admin, alice, room, id } = call().await;
    world.execute(&CloseRoom { room, by: Some(alice.user.clone()), as_admin: false }).await;
    let path = world.up_to_date("/sapi/conferences").await;
    let csv = world.with_headers("GET", &path, Some(&admin), None, &[("accept", "text/csv")]).await.expect(200);
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    let lines: Vec<Vec<&str>> = csv.text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), lines[0].len()), (3, 35), "{}", csv.text);
    let cell = |line: usize, name: &str| {
        let column = lines[0].iter().position(|column| *column == name).unwrap();
        lines[line][column].to_owned()
    };
    assert_eq!(
        ["direction", "outcome", "code", "lostReceivedPercent"].map(|name| cell(1, name)),
        ["outgoing", "answered", "200", "2.0"]
    );
    assert_eq!(
        ["direction", "caller", "estimatedMos"].map(|name| cell(2, name)),
        ["incoming", alice.user.as_str(), ""]
    );
    let all = world.get("/sapi/conferences?format=ndjson", &admin).await.expect(200);
    let told: Vec<Value> = all.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((told.len(), &told[0]["id"]), (1, &json!(id)));
    let carol = world.login("carol").await;
    assert_eq!(world.get("/sapi/conferences?format=ndjson", &carol).await.expect(200).text, "");
    assert_eq!(world.get("/sapi/conferences?format=csv", &carol).await.expect(200).text.lines().count(), 1);
    world.get("/sapi/conferences?format=xls", &admin).await.expect_problem(400, "validation_failed");
}

#[tokio::test]
async fn an_alarm_about_a_call_is_listed_beside_those_about_log_ins_and_taken_notice_of_once() {
    let Told { world, admin, alice, room, id } = call().await;
    let media: wac_events::MediaSessionId = world.platform.env.new_uuid().into();
    let (domain, rule) = (room.domain.clone(), AlarmRule::parse("main: ssrc.packetsLost > 2%").unwrap());
    let (opening, user) = (id.as_str().into(), alice.user.clone());
    world.execute(&RaiseCallAlarm { id: media.clone(), domain, opening, user, rule, value: 3.5, period: 1 }).await;
    let path = world.up_to_date("/sapi/alarms?type=call").await;
    let alarms = world.get(&path, &admin).await.expect(200).json();
    let alarm = &alarms[0];
    let rule = json!({
        "id": "main", "section": "ssrc", "value": "packetsLost", "cond": ">", "threshold": 2.0, "relative": true,
    });
    assert_eq!(
        (&alarm["type"], &alarm["payload"]["callid"], &alarm["payload"]["alarm"]),
        (&json!("call"), &json!(id), &rule)
    );
    assert_eq!(alarm["payload"]["value"], json!({ "ssrc": [{ "id": media, "packetsLost": 3.5 }] }));
    assert_eq!(alarm["acknowledged"], Value::Null);
    assert_eq!(world.get("/sapi/alarms?type=login", &admin).await.expect(200).json(), json!([]));
    let path = format!("/sapi/alarms/{}", alarm["id"].as_str().unwrap());
    assert_eq!(&world.get(&path, &admin).await.expect(200).json(), alarm);
    let notice = format!("{path}/acknowledgement");
    let noticed = world.call("POST", &notice, &admin, None).await.expect(200).json();
    assert_eq!(noticed["acknowledged"]["by"], world.admin);
    let again = world.call("POST", &notice, &admin, None).await.expect(200).json();
    assert_eq!(again, noticed);
    let alices = world.login("alice@demo").await;
    world.call("POST", &notice, &alices, None).await.expect_problem(403, "forbidden");
    world.call("POST", "/sapi/alarms/nothing/acknowledgement", &admin, None).await.expect_problem(404, "not_found");
}
