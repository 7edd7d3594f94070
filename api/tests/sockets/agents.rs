//! The external agent assigner (guide §6.3.1): calls to `wac-agent` while somebody else picks who takes them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::client::{Client, node};
use crate::harness::World;

/// A server on loopback.
async fn served(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A platform whose agents are picked at `url`; loopback is a private address.
async fn platform(url: String, private: bool) -> World {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    World::with(|config| {
        config.signaling.agents.external_assigner_url = Some(url);
        config.signaling.agents.allow_private_addresses = private;
        config.signaling.agents.timeout = Duration::from_millis(300);
    })
    .await
}

/// Alice calls the pool while Bob is there; Bob, and the answer.
async fn called(world: &World) -> (Client, Value) {
    let address = node(&world.platform).await;
    let bob = Client::qss(address, &world.login("bob@demo").await).await;
    let mut alice = Client::qss(address, &world.login("alice@demo").await).await;
    let room = alice.done("createRoom", json!({})).await["id"].clone();
    let payload =
        json!({ "to": "wac-agent", "roomId": room, "mediatypes": { "audio": true }, "context": { "topic": "bills" } });
    let answer = alice.ask("invite", payload).await;
    (bob, answer)
}

async fn refused(router: Router) {
    let address = served(router).await;
    let world = platform(format!("http://{address}/assign"), true).await;
    let started = Instant::now();
    let (_bob, answer) = called(&world).await;
    assert_eq!(
        (&answer["errorCode"], &answer["error"]["code"]),
        (&json!(480), &json!("agent_unavailable")),
        "{answer}"
    );
    assert!(started.elapsed() < Duration::from_secs(10), "the caller is answered in time");
}

#[tokio::test]
async fn the_agent_that_is_named_rings() {
    let world_bob = Arc::new(std::sync::OnceLock::<String>::new());
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (named, questions) = (world_bob.clone(), asked.clone());
    let assign = move |Json(question): Json<Value>| async move {
        questions.lock().unwrap().push(question);
        Json(json!({ "agentId": named.get() }))
    };
    let address = served(Router::new().route("/assign", post(assign))).await;
    let world = platform(format!("http://{address}/assign"), true).await;
    world_bob.set(world.bob.clone()).unwrap();
    let (mut bob, answer) = called(&world).await;
    assert!(answer["inviteId"].is_string(), "{answer}");
    let ringing = bob.notice("invite").await;
    assert_eq!((&ringing["inviteId"], &ringing["from"]), (&answer["inviteId"], &json!(world.alice)));
    let questions = asked.lock().unwrap().clone();
    assert_eq!((questions.len(), &questions[0]["channelType"]), (1, &json!("voice")));
    assert_eq!(questions[0]["context"], json!({ "topic": "bills" }));
}

#[tokio::test]
async fn an_assigner_that_does_not_answer_keeps_nobody_waiting() {
    refused(Router::new().route("/assign", post(|| async { std::future::pending::<()>().await }))).await;
}

#[tokio::test]
async fn an_answer_that_names_nobody_rings_nobody() {
    let long = "x".repeat(64 * 1024);
    for body in [
        "".to_owned(),
        "null".to_owned(),
        json!({ "agentId": "nobody" }).to_string(),
        json!({ "agentId": long }).to_string(),
    ] {
        refused(Router::new().route("/assign", post(move || async move { body }))).await;
    }
    let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
    refused(Router::new().route("/assign", post(move || async move { status }))).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = reached.clone();
    let inside = served(
        Router::new().route("/inside", post(move || async move { counted.fetch_add(1, Ordering::SeqCst).to_string() })),
    )
    .await;
    let target = format!("http://{inside}/inside");
    refused(Router::new().route("/assign", post(move || async move { axum::response::Redirect::temporary(&target) })))
        .await;
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_not_asked() {
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = reached.clone();
    let assign = move || async move { counted.fetch_add(1, Ordering::SeqCst).to_string() };
    let address = served(Router::new().route("/assign", post(assign))).await;
    let world = platform(format!("http://localhost:{}/assign", address.port()), false).await;
    let (_bob, answer) = called(&world).await;
    assert_eq!(answer["errorCode"], 480, "{answer}");
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}
