//! Who is let in, and what he is told first.

use serde_json::json;
use wac_commands::domain::origin::Pattern;

use crate::client::{Client, How, PATIENCE, node, open, serve};
use crate::harness::World;

#[tokio::test]
async fn a_socket_is_greeted_with_its_session_and_the_limits() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let client = Client::qss(address, &world.login("alice@demo").await).await;
    let hello = &client.hello;
    assert_eq!(hello["userId"], world.alice.as_str());
    assert_eq!((&hello["protocol"], &hello["resumed"]), (&json!(1), &json!(false)));
    assert_eq!(hello["node"], world.platform.node_id().as_str());
    assert_eq!(hello["limits"]["maxFrame"], 65_536);
    assert_eq!(hello["position"].as_u64(), Some(client.position));
}

#[tokio::test]
async fn both_ports_take_both_ways_of_sending_the_token() {
    let world = World::start().await;
    let public = node(&world.platform).await;
    let signaling = serve(wac_api::signaling_router(world.platform.clone())).await;
    let token = world.login("alice@demo").await;
    let header = vec![("authorization", format!("Bearer {token}"))];
    for (address, path) in [(public, "/qss"), (public, "/wapi"), (signaling, "/"), (signaling, "/wapi")] {
        let how = How { path, headers: header.clone(), ..How::default() };
        Client::connect(address, how).await;
    }
    Client::connect(signaling, How::browser("/", "jt", &token)).await;
    Client::wapi(public, &token).await;
}

#[tokio::test]
async fn a_bad_token_is_refused_at_the_upgrade() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    assert_eq!(open(address, How::browser("/qss", "jt", "nonsense")).await.err(), Some(401));
    assert_eq!(open(address, How { path: "/qss", ..How::default() }).await.err(), Some(401));
    let in_query = format!("/qss?access_token={token}");
    let how = How { path: &in_query, protocols: vec!["jt".to_owned()], headers: Vec::new() };
    assert_eq!(open(address, how).await.err(), Some(401), "a token in the query is not looked at");
    world.call("POST", "/sapi/o/revoke", &token, Some(json!({ "token": token }))).await;
    assert_eq!(open(address, How::browser("/wapi", "wapi", &token)).await.err(), Some(401));
}

#[tokio::test]
async fn a_token_that_has_expired_is_refused_at_the_upgrade() {
    let world = World::with(|config| config.access_token_s = 1).await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let until = tokio::time::Instant::now() + PATIENCE;
    for (path, protocol) in [("/qss", "jt"), ("/wapi", "wapi")] {
        while let Ok(socket) = open(address, How::browser(path, protocol, &token)).await {
            drop(socket);
            assert!(tokio::time::Instant::now() < until, "it goes on opening sockets");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(open(address, How::browser(path, protocol, &token)).await.err(), Some(401));
    }
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_is_refused() {
    let friends = Pattern::compile(Some("*.friends.example")).unwrap();
    let world = World::with(|config| config.cors_domains = vec![friends]).await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    let from =
        |origin: &str| How { headers: vec![("origin", origin.to_owned())], ..How::browser("/qss", "jt", &token) };
    for origin in ["https://wac.example", "https://our.friends.example", &format!("http://{address}")] {
        assert!(open(address, from(origin)).await.is_ok(), "{origin}");
    }
    for origin in ["https://evil.example", "null", "https://wac.example.evil.example"] {
        assert_eq!(open(address, from(origin)).await.err(), Some(403), "{origin}");
    }
}

#[tokio::test]
async fn a_protocol_nobody_speaks_and_a_position_that_is_none_are_refused() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let token = world.login("alice@demo").await;
    assert_eq!(open(address, How::browser("/qss", "wapi", &token)).await.err(), Some(400));
    assert_eq!(open(address, How::browser("/wapi", "chat", &token)).await.err(), Some(400));
    assert_eq!(open(address, How::browser("/qss?position=-1", "jt", &token)).await.err(), Some(400));
    let plain = world.get("/qss", &token).await;
    assert_eq!(plain.status, 426, "what is no upgrade is told so");
}

#[tokio::test]
async fn a_token_of_a_client_opens_no_socket() {
    let world = World::start().await;
    let address = node(&world.platform).await;
    let admin = world.login("admin@quobis").await;
    let client = json!({ "name": "crm", "grants": ["client_credentials"], "domain": "demo", "redirectUris": [] });
    let client = world.post("/sapi/clients", &admin, client).await.expect(201).json();
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": client["id"],
        "client_secret": client["secret"],
    });
    let token = world.token_request(body).await.expect(200).json();
    let token = token["access_token"].as_str().unwrap();
    assert_eq!(open(address, How::browser("/qss", "jt", token)).await.err(), Some(403));
}
