//! Reachability, and the agents' pool.

use serde_json::{Value, json};
use wac_commands::Device;
use wac_commands::node::StartNode;
use wac_commands::presence::RegisterDevice;

use crate::harness::World;

impl World {
    /// A user's device gets a signaling socket.
    async fn registers(&self, device: &Device) {
        let node: wac_events::NodeId = self.platform.env.new_uuid().into();
        self.execute(&StartNode { id: node.clone(), name: "test".to_owned() }).await;
        self.execute(&RegisterDevice { device: device.clone(), node, ringable: true, resumed: false }).await;
    }

    async fn becomes_agent(&self, user: &str, admin: &str) {
        let patch = json!({ "capabilities": ["+c2cagent"] });
        self.call("PATCH", &format!("/sapi/users/{user}"), admin, Some(patch)).await.expect(200);
    }

    async fn reach(&self, address: &str, token: &str) -> Value {
        self.get(&format!("/sapi/reachability/{address}"), token).await.expect(200).json()
    }
}

#[tokio::test]
async fn reachability_names_the_devices_that_would_ring() {
    let world = World::start().await;
    let (admin, alice) = (world.login("admin").await, world.login("alice@demo").await);
    let bobs = world.device(&world.bob, "bob@demo", &admin).await;
    let nobody = world.reach("bob", &alice).await;
    assert_eq!((&nobody["reachable"], &nobody["errorCode"]), (&json!(false), &json!(404)));
    assert_eq!(nobody["unreached"], json!([{ "userId": world.bob, "reason": "no_device" }]));
    world.registers(&bobs).await;
    let bob = format!("wac-user:{}", world.bob);
    for address in ["bob", "BOB@demo", &bob] {
        let reach = world.reach(address, &alice).await;
        assert_eq!((&reach["address"], &reach["reachable"]), (&json!(address), &json!(true)));
        assert_eq!(reach["errorCode"], Value::Null);
        let device = json!({ "userId": world.bob, "sessionId": null, "transport": "signaling" });
        assert_eq!(reach["candidates"], json!([device]), "which session it is concerns him alone");
    }
    for token in [&admin, &world.login("bob@demo").await] {
        let reach = world.reach(&bob, token).await;
        assert_eq!(reach["candidates"][0]["sessionId"], json!(bobs.session));
    }
    let here = world.get("/sapi/reachability/bob?domain=demo", &admin).await.expect(200).json();
    assert_eq!(here["reachable"], true);
    world.get("/sapi/reachability/bob", &admin).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn nobody_asks_after_another_domain() {
    let world = World::start().await;
    let (carol, guest) = (world.login("carol").await, world.guest("demo").await);
    let (alice, bob) = (world.login("alice@demo").await, world.login("bob@demo").await);
    let group = world.post("/sapi/usersGroup", &alice, json!({ "name": "Sales" })).await.expect(201).json();
    let group = group["uri"].as_str().unwrap();
    assert_eq!(world.reach(group, &bob).await["unreached"][0]["userId"], json!(world.alice));
    for address in ["bob@demo", group, &format!("wac-user:{}", world.bob), "nobody", "wac-group:x", "a%2Fb", "%00"] {
        world.get(&format!("/sapi/reachability/{address}"), &carol).await.expect_problem(404, "not_found");
        world.get(&format!("/sapi/reachability/{address}"), &guest).await.expect_problem(404, "not_found");
    }
    world.get("/sapi/reachability/wac-agent?domain=demo", &carol).await.expect_problem(404, "not_found");
    world.get("/sapi/reachability/wac-agent", &guest).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn agents_are_listed_with_what_they_are_up_to() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    for user in [&world.alice, &world.bob, &world.carol] {
        world.becomes_agent(user, &admin).await;
    }
    let alices = world.device(&world.alice, "alice@demo", &admin).await;
    world.registers(&alices).await;
    let list = world.get(&world.up_to_date("/sapi/agents?domain=demo").await, &admin).await.expect(200).json();
    let (alice, bob) = (json!(world.alice), json!(world.bob));
    let agents = list.as_array().unwrap();
    // Two that were made in one millisecond come in any order.
    let of = |user: &Value| agents.iter().find(|agent| agent["user"] == *user).unwrap();
    assert_eq!((agents.len(), &of(&alice)["state"]), (2, &json!("available")));
    assert_eq!((&of(&bob)["state"], &of(&bob)["domain"]), (&json!("offline"), &json!("demo")));
    assert_eq!(of(&alice)["inviteId"], Value::Null);
    let token = world.login("alice@demo").await;
    let away = json!({ "activity": "lunch" });
    world.call("PUT", "/sapi/presence", &token, Some(away)).await.expect(200);
    let own = world.get(&world.up_to_date("/sapi/agents").await, &token).await.expect(200).json();
    assert_eq!(own.as_array().unwrap().len(), 1, "he sees himself");
    assert_eq!((&own[0]["user"], &own[0]["state"], &own[0]["activity"]), (&alice, &json!("away"), &json!("lunch")));
    let reach = world.reach("wac-agent", &token).await;
    assert_eq!((&reach["reachable"], &reach["errorCode"]), (&json!(false), &json!(480)));
    let back = json!({ "activity": "available" });
    world.call("PUT", "/sapi/presence", &token, Some(back)).await.expect(200);
    let reach = world.get(&world.up_to_date("/sapi/reachability/wac-agent").await, &token).await.expect(200).json();
    assert_eq!(reach["candidates"][0]["userId"], alice);
    let page = world.get("/sapi/agents?limit=1", &admin).await.expect(200);
    assert!(page.header("link").contains("rel=\"next\""));
}

#[tokio::test]
async fn a_pool_that_is_off_reaches_nobody() {
    let world = World::with(|config| config.signaling.agents.enabled = false).await;
    let admin = world.login("admin").await;
    world.becomes_agent(&world.alice, &admin).await;
    let alices = world.device(&world.alice, "alice@demo", &admin).await;
    world.registers(&alices).await;
    let reach = world.get("/sapi/reachability/wac-agent?domain=demo", &admin).await.expect(200).json();
    assert_eq!((&reach["reachable"], &reach["candidates"]), (&json!(false), &json!([])));
}
