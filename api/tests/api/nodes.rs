//! The processes of the deployment, and draining them.

use serde_json::{Value, json};
use wac_commands::node::{OfferMedia, StartNode};

use crate::harness::World;

async fn media_node(world: &World, admin: &str) -> Value {
    let nodes = world.get("/sapi/nodes", admin).await.expect(200).json();
    let nodes = nodes.as_array().unwrap();
    nodes.iter().find(|node| node["id"] == "m1").unwrap_or_else(|| panic!("{nodes:?}")).clone()
}

#[tokio::test]
async fn an_administrator_sees_the_nodes_and_drains_one_that_serves_media() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    world.execute(&StartNode { id: "n1".into(), name: "left".to_owned() }).await;
    let server = [("wss".to_owned(), "wss://m1.example/media".to_owned())].into();
    world.execute(&OfferMedia { id: "m1".into(), name: "right".to_owned(), server, sessions_max: 10 }).await;
    let media = json!({
        "server": { "wss": "wss://m1.example/media" }, "sessionsMax": 10, "sessions": null, "rooms": 0, "seats": 0,
        "draining": false,
    });
    let node = media_node(&world, &admin).await;
    assert_eq!((&node["name"], &node["role"], &node["media"]), (&json!("right"), &json!("media"), &media));
    assert!(node["startedAt"].is_i64() && node["lastSeen"].is_null(), "{node}");

    let drained = world.post("/sapi/nodes/m1/drain", &admin, Value::Null).await.expect(204);
    assert!(drained.position() > 0);
    assert_eq!(media_node(&world, &admin).await["media"]["draining"], true);
    world.call("DELETE", "/sapi/nodes/m1/drain", &admin, None).await.expect(204);
    assert_eq!(media_node(&world, &admin).await["media"]["draining"], false);
    world.post("/sapi/nodes/n1/drain", &admin, Value::Null).await.expect(404);
}
