//! Every route of the OpenAPI document with every kind of token, against an explicit table.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::World;

/// Kinds of token, in the order of the table's columns.
const KINDS: [&str; 9] = ["none", "invalid", "expired", "guest", "member", "stranger", "client", "admin", "owner"];

/// Expected statuses of each operation, aimed at a user, domain, credential … of the domain `demo`.
/// `guest`, `member` (alice, who is not the target) and `client` belong to it, `stranger` does not; `owner` is whose
/// the target is: the user himself, or bob with what is his.
const TABLE: &[(&str, [u16; 9])] = &[
    ("GET /sapi/domains", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("POST /sapi/domains", [401, 401, 401, 403, 403, 403, 403, 201, 403]),
    ("GET /sapi/domains/{id}", [401, 401, 401, 200, 200, 404, 200, 200, 200]),
    ("PUT /sapi/domains/{id}", [401, 401, 401, 403, 403, 404, 403, 200, 403]),
    ("PATCH /sapi/domains/{id}", [401, 401, 401, 403, 403, 404, 403, 200, 403]),
    ("DELETE /sapi/domains/{id}", [401, 401, 401, 403, 403, 404, 403, 409, 403]),
    ("GET /sapi/users", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("POST /sapi/users", [401, 401, 401, 403, 403, 403, 403, 201, 403]),
    ("GET /sapi/users/{id}", [401, 401, 401, 404, 200, 404, 200, 200, 200]),
    ("PUT /sapi/users/{id}", [401, 401, 401, 404, 403, 404, 403, 200, 200]),
    ("PATCH /sapi/users/{id}", [401, 401, 401, 404, 403, 404, 403, 200, 200]),
    ("DELETE /sapi/users/{id}", [401, 401, 401, 404, 403, 404, 403, 204, 403]),
    ("GET /sapi/credentials", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("POST /sapi/credentials", [401, 401, 401, 403, 403, 403, 403, 201, 403]),
    ("GET /sapi/credentials/{id}", [401, 401, 401, 404, 404, 404, 404, 200, 200]),
    ("PUT /sapi/credentials/{id}", [401, 401, 401, 404, 404, 404, 404, 200, 403]),
    ("PATCH /sapi/credentials/{id}", [401, 401, 401, 404, 404, 404, 404, 200, 403]),
    ("DELETE /sapi/credentials/{id}", [401, 401, 401, 404, 404, 404, 404, 204, 403]),
    ("GET /sapi/sipMappings", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("POST /sapi/sipMappings", [401, 401, 401, 403, 403, 403, 403, 201, 403]),
    ("PUT /sapi/sipMappings", [401, 401, 401, 403, 403, 403, 403, 200, 403]),
    ("DELETE /sapi/sipMappings", [401, 401, 401, 403, 403, 403, 403, 204, 403]),
    ("GET /sapi/sipMappings/{id}", [401, 401, 401, 404, 404, 404, 404, 200, 200]),
    ("PUT /sapi/sipMappings/{id}", [401, 401, 401, 404, 404, 404, 404, 200, 403]),
    ("DELETE /sapi/sipMappings/{id}", [401, 401, 401, 404, 404, 404, 404, 204, 403]),
    ("GET /sapi/clients", [401, 401, 401, 403, 403, 403, 403, 200, 403]),
    ("POST /sapi/clients", [401, 401, 401, 403, 403, 403, 403, 201, 403]),
    ("GET /sapi/clients/{id}", [401, 401, 401, 403, 403, 403, 403, 200, 403]),
    ("PUT /sapi/clients/{id}", [401, 401, 401, 403, 403, 403, 403, 200, 403]),
    ("PATCH /sapi/clients/{id}", [401, 401, 401, 403, 403, 403, 403, 200, 403]),
    ("DELETE /sapi/clients/{id}", [401, 401, 401, 403, 403, 403, 403, 204, 403]),
    ("POST /sapi/clients/{id}/secret", [401, 401, 401, 403, 403, 403, 403, 200, 403]),
    ("GET /sapi/capabilities", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET /sapi/events", [401, 401, 401, 403, 200, 200, 403, 200, 200]),
    (STREAM, [401, 401, 401, 403, 200, 200, 403, 200, 200]),
    ("GET /sapi/events/types", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET /sapi/sessions", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET /sapi/sessions/{id}", [401, 401, 401, 404, 404, 404, 404, 200, 200]),
    ("PUT /sapi/sessions/{id}", [401, 401, 401, 404, 404, 404, 404, 200, 200]),
    ("DELETE /sapi/sessions/{id}", [401, 401, 401, 404, 404, 404, 404, 204, 204]),
    ("GET /sapi/pushtokens", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("POST /sapi/pushtokens", [401, 401, 401, 201, 201, 201, 404, 201, 201]),
    ("PUT /sapi/pushtokens", [401, 401, 401, 200, 200, 200, 404, 200, 200]),
    ("DELETE /sapi/pushtokens", [401, 401, 401, 204, 204, 204, 404, 204, 204]),
    ("DELETE /sapi/pushtokens/{id}", [401, 401, 401, 404, 404, 404, 404, 204, 204]),
    ("GET /sapi/presence", [401, 401, 401, 200, 200, 200, 404, 200, 200]),
    ("PUT /sapi/presence", [401, 401, 401, 403, 200, 200, 403, 200, 200]),
    ("GET /sapi/presence/{id}", [401, 401, 401, 404, 200, 404, 200, 200, 200]),
    ("GET /sapi/contacts", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET /sapi/contacts/{id}", [401, 401, 401, 404, 200, 404, 200, 200, 200]),
    ("GET /sapi/usersGroup", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("POST /sapi/usersGroup", [401, 401, 401, 403, 201, 201, 403, 201, 201]),
    ("DELETE /sapi/usersGroup/participations", [401, 401, 401, 403, 204, 204, 403, 204, 204]),
    ("GET /sapi/usersGroup/{id}", [401, 401, 401, 404, 200, 404, 200, 200, 200]),
    ("PUT /sapi/usersGroup/{id}", [401, 401, 401, 404, 403, 404, 403, 200, 200]),
    ("PATCH /sapi/usersGroup/{id}", [401, 401, 401, 404, 403, 404, 403, 200, 200]),
    ("DELETE /sapi/usersGroup/{id}", [401, 401, 401, 404, 403, 404, 403, 204, 204]),
    ("POST /sapi/usersGroup/{id}/participants", [401, 401, 401, 404, 403, 404, 403, 204, 204]),
    ("DELETE /sapi/usersGroup/{id}/participants", [401, 401, 401, 404, 403, 404, 403, 204, 204]),
    ("HEAD /sapi/usersGroup/{id}/participants/{userId}", [401, 401, 401, 404, 204, 404, 204, 204, 204]),
    ("DELETE /sapi/usersGroup/{id}/participations", [401, 401, 401, 404, 403, 404, 403, 204, 204]),
    ("DELETE /sapi/usersGroup/{id}/leave", [401, 401, 401, 404, 404, 404, 403, 404, 204]),
    ("GET /sapi/conferences", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET /sapi/conferences/{id}", [401, 401, 401, 404, 404, 404, 404, 200, 200]),
    ("GET /sapi/conferences/{id}/timeline", [401, 401, 401, 404, 404, 404, 404, 200, 200]),
    ("GET /sapi/reachability/{address}", [401, 401, 401, 404, 200, 404, 200, 200, 200]),
    ("GET /sapi/agents", [401, 401, 401, 200, 200, 200, 200, 200, 200]),
    ("GET /sapi/alarms", [401, 401, 401, 403, 403, 403, 403, 200, 403]),
    ("GET /sapi/alarms/{id}", [401, 401, 401, 403, 403, 403, 403, 200, 403]),
    ("GET /sapi/nodes", [401, 401, 401, 403, 403, 403, 403, 200, 403]),
    ("POST /sapi/nodes/{id}/drain", [401, 401, 401, 403, 403, 403, 403, 404, 403]),
    ("DELETE /sapi/nodes/{id}/drain", [401, 401, 401, 403, 403, 403, 403, 404, 403]),
    ("POST /sapi/alarms/{id}/acknowledgement", [401, 401, 401, 403, 403, 403, 403, 200, 403]),
];

/// The one route whose answer has no end.
const STREAM: &str = "GET /sapi/events/stream";

/// Token endpoints take no access token.
fn elsewhere(path: &str) -> bool {
    path.starts_with("/sapi/o/")
}

struct Targets {
    user: String,
    username: String,
    credential: String,
    mapping: String,
    mapped: String,
    client: String,
    session: String,
    group: String,
    conference: String,
    alarm: String,
}

/// What is bob's: a session for each call, and once a group, and a conference with himself alone in it.
struct Bobs {
    token: String,
    conference: String,
    alarm: String,
}

async fn bobs(world: &World, admin: &str) -> Bobs {
    let token = world.login("bob@demo").await;
    let first = world.device(&world.bob, "bob@demo", admin).await;
    let admins = world.device(&world.admin, "admin", admin).await;
    let (_, conference) = world.call_between(&first, &admins).await;
    let alarm = world.alarm_of("bob@demo", admin).await;
    Bobs { token, conference, alarm }
}

/// Fresh objects in `demo`, so that what one call destroys another does not miss.
async fn targets(world: &World, admin: &str, bobs: &Bobs, operation: &str, n: usize) -> Targets {
    let username = format!("t-{n}");
    let user =
        world.post("/sapi/users", admin, json!({ "username": username, "domain": "demo", "role": "user" })).await;
    let user = user.expect(201).id();
    let body = json!({ "type": "token", "user": user, "data": { "t": 1 } });
    let credential = world.post("/sapi/credentials", admin, body).await.expect(201).id();
    let uri = format!("wac-user:{user}");
    let body = json!({ "ownerUri": uri, "credential": { "username": format!("2{n}") } });
    let mapping = world.post("/sapi/sipMappings", admin, body).await.expect(201).id();
    let client = world
        .post("/sapi/clients", admin, json!({ "name": "t", "domain": "demo", "grants": ["password"] }))
        .await
        .expect(201)
        .id();
    let group = world.post("/sapi/usersGroup", &bobs.token, json!({ "name": "g" })).await.expect(201).id();
    let participants = format!("/sapi/usersGroup/{group}/participants");
    if !operation.starts_with("POST") {
        world.post(&participants, &bobs.token, json!({ "userId": user })).await.expect(204);
    }
    let mut session = String::new();
    if operation.contains("sessions/") || operation.contains("pushtokens/") {
        session = world.device(&world.bob, "bob@demo", admin).await.session.to_string();
    }
    let (conference, alarm) = (bobs.conference.clone(), bobs.alarm.clone());
    Targets { user, username, credential, mapping, mapped: uri, client, session, group, conference, alarm }
}

/// A token of the one whose the target is.
async fn owners_token(world: &World, targets: &Targets, bobs: &Bobs, operation: &str) -> String {
    let bobs_own = ["sessions", "pushtokens", "conferences", "usersGroup", "alarms"];
    if bobs_own.iter().any(|resource| operation.contains(resource)) {
        return bobs.token.clone();
    }
    world.password(&targets.user, &world.demo).await;
    world.login(&format!("{}@demo", targets.username)).await
}

fn request(operation: &str, world: &World, targets: &Targets, n: usize) -> (String, Option<Value>) {
    let (method, path) = operation.split_once(' ').expect("a method and a path");
    let (id, body) = match path.split('/').nth(2).expect("a resource") {
        "domains" => {
            let name = if path.contains('{') { "demo".to_owned() } else { format!("d-{n}") };
            (&world.demo, json!({ "domain": name, "parent": "quobis", "enableAnonymous": true }))
        }
        "users" => {
            let name = if path.contains('{') { format!("t-{n}") } else { format!("n-{n}") };
            (&targets.user, json!({ "username": name, "domain": "demo" }))
        }
        "credentials" => {
            let body = json!({ "type": "token", "user": targets.user, "data": { "t": 2 } });
            (&targets.credential, body)
        }
        "sipMappings" => {
            let identity = if method == "POST" { format!("9{n}") } else { format!("3{n}") };
            (&targets.mapping, json!({ "ownerUri": targets.mapped, "credential": { "username": identity } }))
        }
        "sessions" => (&targets.session, json!({ "context": { "platform": "Linux" } })),
        "pushtokens" => (&targets.session, json!({ "token": "t", "tokenType": "fcm" })),
        "presence" => (&targets.user, json!({ "activity": "away" })),
        "contacts" => (&targets.user, Value::Null),
        "conferences" => (&targets.conference, Value::Null),
        "reachability" => (&targets.mapped, Value::Null),
        "alarms" => (&targets.alarm, Value::Null),
        "usersGroup" if path.ends_with("/participants") => (&targets.group, json!({ "userId": targets.user })),
        "usersGroup" => (&targets.group, json!({ "name": "renamed" })),
        "clients" => (&targets.client, json!({ "name": "renamed", "grants": ["password"] })),
        _ => (&world.demo, Value::Null),
    };
    let takes_out = operation == "DELETE /sapi/usersGroup/{id}/participants";
    let mut path = path.replace("{id}", id).replace("{address}", id).replace("{userId}", &targets.user);
    if operation == "DELETE /sapi/sipMappings" {
        path.push_str(&format!("?ownerUri={}", targets.mapped));
    }
    let sends = takes_out || matches!(method, "POST" | "PUT" | "PATCH") && !path.ends_with("/secret");
    (path, sends.then_some(body))
}

#[tokio::test]
async fn every_route_answers_every_kind_of_token_as_the_table_says() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let client = json!({ "name": "c", "grants": ["client_credentials"], "domain": "demo" });
    let client = world.post("/sapi/clients", &admin, client).await.expect(201).json();
    let body =
        json!({ "grant_type": "client_credentials", "client_id": client["id"], "client_secret": client["secret"] });
    let client = world.token_request(body).await.expect(200).json()["access_token"].as_str().unwrap().to_owned();
    let short = json!({ "name": "short", "grants": ["client_credentials"], "accessTokenExpiration": 1 });
    let short = world.post("/sapi/clients", &admin, short).await.expect(201).json();
    let body =
        json!({ "grant_type": "client_credentials", "client_id": short["id"], "client_secret": short["secret"] });
    let expired = world.token_request(body).await.expect(200).json()["access_token"].as_str().unwrap().to_owned();
    let ended = tokio::time::timeout(Duration::from_secs(10), async {
        while world.get("/sapi/capabilities", &expired).await.status == 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    ended.await.expect("a token of one second ends within ten");
    let tokens: BTreeMap<&str, Option<String>> = BTreeMap::from([
        ("none", None),
        ("invalid", Some("wac_at_nonsense".to_owned())),
        ("expired", Some(expired)),
        ("guest", Some(world.guest("demo").await)),
        ("member", Some(world.login("alice@demo").await)),
        ("stranger", Some(world.login("carol").await)),
        ("client", Some(client)),
        ("admin", Some(admin.clone())),
    ]);

    let document = wac_api::openapi_document("");
    let mut described: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys().map(|method| method.to_uppercase());
        described.extend(methods.filter(|_| !elsewhere(path)).map(|method| format!("{method} {path}")));
    }
    described.sort();
    let mut listed: Vec<String> = TABLE.iter().map(|(operation, _)| (*operation).to_owned()).collect();
    listed.sort();
    assert_eq!(described, listed, "the table and the document name the same operations");

    let bobs = bobs(&world, &admin).await;
    let mut wrong = Vec::new();
    let mut n = 0;
    for (operation, expected) in TABLE {
        for (kind, expected) in KINDS.iter().zip(expected) {
            n += 1;
            let targets = targets(&world, &admin, &bobs, operation, n).await;
            let head = world.platform.log.head().await.expect("the log answers").position;
            world.get(&format!("/sapi/capabilities?min_position={head}"), &admin).await.expect(200);
            let (path, body) = request(operation, &world, &targets, n);
            let method = operation.split_once(' ').unwrap().0;
            let body = body.map(|body| body.to_string());
            let owner = match *kind {
                "owner" => Some(owners_token(&world, &targets, &bobs, operation).await),
                _ => None,
            };
            let token = owner.as_deref().or_else(|| tokens.get(kind)?.as_deref());
            let status = match *operation {
                STREAM => world.opened(&path, token).await,
                _ => world.with_headers(method, &path, token, body.as_deref(), &[]).await.status,
            };
            if status.as_u16() != *expected {
                wrong.push(format!("{operation} as {kind}: expected {expected}, got {status}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
