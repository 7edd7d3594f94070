//! Sessions, presence, groups, conferences, agents and alarms.

use serde_json::{Value, json};
use wac_commands::Device;
use wac_commands::node::StartNode;
use wac_commands::presence::RegisterDevice;
use wac_commands::room::{CreateRoom, RoomRules};
use wac_events::RoomRef;
use wac_events::room::RoomKind;

use crate::harness::World;

impl World {
    pub(crate) async fn session_id(&self, token: &str) -> String {
        let data = self.gql_now(token, "{ sessions { nodes { id } } }").await;
        data["sessions"]["nodes"][0]["id"].as_str().expect("he is logged in").to_owned()
    }

    /// A user's device gets a socket, and he opens a room.
    pub(crate) async fn opens_room(&self, user: &str, session: &str) -> String {
        let env = &self.platform.env;
        let node: wac_events::NodeId = env.new_uuid().into();
        let device = Device { user: user.into(), session: session.into() };
        self.execute(&StartNode { id: node.clone(), name: "test".to_owned() }).await;
        self.execute(&RegisterDevice { device: device.clone(), node, ringable: true, resumed: false }).await;
        let opening = env.new_uuid().to_string();
        let create = CreateRoom {
            room: RoomRef { domain: self.demo.as_str().into(), id: env.new_uuid().to_string().into() },
            opening: opening.as_str().into(),
            kind: RoomKind::Call,
            by: device,
            acl: Vec::new(),
            record: false,
            rules: RoomRules::default(),
            not_in: None,
        };
        self.execute(&create).await;
        opening
    }

    /// An operation over the state the log has now.
    pub(crate) async fn gql_now(&self, token: &str, query: &str) -> Value {
        let body = json!({ "query": query }).to_string();
        let at = self.head().await.to_string();
        let headers = [("x-wac-min-position", at.as_str())];
        let mut json =
            self.with_headers("POST", "/graphql", Some(token), Some(&body), &headers).await.expect(200).json();
        assert!(json["errors"].is_null(), "{json:#}");
        json["data"].take()
    }
}

#[tokio::test]
async fn everybody_sees_and_ends_his_own_sessions() {
    let world = World::start().await;
    let (alice, admin) = (world.login("alice@demo").await, world.login("admin").await);
    let query =
        "{ sessions { nodes { id userId domainName grant role context { src } registered user { username } } } }";
    let own = world.gql_now(&alice, query).await["sessions"]["nodes"].clone();
    assert_eq!(own.as_array().unwrap().len(), 1);
    assert_eq!((&own[0]["userId"], &own[0]["domainName"]), (&json!(world.alice), &json!("demo")));
    assert_eq!((&own[0]["context"]["src"], &own[0]["user"]["username"]), (&json!("127.0.0.1"), &json!("alice")));
    let all = world.gql_now(&admin, query).await["sessions"]["nodes"].clone();
    assert_eq!(all.as_array().unwrap().len(), 2);
    let of = format!("{{ sessions(filter: {{ domain: \"demo\", user: \"{}\" }}) {{ nodes {{ id }} }} }}", world.alice);
    assert_eq!(world.gql_now(&admin, &of).await["sessions"]["nodes"].as_array().unwrap().len(), 1);
    let id = own[0]["id"].as_str().unwrap();
    let admins =
        world.gql_now(&alice, &format!("{{ session(id: \"{}\") {{ id }} }}", all[1]["id"].as_str().unwrap())).await;
    assert!(admins["session"].is_null() || admins["session"]["id"] == id);
    let refresh = format!(
        "mutation {{ refreshSession(id: \"{id}\", context: {{ platform: \"Linux\" }}) {{ session {{ context {{ platform src }} version }} }} }}"
    );
    let session = world.gql(&alice, &refresh).await["refreshSession"]["session"].clone();
    assert_eq!(session["context"], json!({ "platform": "Linux", "src": "127.0.0.1" }));
    let push = "mutation { setPushToken(input: { token: \"canary\", tokenType: \"fcm\" }) { session { pushType } } }";
    assert_eq!(world.gql(&alice, push).await["setPushToken"]["session"]["pushType"], "fcm");
    world.gql(&alice, "mutation { removePushToken { position replayed } }").await;
    let before = world.head().await;
    world.gql(&admin, &format!("mutation {{ closeSession(id: \"{id}\") {{ id position }} }}")).await;
    world.get("/sapi/sessions", &alice).await.expect_problem(401, "invalid_token");
    let gone = world.gql_now(&admin, &format!("{{ session(id: \"{id}\") {{ id }} }}")).await;
    assert_eq!(gone["session"], Value::Null);
    let then = format!("{{ session(id: \"{id}\", asOf: {{ position: {before} }}) {{ context {{ platform }} }} }}");
    assert_eq!(world.gql(&admin, &then).await["session"]["context"]["platform"], "Linux");
    let history = format!("{{ history(of: {{ kind: SESSION, id: \"{id}\" }}) {{ entries {{ event {{ type }} }} }} }}");
    let entries = world.gql(&admin, &history).await["history"]["entries"].clone();
    assert_eq!(entries[0]["event"]["type"], "session.opened");
}

#[tokio::test]
async fn presence_is_changed_seen_in_the_domain_and_asked_of_the_past() {
    let world = World::start().await;
    let (alice, bob, carol) =
        (world.login("alice@demo").await, world.login("bob@demo").await, world.login("carol").await);
    let change = "mutation { changePresence(input: { activity: \"lunch\", note: \"back soon\" }) { presence { activity note online } } }";
    let presence = world.gql(&alice, change).await["changePresence"]["presence"].clone();
    assert_eq!(presence, json!({ "activity": "lunch", "note": "back soon", "online": false }));
    let at = world.head().await;
    world.gql(&alice, "mutation { changePresence(input: { note: null }) { position } }").await;
    let of = format!("{{ presence(user: \"{}\") {{ activity note userId }} }}", world.alice);
    assert_eq!(world.gql_now(&bob, &of).await["presence"]["note"], Value::Null);
    assert_eq!(world.gql_now(&carol, &of).await["presence"], Value::Null, "another domain's");
    assert_eq!(world.gql_now(&carol, "{ presence { activity } }").await["presence"]["activity"], "unknown");
    let then = format!("{{ presence(user: \"{}\", asOf: {{ position: {at} }}) {{ note }} }}", world.alice);
    assert_eq!(world.gql(&bob, &then).await["presence"]["note"], "back soon");
    let user = format!("{{ user(by: {{ id: \"{}\" }}) {{ presence {{ activity }} }} }}", world.alice);
    assert_eq!(world.gql_now(&bob, &user).await["user"]["presence"]["activity"], "lunch");
    let wrong = "mutation { changePresence(input: { activity: \"levitating\" }) { position } }";
    assert_eq!(world.gql_refused(&alice, wrong, json!({})).await["code"], "validation_failed");
}

#[tokio::test]
async fn groups_are_managed_by_their_owner_as_over_rest() {
    let world = World::start().await;
    let (alice, bob, carol) =
        (world.login("alice@demo").await, world.login("bob@demo").await, world.login("carol").await);
    let create = "mutation { createUsersGroup(name: \"Sales\", idempotencyKey: \"g\") { replayed group { id name participants owner { username } } } }";
    let created = world.gql(&alice, create).await["createUsersGroup"].clone();
    let id = created["group"]["id"].as_str().unwrap().to_owned();
    assert_eq!((&created["replayed"], &created["group"]["owner"]["username"]), (&json!(false), &json!("alice")));
    assert_eq!(world.gql(&alice, create).await["createUsersGroup"]["replayed"], true);
    let add = format!(
        "mutation {{ addUsersGroupParticipant(id: \"{id}\", user: \"{}\") {{ group {{ participants }} }} }}",
        world.bob
    );
    assert_eq!(world.gql_refused(&bob, &add, json!({})).await["code"], "forbidden");
    assert_eq!(world.gql_refused(&carol, &add, json!({})).await["code"], "not_found");
    let both = json!([world.alice, world.bob]);
    assert_eq!(world.gql(&alice, &add).await["addUsersGroupParticipant"]["group"]["participants"], both);
    let at = world.head().await;
    let rename =
        format!("mutation {{ renameUsersGroup(id: \"{id}\", name: \"Support\", ifVersion: 1) {{ position }} }}");
    assert_eq!(world.gql_refused(&alice, &rename, json!({})).await["code"], "precondition_failed");
    let rename = rename.replace("ifVersion: 1", "ifVersion: 2");
    world.gql(&alice, &rename).await;
    let list = "{ usersGroups { nodes { id name } } }";
    assert_eq!(world.gql_now(&bob, list).await["usersGroups"]["nodes"], json!([{ "id": id, "name": "Support" }]));
    assert_eq!(world.gql_now(&carol, list).await["usersGroups"]["nodes"], json!([]));
    let then = format!("{{ usersGroup(id: \"{id}\", asOf: {{ position: {at} }}) {{ name participants }} }}");
    assert_eq!(world.gql(&bob, &then).await["usersGroup"], json!({ "name": "Sales", "participants": both }));
    world.gql(&bob, "mutation { leaveUsersGroups { position } }").await;
    let empty = format!("mutation {{ emptyUsersGroup(id: \"{id}\") {{ group {{ participants }} }} }}");
    assert_eq!(world.gql(&alice, &empty).await["emptyUsersGroup"]["group"]["participants"], json!([world.alice]));
    world.gql(&alice, &format!("mutation {{ deleteUsersGroup(id: \"{id}\") {{ id }} }}")).await;
    assert_eq!(world.gql_now(&alice, list).await["usersGroups"]["nodes"], json!([]));
}

#[tokio::test]
async fn the_conference_log_holds_what_somebody_had_to_do_with() {
    let world = World::start().await;
    let (alice, admin, bob) =
        (world.login("alice@demo").await, world.login("admin").await, world.login("bob@demo").await);
    let session = world.session_id(&alice).await;
    let first = world.opens_room(&world.alice, &session).await;
    // The order is by the millisecond, and two rooms of one come in any order.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    let second = world.opens_room(&world.alice, &session).await;
    let query = "{ conferences(first: 1) { nodes { id state created owner { username } participants { address left } domains } pageInfo { hasNextPage endCursor } } }";
    let page = world.gql_now(&alice, query).await["conferences"].clone();
    let newest = &page["nodes"][0];
    assert_eq!(
        (&newest["id"], &newest["state"], &newest["domains"]),
        (&json!(second), &json!("active"), &json!(["demo"]))
    );
    let seat = json!([{ "address": format!("wac-user:{}", world.alice), "left": null }]);
    assert_eq!((&newest["owner"]["username"], &newest["participants"]), (&json!("alice"), &seat));
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let next = format!(
        "{{ conferences(first: 1, after: {}) {{ nodes {{ id }} pageInfo {{ hasNextPage }} }} }}",
        page["pageInfo"]["endCursor"]
    );
    let page = world.gql_now(&alice, &next).await["conferences"].clone();
    assert_eq!((&page["nodes"], &page["pageInfo"]["hasNextPage"]), (&json!([{ "id": first }]), &json!(false)));
    assert_eq!(world.gql_now(&bob, query).await["conferences"]["nodes"], json!([]));
    let one = format!("{{ conference(id: \"{first}\") {{ id }} }}");
    assert_eq!(world.gql_now(&bob, &one).await["conference"], Value::Null);
    assert_eq!(world.gql_now(&admin, &one).await["conference"]["id"], json!(first));
    let later =
        format!("{{ conferences(filter: {{ domain: \"demo\", after: {} }}) {{ nodes {{ id }} }} }}", newest["created"]);
    assert_eq!(world.gql_now(&admin, &later).await["conferences"]["nodes"], json!([]));
}

#[tokio::test]
async fn agents_alarms_and_reachability_are_asked_under_the_rules_of_rest() {
    let world = World::start().await;
    let (alice, admin, carol) =
        (world.login("alice@demo").await, world.login("admin").await, world.login("carol").await);
    let agent = format!(
        "mutation {{ updateUser(id: \"{}\", input: {{ capabilities: [\"+c2cagent\"] }}) {{ position }} }}",
        world.alice
    );
    world.gql(&admin, &agent).await;
    let session = world.session_id(&alice).await;
    world.opens_room(&world.alice, &session).await;
    let query = "{ agents { nodes { userId state domainName inviteId presence { online } } } }";
    let listed = json!([{ "userId": world.alice, "state": "AVAILABLE", "domainName": "demo", "inviteId": null, "presence": { "online": true } }]);
    assert_eq!(world.gql_now(&admin, query).await["agents"]["nodes"], listed);
    assert_eq!(world.gql_now(&alice, query).await["agents"]["nodes"], listed);
    assert_eq!(world.gql_now(&carol, query).await["agents"]["nodes"], json!([]));
    let reach =
        "{ reachability(address: \"alice@demo\") { reachable errorCode candidates { userId sessionId transport } } }";
    let device = json!([{ "userId": world.alice, "sessionId": session, "transport": "SIGNALING" }]);
    assert_eq!(world.gql_now(&alice, reach).await["reachability"]["candidates"], device);
    assert_eq!(world.gql_now(&carol, reach).await["reachability"], Value::Null);
    for _ in 0..5 {
        let wrong = json!({ "grant_type": "password", "username": "alice@demo", "password": "wrong" });
        world.token_request(wrong).await.expect(400);
    }
    let alarms = "{ loginAlarms { nodes { failures windowSeconds domainName user { username } } } }";
    let raised = json!([{ "failures": 5, "windowSeconds": 10, "domainName": "demo", "user": { "username": "alice" } }]);
    assert_eq!(world.gql_now(&admin, alarms).await["loginAlarms"]["nodes"], raised);
    assert_eq!(world.gql_refused(&alice, alarms, json!({})).await["code"], "forbidden");
}
