//! `GET /sapi/events/stream` over a real connection.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::World;

const PATIENCE: Duration = Duration::from_secs(10);

/// A reader of server-sent events, over HTTP/1.0: the body ends with the connection.
struct Reader {
    connection: TcpStream,
    buffer: String,
}

/// One block of the stream: an event with its id, or a comment.
#[derive(Debug)]
enum Block {
    Event(u64, Value),
    Comment(String),
}

impl Reader {
    async fn open(address: SocketAddr, token: &str, query: &str, last: Option<u64>) -> Self {
        let mut request =
            format!("GET /sapi/events/stream?{query} HTTP/1.0\r\nhost: wac\r\nauthorization: Bearer {token}\r\n");
        if let Some(last) = last {
            request.push_str(&format!("last-event-id: {last}\r\n"));
        }
        let mut connection = TcpStream::connect(address).await.expect("it listens");
        connection.write_all(format!("{request}\r\n").as_bytes()).await.expect("it is sent");
        let mut reader = Self { connection, buffer: String::new() };
        while !reader.buffer.contains("\r\n\r\n") {
            assert!(reader.more().await, "no answer: {}", reader.buffer);
        }
        let (head, body) = reader.buffer.split_once("\r\n\r\n").expect("it is there");
        assert!(head.starts_with("HTTP/1.0 200") && head.contains("content-type: text/event-stream"), "{head}");
        reader.buffer = body.to_owned();
        assert!(matches!(reader.block().await, Some(Block::Comment(text)) if text == "open"));
        reader
    }

    /// The next block; `None` at the stream's end.
    async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                return Some(parse(&block));
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Reads on; `false` at the end.
    async fn more(&mut self) -> bool {
        let mut bytes = [0u8; 4096];
        let read = timeout(PATIENCE, self.connection.read(&mut bytes)).await.expect("something comes in time");
        let count = read.expect("the connection holds");
        self.buffer.push_str(std::str::from_utf8(&bytes[..count]).expect("ASCII"));
        count > 0
    }

    async fn event(&mut self) -> (u64, Value) {
        match self.block().await {
            Some(Block::Event(id, data)) => (id, data),
            other => panic!("no event but {other:?}"),
        }
    }
}

fn parse(block: &str) -> Block {
    if let Some(comment) = block.strip_prefix(':') {
        return Block::Comment(comment.trim().to_owned());
    }
    assert!(!block.contains("event:"), "no event line: {block}");
    let field = |name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)).expect("the field is there").trim().to_owned()
    };
    let data = serde_json::from_str(&field("data:")).expect("JSON");
    Block::Event(field("id:").parse().expect("a position"), data)
}

async fn rename(world: &World, admin: &str, name: &str) -> u64 {
    let path = format!("/sapi/users/{}", world.bob);
    world.call("PATCH", &path, admin, Some(json!({ "displayName": name }))).await.expect(200).position()
}

#[tokio::test]
async fn a_stream_starts_at_the_end_of_the_log_and_resumes_without_loss_or_doubling() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let address = world.serve().await;
    let mut reader = Reader::open(address, &admin, "type=user.changed", None).await;
    let mut written = Vec::new();
    for round in 0..3 {
        written.push(rename(&world, &admin, &format!("a{round}")).await);
    }
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (id, event) = reader.event().await;
        assert_eq!(event["position"], id);
        seen.push(id);
    }
    drop(reader);
    for round in 0..200 {
        written.push(rename(&world, &admin, &format!("b{round}")).await);
    }
    let mut reader = Reader::open(address, &admin, "type=user.changed", seen.last().copied()).await;
    while seen.len() < written.len() {
        seen.push(reader.event().await.0);
    }
    assert_eq!(seen, written);
    let mut all = Reader::open(address, &admin, "after=0", None).await;
    for position in 1..=world.head().await {
        assert_eq!(all.event().await.0, position);
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_token_is_revoked() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let alice = world.login("alice@demo").await;
    let address = world.serve().await;
    let mut reader = Reader::open(address, &alice, "", None).await;
    let path = format!("/sapi/users/{}", world.alice);
    world.call("PATCH", &path, &admin, Some(json!({ "displayName": "Al" }))).await.expect(200);
    assert_eq!(reader.event().await.1["data"]["displayName"], "Al");
    world.gql_with(&admin, "mutation($t: String) { revokeToken(token: $t) { id } }", json!({ "t": alice })).await;
    assert!(matches!(reader.block().await, Some(Block::Comment(text)) if text.contains("token")));
    assert!(reader.block().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let world = World::with(|config| config.access_token_s = 2).await;
    let admin = world.login("admin@quobis").await;
    let address = world.serve().await;
    let mut reader = Reader::open(address, &admin, "type=domain.closing", None).await;
    assert!(matches!(reader.block().await, Some(Block::Comment(text)) if text.contains("token")));
    assert!(reader.block().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_at_shutdown() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let address = world.serve().await;
    let mut reader = Reader::open(address, &admin, "", None).await;
    world.platform.closing.cancel();
    assert!(matches!(reader.block().await, Some(Block::Comment(text)) if text.contains("shuts down")));
    assert!(reader.block().await.is_none());
}

#[tokio::test]
async fn a_position_the_log_has_not_reached_is_refused() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let beyond = world.head().await + 10;
    world.get(&format!("/sapi/events/stream?after={beyond}"), &admin).await.expect_problem(400, "position_unknown");
    let headers = [("last-event-id", "x")];
    world
        .with_headers("GET", "/sapi/events/stream", Some(&admin), None, &headers)
        .await
        .expect_problem(400, "validation_failed");
}
