//! Media nodes without a database beside a node with one: rooms go to them, and away from them.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use xtask::services::Kafka;

use super::caller::Caller;
use super::nodes::{Deployment, Node, PATIENCE};

/// What the nodes of these tests share.
const SECRET: &str = "a-secret-of-tests-alone-and-long-enough";
/// From the death of a media node until the members of its rooms have been told where to go: both are to talk again
/// within 5 s.
const MOVED_MAX: Duration = Duration::from_millis(4_500);

async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// The media nodes that take rooms or are being drained.
async fn media_nodes(node: &Node) -> Vec<Value> {
    let nodes = node.nodes().await;
    nodes.into_iter().filter(|node| node["role"] == "media").collect()
}

/// What is answered at the door of a media node: the first frame behind it.
async fn enters(server: &Value, token: &Value) -> Value {
    let mut request = server["ws"].as_str().unwrap().into_client_request().unwrap();
    let protocols = format!("media, bearer.{}", token.as_str().unwrap());
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let (mut socket, _) = timeout(PATIENCE, connect_async(request)).await.unwrap().unwrap();
    loop {
        // The node pings, too.
        let frame = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        if frame.is_text() {
            return serde_json::from_str(frame.to_text().unwrap()).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rooms_of_a_killed_media_node_go_to_another_and_their_members_are_told_within_seconds() {
    let (deployment, kafka) = (Deployment::start(), Kafka::start().unwrap());
    deployment.make_administrator();
    let brokers = kafka.brokers();
    let shared = [("WAC_KAFKA_BROKERS", brokers.as_str()), ("WAC_MEDIA__SECRET", SECRET)];
    let one = deployment.node_with("one", &shared);
    for name in ["alice", "bob"] {
        deployment.user(&one, name).await;
    }
    let mut alice = Caller::on(&one, "alice").await;
    let early = alice.done("createRoom", json!({})).await;
    assert_eq!(early["media"], json!({ "available": false, "reason": "no media node is running" }));
    assert_eq!((&early["server"], &early["token"]), (&json!({}), &json!("")));

    // A room that was there before any media node gets the first one, and its member is told.
    let mut first = deployment.media_node("m1", &one.http, &shared);
    let told = timeout(PATIENCE, alice.notice("roomUpdated")).await.unwrap();
    assert_eq!(told["server"]["http"], first.http);
    let hello = enters(&told["server"], &told["token"]).await;
    assert_eq!(hello["type"], "hello", "{hello}");
    alice.done("closeRoom", json!({ "roomId": early["id"] })).await;

    let mut second = deployment.media_node("m2", &one.http, &shared);
    until("both take rooms", async || (media_nodes(&one).await.len() == 2).then_some(())).await;
    until("the nodes are ready", async || (first.ready().await && second.ready().await).then_some(())).await;

    // Two rooms, a node each.
    let mut bob = Caller::on(&one, "bob").await;
    let room = alice.done("createRoom", json!({ "acl": ["bob"] })).await;
    let other = bob.done("createRoom", json!({})).await;
    let at = |room: &Value| room["server"]["http"].as_str().unwrap().to_owned();
    assert_ne!(at(&room), at(&other), "the less loaded node gets the second room");
    let joined = bob.done("joinRoom", json!({ "roomId": room["id"] })).await;
    assert_eq!(at(&joined), at(&room));
    assert_eq!(enters(&room["server"], &room["token"]).await["type"], "hello");

    // Its node dies without a word.
    let (dying, left) = if at(&room) == first.http { (&mut first, &second) } else { (&mut second, &first) };
    dying.kill();
    let killed = Instant::now();
    let moved = timeout(PATIENCE, alice.notice("roomUpdated")).await.unwrap();
    let took = killed.elapsed();
    let moved_too = timeout(PATIENCE, bob.notice("roomUpdated")).await.unwrap();
    eprintln!("the members were told {} ms after the kill", took.as_millis());
    assert_eq!((&moved["roomId"], &moved["server"]["http"]), (&room["id"], &json!(left.http)));
    assert_eq!(moved["server"], moved_too["server"]);
    assert_ne!(moved["token"], moved_too["token"], "each device has a token of its own");
    let hello = enters(&moved["server"], &moved["token"]).await;
    let again = enters(&moved_too["server"], &moved_too["token"]).await;
    let whole = killed.elapsed();
    assert_eq!((&hello["type"], &again["type"]), (&json!("hello"), &json!("hello")), "{hello} {again}");
    assert!(took < MOVED_MAX && whole < Duration::from_secs(5), "{took:?}, {whole:?}");

    // The node that is left is drained: nobody is thrown out, and no new room gets it.
    let [node] = &media_nodes(&one).await[..] else { panic!("one media node is left") };
    assert_eq!((&node["media"]["draining"], &node["media"]["rooms"]), (&json!(false), &json!(2)), "{node}");
    assert!(node["lastSeen"].is_i64() && node["media"]["sessions"].is_u64(), "{node}");
    one.drain(node["id"].as_str().unwrap()).await;
    until("it is drained", async || (media_nodes(&one).await[0]["media"]["draining"] == true).then_some(())).await;
    let stays = bob.done("joinRoom", json!({ "roomId": room["id"] })).await;
    assert_eq!(at(&stays), left.http);
    bob.done("leaveRoom", json!({ "roomId": other["id"] })).await;
    let homeless = bob.done("createRoom", json!({})).await;
    assert_eq!(homeless["media"]["available"], false, "{homeless}");
    let third = deployment.media_node("m3", &one.http, &shared);
    let housed = timeout(PATIENCE, bob.notice("roomUpdated")).await.unwrap();
    assert_eq!((&housed["roomId"], &housed["server"]["http"]), (&homeless["id"], &json!(third.http)));

    // It is told to end: its room goes to the new one at once.
    let left = if left.http == first.http { &mut first } else { &mut second };
    left.tell_to_end();
    let moved = timeout(PATIENCE, alice.notice("roomUpdated")).await.unwrap();
    assert_eq!(moved["server"]["http"], json!(third.http));
    assert_eq!(enters(&moved["server"], &moved["token"]).await["type"], "hello");
    assert_eq!(left.ended(), Some(0));
    let assigned = one.events().await.into_iter().filter(|event| event["type"] == "room.media_assigned");
    let of_room: Vec<Value> = assigned.filter(|event| event["data"]["room"] == room["id"]).collect();
    assert_eq!(of_room.len(), 3, "{of_room:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_media_node_outlives_the_absence_of_its_command_endpoint_and_nobody_without_the_secret_speaks_for_one() {
    let (deployment, kafka) = (Deployment::start(), Kafka::start().unwrap());
    deployment.make_administrator();
    let brokers = kafka.brokers();
    let port = xtask::services::free_port().unwrap().to_string();
    let shared = [("WAC_KAFKA_BROKERS", brokers.as_str()), ("WAC_MEDIA__SECRET", SECRET)];
    let fixed = [&shared[..], &[("WAC_HTTP__PORT", port.as_str())]].concat();
    let mut one = deployment.node_at("one", &fixed);
    deployment.user(&one, "alice").await;
    let media = deployment.media_node("m1", &one.http, &shared);
    let before = until("it takes rooms", async || media_nodes(&one).await.pop()).await;
    assert_eq!(one.offer_as("intruder", "another-secret-that-is-long-enough-too").await, 401);
    assert_eq!(one.offer_as("intruder", SECRET).await, 400, "an offer has a body");

    // Longer away than a media node may be silent.
    one.kill();
    until("it is not ready", async || (!media.ready().await).then_some(())).await;
    sleep(Duration::from_secs(4)).await;
    let one = deployment.node_at("one", &fixed);
    until("it is ready again", async || media.ready().await.then_some(())).await;
    let after = media_nodes(&one).await.pop().expect("it is still there");
    assert_eq!(before["id"], after["id"], "it was not given up");
    let mut alice = Caller::on(&one, "alice").await;
    let room = alice.done("createRoom", json!({})).await;
    assert_eq!(room["server"]["http"], json!(media.http));
    assert_eq!(enters(&room["server"], &room["token"]).await["type"], "hello");
}

/// A report of a media session, as media nodes send it.
fn report(number: u32, node: &str, session: &str, what: &Value) -> Value {
    let of = json!({
        "id": session, "domain": "base", "room": "r", "opening": "o", "user": "u", "session": "s",
        "node": "m", "nodeId": node,
    });
    let command = format!("0198a1b2-0000-7000-8000-{number:012}");
    json!([{ "commandId": command, "at": "2026-01-01T00:00:00Z", "of": of, "report": what }])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sessions_of_a_media_node_that_falls_silent_are_lost_once_whoever_finds_out() {
    let (deployment, kafka) = (Deployment::start(), Kafka::start().unwrap());
    deployment.make_administrator();
    let brokers = kafka.brokers();
    let shared = [("WAC_KAFKA_BROKERS", brokers.as_str()), ("WAC_MEDIA__SECRET", SECRET)];
    // Both look for silent nodes, and both react.
    let (one, two) = (deployment.node_with("one", &shared), deployment.node_with("two", &shared));
    let offer = json!({ "name": "m", "server": { "ws": "ws://127.0.0.1:9/media" }, "sessionsMax": 10 });
    for node in ["silent", "well"] {
        assert_eq!(one.as_media_node(node, SECRET, "offer", &offer).await, 200);
    }
    let connected = json!("connected");
    for (number, node, session) in [(1, "silent", "a"), (2, "silent", "b"), (3, "well", "c")] {
        let said = report(number, node, session, &connected);
        assert_eq!(one.as_media_node(node, SECRET, "reports", &said).await, 204);
    }
    let ends = async || -> Vec<Value> {
        one.events().await.into_iter().filter(|event| event["type"] == "media.ended").collect()
    };
    let ended = until("the sessions of the silent node are over", async || {
        assert_eq!(two.as_media_node("well", SECRET, "beat", &json!({ "sessions": 1 })).await, 200);
        let ended = ends().await;
        (ended.len() >= 2).then_some(ended)
    })
    .await;
    let mut streams: Vec<&str> = ended.iter().map(|event| event["stream"].as_str().unwrap()).collect();
    streams.sort_unstable();
    assert_eq!(streams, ["media-a", "media-b"]);
    let events = one.events().await;
    let stopped = events.iter().find(|event| event["type"] == "node.stopped").unwrap();
    for event in &ended {
        assert_eq!(event["data"]["reason"], "lost");
        assert_eq!(event["meta"]["causation_id"], stopped["event_id"], "{event:#}");
    }
    // It is alive after all, and says how they ended.
    for (number, session) in [(4, "a"), (5, "b")] {
        let said = report(number, "silent", session, &json!({ "ended": "left" }));
        assert_eq!(two.as_media_node("silent", SECRET, "reports", &said).await, 204);
    }
    assert_eq!(ends().await.len(), 2);
}
