//! What records come of a call's events.

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wac_events::invite::{InviteAccepted, InviteCreated, InviteDeclined};
use wac_events::media::{MediaConnected, MediaEnd, MediaEnded, MediaMeasured};
use wac_events::room::{
    JoinReason, LeaveReason, ParticipantJoined, ParticipantLeft, RoomClosed, RoomCreated, RoomEnd, RoomKind,
};
use wac_events::{
    Actor, AppendBatch, Callee, CommandId, EventFilter, EventId, ExpectedVersion, InviteKind, MasterKey, MediaTypes,
    Meta, NewEvent, Position, ReadRequest, RoomRef, StreamAppend, StreamId, Time, UserId,
};
use wac_runner::Runner;
use wac_store::{StoreOptions, Stores};

use super::*;

fn at(seconds: i64) -> Time {
    Time::from_millis(1_767_225_600_000 + seconds * 1_000)
}

fn room() -> RoomRef {
    RoomRef { domain: "d1".into(), id: "r1".into() }
}

async fn happens(stores: &Stores, stream: StreamId, event: impl Into<AnyEvent>) {
    let event = event.into();
    let command_id = CommandId(Uuid::now_v7());
    let meta = Meta {
        actor: Actor::System("test".to_owned()),
        command_id,
        correlation_id: "o1".to_owned(),
        causation_id: None,
        traceparent: None,
        session: None,
        key_id: None,
        request: None,
    };
    let new = NewEvent {
        event_id: EventId(Uuid::now_v7()),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        domain: Some("d1".into()),
        data: event.encode().unwrap(),
        meta: serde_json::to_string(&meta).unwrap(),
        occurred_at: at(0),
    };
    let append = StreamAppend { stream, expected: ExpectedVersion::Any, events: vec![new] };
    stores.log.append(AppendBatch { command_id, appends: vec![append] }).await.unwrap();
}

fn seated(seat: u64, user: &str, invite: Option<&str>, second: i64) -> RoomEvent {
    ParticipantJoined {
        room: "r1".into(),
        opening: "o1".into(),
        seat,
        user: user.into(),
        session: format!("s-{user}").as_str().into(),
        via: if invite.is_some() { JoinReason::Accepted } else { JoinReason::Created },
        invite: invite.map(Into::into),
        at: at(second),
    }
    .into()
}

fn gone(seat: u64, user: &str, second: i64) -> RoomEvent {
    ParticipantLeft {
        room: "r1".into(),
        opening: "o1".into(),
        seat,
        user: user.into(),
        session: format!("s-{user}").as_str().into(),
        reason: LeaveReason::Left,
        by: None,
        at: at(second),
    }
    .into()
}

fn invited(id: &str, to: &str, second: i64) -> InviteEvent {
    InviteCreated {
        id: id.into(),
        domain: "d1".into(),
        kind: InviteKind::Invite,
        room: Some(room()),
        opening: Some("o1".into()),
        from: "alice".into(),
        from_session: "s-alice".into(),
        to: Callee::User(to.into()),
        candidates: vec![to.into()],
        absent: Vec::new(),
        mediatypes: MediaTypes { audio: true, ..MediaTypes::default() },
        context: None,
        ring_until: at(second + 30),
        transfer: None,
        at: at(second),
    }
    .into()
}

/// Alice calls Carol, who declines, then Bob, who accepts; what Bob hears is measured to the end.
async fn call(stores: &Stores) {
    let rooms = room().stream();
    let opened = RoomCreated {
        room: "r1".into(),
        opening: "o1".into(),
        domain: "d1".into(),
        kind: RoomKind::Call,
        creator: "alice".into(),
        owner: None,
        acl: Vec::new(),
        record: false,
        participants_limit: 10,
        bitrate_kbps: 512,
        owner_succeeds: false,
        hard_mute: false,
        counted: false,
        at: at(0),
    };
    happens(stores, rooms.clone(), RoomEvent::from(opened)).await;
    happens(stores, rooms.clone(), seated(1, "alice", None, 0)).await;
    happens(stores, InviteId::from("i1").stream(), invited("i1", "carol", 1)).await;
    let declined = InviteDeclined { by: "carol".into(), code: 603, over: true, at: at(3) };
    happens(stores, InviteId::from("i1").stream(), InviteEvent::from(declined)).await;
    happens(stores, InviteId::from("i2").stream(), invited("i2", "bob", 4)).await;
    let (by, session): (UserId, _) = ("bob".into(), "s-bob".into());
    let accepted = InviteAccepted { by, session, room: room(), opening: "o1".into(), at: at(6) };
    happens(stores, InviteId::from("i2").stream(), InviteEvent::from(accepted)).await;
    happens(stores, rooms.clone(), seated(2, "bob", Some("i2"), 6)).await;
    let media = MediaSessionId::from("m1").stream();
    let connected = MediaConnected {
        id: "m1".into(),
        domain: "d1".into(),
        room: "r1".into(),
        opening: "o1".into(),
        user: "bob".into(),
        session: "s-bob".into(),
        node: "media-1".to_owned(),
        node_id: None,
        at: at(7),
    };
    happens(stores, media.clone(), wac_events::MediaEvent::from(connected)).await;
    happens(stores, rooms.clone(), gone(2, "bob", 66)).await;
    let measured = MediaMeasured {
        period: 1,
        duration_ms: 59_000,
        bytes_sent: 1,
        bytes_received: 2,
        lost_sent_permille: None,
        lost_received_permille: Some(10),
        round_trip_ms: Some(40),
        packets_lost_sent: None,
        packets_lost_received: None,
        jitter_sent_ms: None,
        jitter_received_ms: None,
        tracks: Vec::new(),
        speaking_ms: 3,
        at: at(66),
    };
    happens(stores, media.clone(), wac_events::MediaEvent::from(measured)).await;
    let ended = MediaEnded { reason: MediaEnd::Left, at: at(66) };
    happens(stores, media, wac_events::MediaEvent::from(ended)).await;
    happens(stores, rooms.clone(), gone(1, "alice", 67)).await;
    let closed = RoomClosed { room: "r1".into(), opening: "o1".into(), reason: RoomEnd::Empty, by: None, at: at(67) };
    happens(stores, rooms, RoomEvent::from(closed)).await;
}

#[tokio::test]
async fn every_leg_of_a_call_has_a_record_and_its_quality_when_that_is_known() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("wac.db").display());
    let stores = wac_store::open(&url, StoreOptions::new(MasterKey::new([7; 32]))).await.unwrap();
    let shutdown = CancellationToken::new();
    let runner = Runner::start(stores.db.clone(), stores.log.clone(), wac_projections::all(), shutdown.clone());
    let runner = runner.await.unwrap();
    call(&stores).await;
    let records = RowsRecords::new(runner.rows(), stores.keys.clone());
    let request = ReadRequest { after: Position::START, before: None, filter: EventFilter::default(), limit: 100 };
    let mut lines: Vec<Value> = Vec::new();
    let events = stores.log.read(request).await.unwrap().events;
    for (event, line) in events.iter().zip(records.records(&events).await.unwrap()) {
        let wanted = records.wants().contains(&&*event.event_type);
        if let Some(line) = line {
            assert!(wanted, "{} is asked for", event.event_type);
            assert_eq!((line.call.as_str(), line.domain.as_str()), ("o1", "d1"));
            lines.push(serde_json::from_str(&line.value).unwrap());
        }
    }
    let told = |field: &str| lines.iter().map(|line| line[field].to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(told("leg"), r#""i1" "o1/2" "o1/2" "o1/1""#);
    assert_eq!(told("outcome"), r#""declined" "answered" "answered" "answered""#);
    assert_eq!(told("code"), "603 200 200 200");
    assert_eq!(told("durationMs"), "0 60000 60000 67000");
    assert_eq!(told("direction"), r#""incoming" "incoming" "incoming" "outgoing""#);
    // The rows may already know of the end when the first record of Bob's leg is made; the last one always does.
    let last = &lines[2];
    assert_eq!((&last["lostReceivedPercent"], &last["node"]), (&Value::from(1.0), &Value::from("media-1")));
    assert_eq!((&last["lostSentPercent"], &lines[3]["estimatedMos"]), (&Value::Null, &Value::Null));
    assert!(last["estimatedMos"].as_f64().is_some_and(|mos| mos > 4.0), "{last}");
    shutdown.cancel();
    runner.stopped().await;
}
