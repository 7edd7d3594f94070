//! The story of a call: two people, then three, over two nodes and several devices. Beside its stream
//! stands `dialogue.txt`: every request, every answer, and every notice on every device.

use serde_json::{Value, json};
use wac_commands::media::{AcknowledgeCallAlarm, RaiseCallAlarm};
use wac_commands::node::StartNode;
use wac_commands::presence::RegisterDevice;
use wac_commands::session::OpenSession;
use wac_commands::{CommandHandler, CreateUser, Device, IssueToken, MediaReport, MediaSessionRef, ReportMedia};
use wac_events::alarm::AlarmRule;
use wac_events::media::{MediaDirection, MediaEnd, MediaMeasured, MediaSource};
use wac_events::session::SessionContext;
use wac_events::{EventId, GrantKind, OpeningId, Position, Role, SessionId, Time};
use wac_replay_tests::story::{self, Story, golden};
use wac_signaling::{Follower, Peer, Received, Signaling};

use crate::stories::{Author, domain};

/// Set to write today's dialogue over the one that is there.
const WRITE_VARIABLE: &str = "WAC_WRITE_DIALOGUE";
/// Whose, which device, on which node.
const DEVICES: [(&str, &str, &str); 4] =
    [("alice", "phone", "north"), ("bob", "desk", "north"), ("bob", "mobile", "south"), ("carol", "phone", "south")];

/// A node: it answers its devices, and tells them what the log says.
struct Node {
    signaling: Signaling,
    follower: Follower,
    told: Position,
}

impl Node {
    fn new(author: &Author) -> Self {
        let signaling = author.platform.node();
        let env = author.platform.handler.environment().clone();
        let stores = &author.platform.stores;
        let handler = CommandHandler::new(stores.log.clone(), stores.keys.clone(), env, Default::default());
        Self { signaling, follower: Follower::new(handler), told: Position::START }
    }
}

/// A call as it is written.
struct Call {
    author: Author,
    north: Node,
    south: Node,
    requests: u32,
    dialogue: String,
}

fn device(user: &str, name: &str) -> Device {
    Device { user: user.into(), session: SessionId::from(format!("{user}-{name}")) }
}

impl Call {
    async fn new() -> Self {
        let author = Author::new(20_260_302).await;
        author.does(domain("base", "quobis", None)).await;
        for name in ["alice", "bob", "carol"] {
            let user = author.user(name, "base", name, Role::User);
            author.does(CreateUser { display_name: Some(format!("The one called {name}")), ..user }).await;
        }
        for name in ["north", "south"] {
            author.does(StartNode { id: name.into(), name: name.to_owned() }).await;
        }
        let (north, south) = (Node::new(&author), Node::new(&author));
        let mut call = Self { author, north, south, requests: 0, dialogue: String::new() };
        for (user, name, node) in DEVICES {
            call.arrives(user, name, node).await;
        }
        call
    }

    async fn arrives(&mut self, user: &str, name: &str, node: &str) {
        let device = device(user, name);
        let session = OpenSession { context: SessionContext::default(), expires_at: self.author.in_hours(24) };
        let token = self.author.token(device.session.as_str(), user, "base", GrantKind::Implicit, Role::User);
        let token = IssueToken { refresh_hash: None, refresh_expires_at: None, session: Some(session), ..token };
        self.author.does(token).await;
        self.author.does(RegisterDevice { device, node: node.into(), ringable: true, resumed: false }).await;
        self.line(&format!("{user}/{name} registers with {node}"));
        self.tell().await;
    }

    fn line(&mut self, line: &str) {
        self.dialogue.push_str(line);
        self.dialogue.push('\n');
    }

    /// One device asks; then everything follows that follows, and everybody is told.
    async fn asks(&mut self, user: &str, name: &str, request: &str, payload: Value) -> Value {
        self.author.env.advance(std::time::Duration::from_secs(1));
        self.requests += 1;
        let frame = json!({ "request": request, "requestID": format!("r{}", self.requests), "payload": payload });
        self.line(&format!("\n{user}/{name} → {request} {payload}"));
        let (_, _, home) = DEVICES.into_iter().find(|known| (known.0, known.1) == (user, name)).unwrap();
        let Device { user: id, session } = device(user, name);
        let peer = Peer { user: id, session, domain: "base".into(), role: Role::User, node: home.into() };
        let node = if home == "north" { &self.north } else { &self.south };
        let Received::Answer { text, .. } = node.signaling.receive(&peer, &frame.to_string()).await else {
            panic!("malformed: {frame}");
        };
        self.line(&format!("{user}/{name} ← {text}"));
        self.author.platform.settle().await.unwrap();
        self.tell().await;
        serde_json::from_str(&text).unwrap()
    }

    /// Each node tells its devices what has happened.
    async fn tell(&mut self) {
        let events = story::read_all(&*self.author.platform.stores.log).await.unwrap();
        for name in ["north", "south"] {
            let node = if name == "north" { &mut self.north } else { &mut self.south };
            let mut lines = Vec::new();
            for event in events.iter().filter(|event| event.position > node.told) {
                for notice in node.follower.follow(event).await.unwrap() {
                    for (user, device_name, home) in DEVICES {
                        let Device { user: id, session } = device(user, device_name);
                        if home == name && notice.to.reaches(&id, &session) {
                            lines.push(format!("{user}/{device_name} ← {}", notice.text(&"base".into())));
                        }
                    }
                }
            }
            node.told = events.last().map_or(node.told, |event| event.position);
            lines.iter().for_each(|line| self.line(line));
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Alice calls Bob, whose two devices ring; he takes it on his mobile, holds, is muted; Alice hands
/// him on to Carol and is gone; they hang up, and the room goes into the conference log.
pub(crate) async fn a_call() -> (Story, String) {
    let mut call = Call::new().await;
    let room = call.asks("alice", "phone", "createRoom", json!({})).await;
    let of_room = json!({ "roomId": room["id"] });
    let invite = json!({ "to": "bob", "roomId": room["id"], "context": { "subject": "the harvest" } });
    let invite = call.asks("alice", "phone", "invite", invite).await;
    call.asks("bob", "mobile", "currentInvitations", json!({})).await;
    call.asks("bob", "mobile", "accept", json!({ "inviteId": invite["inviteId"] })).await;
    let late = call.asks("bob", "desk", "accept", json!({ "inviteId": invite["inviteId"] })).await;
    assert_eq!(text(&late["error"]["code"]), "invite_over");
    call.asks("bob", "mobile", "hold", of_room.clone()).await;
    call.asks("bob", "mobile", "unhold", of_room.clone()).await;
    call.asks("alice", "phone", "mute", json!({ "roomId": room["id"], "media": "audio", "muted": true })).await;
    let mute = json!({ "roomId": room["id"], "to": "bob", "media": "audio", "muted": true });
    call.asks("alice", "phone", "muteParticipant", mute).await;
    call.asks("alice", "phone", "listParticipants", of_room.clone()).await;
    let transfer = call.asks("alice", "phone", "callTransfer", json!({ "to": "carol", "roomId": room["id"] })).await;
    call.asks("bob", "mobile", "acceptTransfer", json!({ "callTransferId": transfer["callTransferId"] })).await;
    let rings = call.asks("carol", "phone", "currentInvitations", json!({})).await;
    let ringing = &rings["payload"]["currentInvitations"][0]["inviteId"];
    call.asks("carol", "phone", "accept", json!({ "inviteId": ringing })).await;
    call.asks("carol", "phone", "leaveRoom", of_room.clone()).await;
    call.asks("bob", "mobile", "leaveRoom", of_room).await;
    let Call { author, dialogue, .. } = call;
    (author.finished("a-call").await, dialogue)
}

fn measured(period: u32, lost: u32) -> MediaReport {
    MediaReport::Measured(MediaMeasured {
        period,
        duration_ms: 60_000,
        bytes_sent: 480_000,
        bytes_received: 470_000 + u64::from(period),
        lost_sent_permille: None,
        lost_received_permille: Some(lost),
        round_trip_ms: (period > 1).then_some(80),
        packets_lost_sent: None,
        packets_lost_received: None,
        jitter_sent_ms: None,
        jitter_received_ms: None,
        tracks: Vec::new(),
        speaking_ms: 20_000,
        at: Time::EPOCH,
    })
}

/// Alice and Bob talk over a media node; what Alice hears gets worse, an alarm is raised and taken notice of, and they
/// hang up.
pub(crate) async fn a_measured_call() -> Story {
    let mut call = Call::new().await;
    let room = call.asks("alice", "phone", "createRoom", json!({})).await;
    let of_room = json!({ "roomId": room["id"] });
    let invite = json!({ "to": "bob", "roomId": room["id"], "context": {} });
    let invite = call.asks("alice", "phone", "invite", invite).await;
    call.asks("bob", "mobile", "accept", json!({ "inviteId": invite["inviteId"] })).await;
    let events = story::read_all(&*call.author.platform.stores.log).await.unwrap();
    let created = events.iter().rfind(|event| &*event.event_type == "room.created").unwrap();
    let opening = OpeningId::from(created.meta().unwrap().correlation_id.as_str());
    let of = MediaSessionRef {
        id: "alices-media".into(),
        domain: "base".into(),
        room: text(&room["id"]).into(),
        opening: opening.clone(),
        user: "alice".into(),
        session: device("alice", "phone").session,
        node: "media one".to_owned(),
        node_id: None,
    };
    let reports = [
        MediaReport::Connected,
        MediaReport::Flowed(MediaDirection::Received),
        MediaReport::Published("1".to_owned(), MediaSource::Microphone),
        measured(1, 4),
        measured(2, 61),
    ];
    for report in reports {
        call.author.does(ReportMedia { of: of.clone(), report }).await;
    }
    let rule = AlarmRule::parse("loss: ssrc.packetsLost > 2.5%").unwrap();
    let (id, domain, user) = (of.id.clone(), of.domain.clone(), of.user.clone());
    let value = 6.1;
    call.author.does(RaiseCallAlarm { id, domain, opening: opening.clone(), user, rule, value, period: 2 }).await;
    let events = story::read_all(&*call.author.platform.stores.log).await.unwrap();
    let alarm: EventId = events.last().unwrap().event_id;
    let (id, domain, rule) = (of.id.clone(), of.domain.clone(), "loss".to_owned());
    call.author.does(AcknowledgeCallAlarm { id, domain, opening, alarm, rule, by: Some("carol".into()) }).await;
    call.asks("bob", "mobile", "leaveRoom", of_room.clone()).await;
    call.asks("alice", "phone", "leaveRoom", of_room).await;
    call.author.does(ReportMedia { of, report: MediaReport::Ended(MediaEnd::Left) }).await;
    call.author.finished("a-measured-call").await
}

#[tokio::test]
async fn the_measured_call_has_its_quality_and_its_alarm_in_the_rows() {
    let rows = Story::load("a-measured-call").unwrap().rows;
    let media = &rows["media_sessions"][0];
    assert_eq!((&media["measured_ms"], &media["lost_received_sum"]), (&json!(120_000), &json!(65 * 60_000)));
    assert_eq!((&media["lost_sent_weight_ms"], &media["round_trip_weight_ms"]), (&Value::Null, &json!(60_000)));
    assert_eq!(rows["call_alarms"][0]["acknowledged_by"], "carol");
}

#[tokio::test]
async fn the_call_is_told_today_as_it_was_told_then() {
    let (_, dialogue) = a_call().await;
    let file = golden().join("a-call").join("dialogue.txt");
    if std::env::var_os(WRITE_VARIABLE).is_some() {
        std::fs::write(&file, &dialogue).unwrap();
    }
    let then = std::fs::read_to_string(&file).unwrap();
    for (number, (today, then)) in dialogue.lines().zip(then.lines()).enumerate() {
        assert_eq!(today, then, "line {} of dialogue.txt; {WRITE_VARIABLE}=1 writes it anew", number + 1);
    }
    assert_eq!(dialogue.lines().count(), then.lines().count(), "{WRITE_VARIABLE}=1 writes it anew");
}

#[tokio::test]
async fn the_call_has_one_row_in_the_conference_log_of_everybody_who_was_in_it() {
    let rows = Story::load("a-call").unwrap().rows;
    let of = |table: &str| rows[table].as_array().cloned().unwrap_or_default();
    let users: Vec<_> = of("conference_users").iter().map(|row| text(&row["user"]).to_owned()).collect();
    assert_eq!(users, ["alice", "bob", "carol"]);
    assert!(of("participants").iter().all(|row| row["live"] != true), "{:?}", of("participants"));
    assert!(of("invites").iter().all(|row| row["ringing"] != true), "{:?}", of("invites"));
}
