//! Subscriptions over a real WebSocket.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use wac_api::graphql::OPERATIONS_PER_SOCKET_MAX;

use crate::harness::World;

const PATIENCE: Duration = Duration::from_secs(15);

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn connect(address: SocketAddr) -> Self {
        let mut request = format!("ws://{address}/graphql").into_client_request().expect("a request");
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("text"));
        let (socket, response) = tokio_tungstenite::connect_async(request).await.expect("it upgrades");
        assert_eq!(response.headers()["sec-websocket-protocol"], "graphql-transport-ws");
        Self(socket)
    }

    /// A socket whose token is accepted.
    async fn open(address: SocketAddr, token: &str) -> Self {
        let mut socket = Self::connect(address).await;
        socket
            .send(json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }))
            .await;
        assert_eq!(socket.message().await["type"], "connection_ack");
        socket
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("it is sent");
    }

    async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        self.send(json!({ "id": id, "type": "subscribe", "payload": { "query": query, "variables": variables } }))
            .await;
    }

    async fn frame(&mut self) -> Message {
        loop {
            let frame = timeout(PATIENCE, self.0.next()).await.expect("something comes in time");
            match frame.expect("the socket is open").expect("it is a frame") {
                Message::Ping(_) | Message::Pong(_) => {}
                frame => return frame,
            }
        }
    }

    async fn message(&mut self) -> Value {
        match self.frame().await {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("no text but {other:?}"),
        }
    }

    /// The data of the next `next` message.
    async fn next(&mut self) -> Value {
        let mut message = self.message().await;
        assert_eq!(message["type"], "next", "{message:#}");
        assert!(message["payload"]["errors"].is_null(), "{message:#}");
        message["payload"]["data"].take()
    }

    async fn closed(&mut self) -> CloseFrame {
        loop {
            if let Message::Close(frame) = self.frame().await {
                return frame.expect("it says why");
            }
        }
    }
}

const EVENTS: &str = "subscription($after: Position, $filter: EventConditions! = {}) {
    events(filter: $filter, after: $after) { position type data } }";

async fn rename(world: &World, admin: &str, user: &str, name: &str) -> u64 {
    let body = json!({ "displayName": name });
    world.call("PATCH", &format!("/sapi/users/{user}"), admin, Some(body)).await.expect(200).position()
}

#[tokio::test]
async fn a_subscription_receives_events_in_order_and_resumes_from_a_position() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let address = world.serve().await;
    let filter = json!({ "type": ["user.changed"] });
    let start = world.head().await;
    let mut socket = Socket::open(address, &admin).await;
    socket.subscribe("1", EVENTS, json!({ "filter": filter, "after": start })).await;
    let mut written = Vec::new();
    for round in 0..5 {
        written.push(rename(&world, &admin, &world.bob, &format!("n{round}")).await);
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(socket.next().await["events"]["position"].as_u64().expect("a position"));
    }
    drop(socket);
    written.push(rename(&world, &admin, &world.bob, "last").await);
    let mut socket = Socket::open(address, &admin).await;
    socket.subscribe("again", EVENTS, json!({ "filter": filter, "after": seen.last() })).await;
    while seen.len() < written.len() {
        seen.push(socket.next().await["events"]["position"].as_u64().expect("a position"));
    }
    assert_eq!(seen, written);
    socket.send(json!({ "id": "again", "type": "complete" })).await;
    let done = socket.message().await;
    assert_eq!((&done["type"], &done["id"]), (&json!("complete"), &json!("again")));
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.message().await["type"], "pong");
}

#[tokio::test]
async fn changes_reach_those_who_may_see_the_object_with_what_they_may_see_of_it() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let (alice, carol) = (world.login("alice@demo").await, world.login("carol@quobis").await);
    let address = world.serve().await;
    let query = "subscription($after: Position) { changes(kinds: [USER], after: $after) {
        position id type object { ... on User { displayName email domainName } } } }";
    let after = json!({ "after": world.head().await });
    let mut readers = Vec::new();
    for token in [&admin, &alice, &carol] {
        let mut socket = Socket::open(address, token).await;
        socket.subscribe("1", query, after.clone()).await;
        readers.push(socket);
    }
    rename(&world, &admin, &world.bob, "Bob").await;
    rename(&world, &admin, &world.carol, "Carol").await;
    let seen = readers[0].next().await["changes"].clone();
    assert_eq!((&seen["id"], &seen["object"]["email"]), (&json!(world.bob), &json!("bob@example.test")));
    let seen = readers[1].next().await["changes"].clone();
    assert_eq!(
        (&seen["id"], &seen["object"]["displayName"], &seen["object"]["email"]),
        (&json!(world.bob), &json!("Bob"), &Value::Null)
    );
    // Of another domain's user she hears nothing.
    let seen = readers[2].next().await["changes"].clone();
    assert_eq!((&seen["id"], &seen["object"]["email"]), (&json!(world.carol), &json!("carol@example.test")));
    readers[0].next().await;
    world.call("DELETE", &format!("/sapi/users/{}", world.bob), &admin, None).await.expect(204);
    let gone = readers[0].next().await["changes"].clone();
    assert_eq!((&gone["type"], &gone["object"]), (&json!("user.deleted"), &Value::Null));
}

#[tokio::test]
async fn changes_of_people_in_calls_are_followed_within_the_domain() {
    let world = World::start().await;
    let (alice, bob, carol) =
        (world.login("alice@demo").await, world.login("bob@demo").await, world.login("carol@quobis").await);
    let address = world.serve().await;
    let query = "subscription($after: Position) { changes(kinds: [PRESENCE, USERS_GROUP, SESSION], after: $after) {
        kind id object { ... on Presence { note } ... on UsersGroup { name } ... on Session { id } } } }";
    let after = json!({ "after": world.head().await });
    let (mut near, mut far) = (Socket::open(address, &bob).await, Socket::open(address, &carol).await);
    near.subscribe("1", query, after.clone()).await;
    far.subscribe("1", query, after).await;
    world.call("PUT", "/sapi/presence", &alice, Some(json!({ "note": "lunch" }))).await.expect(200);
    world.post("/sapi/usersGroup", &alice, json!({ "name": "Sales" })).await.expect(201);
    world.call("PUT", "/sapi/presence", &carol, Some(json!({ "note": "mine" }))).await.expect(200);
    let told = near.next().await["changes"].clone();
    assert_eq!((&told["kind"], &told["id"]), (&json!("PRESENCE"), &json!(world.alice)));
    assert_eq!(told["object"]["note"], "lunch");
    let told = near.next().await["changes"].clone();
    assert_eq!((&told["kind"], &told["object"]["name"]), (&json!("USERS_GROUP"), &json!("Sales")));
    let told = far.next().await["changes"].clone();
    assert_eq!(told["id"], world.carol.as_str(), "what happens in another domain is not told");
}

#[tokio::test]
async fn a_socket_without_a_good_token_is_closed() {
    let world = World::start().await;
    let address = world.serve().await;
    for payload in [json!({}), json!({ "authorization": "Bearer nonsense" })] {
        let mut socket = Socket::connect(address).await;
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(u16::from(socket.closed().await.code), 4403);
    }
    let mut early = Socket::connect(address).await;
    early.subscribe("1", EVENTS, json!({})).await;
    assert_eq!(u16::from(early.closed().await.code), 4401);
    let mut broken = Socket::connect(address).await;
    broken.0.send(Message::text("{")).await.expect("it is sent");
    assert!(matches!(u16::from(broken.closed().await.code), 4400 | 4403));
}

#[tokio::test]
async fn what_a_guest_may_not_follow_is_refused_with_its_problem() {
    let world = World::start().await;
    let guest = world.guest("demo").await;
    let address = world.serve().await;
    let mut socket = Socket::open(address, &guest).await;
    socket.subscribe("1", EVENTS, json!({})).await;
    let refused = socket.message().await;
    assert_eq!(refused["payload"]["errors"][0]["extensions"]["status"], 403, "{refused:#}");
    let done = socket.message().await;
    assert_eq!(done["type"], "complete");
    socket.subscribe("2", "{ me { role } }", json!({})).await;
    assert_eq!(socket.next().await["me"]["role"], "ANONYMOUS");
}

#[tokio::test]
async fn a_socket_is_closed_when_its_token_is_revoked() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let alice = world.login("alice@demo").await;
    let address = world.serve().await;
    let mut socket = Socket::open(address, &alice).await;
    world.gql_with(&admin, "mutation($t: String) { revokeToken(token: $t) { id } }", json!({ "t": alice })).await;
    assert_eq!(u16::from(socket.closed().await.code), 4403);
    let mut other = Socket::open(address, &admin).await;
    world.platform.closing.cancel();
    assert_eq!(u16::from(other.closed().await.code), 1001);
}

#[tokio::test]
async fn one_socket_runs_a_bounded_number_of_operations() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let address = world.serve().await;
    let mut socket = Socket::open(address, &admin).await;
    for id in 0..=OPERATIONS_PER_SOCKET_MAX {
        socket.subscribe(&id.to_string(), EVENTS, json!({})).await;
    }
    let refused = socket.message().await;
    assert_eq!(refused["id"], OPERATIONS_PER_SOCKET_MAX.to_string());
    assert_eq!(refused["payload"]["errors"][0]["extensions"]["code"], "too_many_subscriptions", "{refused:#}");
}
