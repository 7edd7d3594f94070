//! The rules every request follows.

use std::time::Duration;

use serde_json::{Value, json};
use wac_commands::domain::origin::Pattern;

use crate::harness::World;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn fields_are_refused_by_name_and_all_at_once() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let body = json!({ "username": 7, "role": "king", "colour": "red", "mobilePhone": ["1", 2] });
    let answer = world.post("/sapi/users", &admin, body).await.expect_problem(400, "validation_failed").json();
    let mut pointers: Vec<&str> =
        answer["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/colour", "/mobilePhone/1", "/role", "/username"]);
    assert_eq!(answer["type"], "https://wac.example/docs/problems/validation_failed");
    assert_eq!(answer["instance"], "/sapi/users");
    let own = json!({ "username": "eve", "id": "chosen", "created": 1, "lastLogin": 2 });
    let created = world.post("/sapi/users", &admin, own).await.expect(201).json();
    assert_ne!(created["id"], "chosen", "the server's own fields are ignored");
    assert_eq!((created["role"].as_str(), created["domain"].as_str()), (Some("anonymous"), Some("quobis")));
    world.get("/sapi/users?colour=red", &admin).await.expect_problem(400, "validation_failed");
    world.post("/sapi/users", &admin, json!([1])).await.expect_problem(400, "validation_failed");
}

#[tokio::test]
async fn paths_exist_under_wac_and_with_a_slash_at_the_end() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    for path in ["/sapi/users", "/sapi/users/", "/wac/sapi/users", "/wac/sapi/users/?limit=1"] {
        world.get(path, &admin).await.expect(200);
    }
    for path in ["/wac/livez", "/wac/wac/sapi/users", "/sapi", "/sapi/nothing", "/nothing"] {
        let answer = world.get(path, &admin).await.expect_problem(404, "not_found");
        assert_eq!(answer.json()["instance"], path);
    }
    let answer = world.call("PUT", "/sapi/users/", &admin, None).await.expect_problem(405, "method_not_allowed");
    let allow = answer.header("allow");
    assert!(allow.contains("GET") && allow.contains("POST") && !allow.contains("PUT"), "{allow}");
}

#[tokio::test]
async fn bodies_are_bounded_and_of_a_known_type() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let large = format!("{{\"username\": \"{}\"}}", "x".repeat(1024 * 1024));
    world
        .with_headers("POST", "/sapi/users", Some(&admin), Some(&large), &[])
        .await
        .expect_problem(413, "payload_too_large");
    let headers = [("content-type", "text/plain")];
    let answer = world.with_headers("POST", "/sapi/users", Some(&admin), Some("{}"), &headers).await;
    answer.expect_problem(415, "unsupported_media_type");
    let nul = r#"{"username": "a\u0000b"}"#;
    world.with_headers("POST", "/sapi/users", Some(&admin), Some(nul), &[]).await.expect_problem(400, "malformed_json");
}

#[tokio::test]
async fn an_etag_guards_against_lost_updates() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let path = format!("/sapi/users/{}", world.alice);
    let tag = world.get(&path, &admin).await.expect(200).header("etag").to_owned();
    let patch = r#"{"displayName": "Alice"}"#;
    let headers = [("if-match", tag.as_str()), ("content-type", "application/merge-patch+json")];
    let changed = world.with_headers("PATCH", &path, Some(&admin), Some(patch), &headers).await.expect(200);
    assert_ne!(changed.header("etag"), tag);
    let patch = r#"{"displayName": null, "email": "a@b.test"}"#;
    let stale = world.with_headers("PATCH", &path, Some(&admin), Some(patch), &headers).await;
    stale.expect_problem(412, "precondition_failed");
    let headers = [("if-match", "\"nonsense\"")];
    world.with_headers("DELETE", &path, Some(&admin), None, &headers).await.expect_problem(412, "precondition_failed");
    let headers = [("if-match", changed.header("etag"))];
    let patched = world.with_headers("PATCH", &path, Some(&admin), Some(patch), &headers).await.expect(200).json();
    assert_eq!((&patched["displayName"], patched["email"].as_str()), (&Value::Null, Some("a@b.test")));
    assert_eq!(patched["alias"], "alice-alias", "what a patch does not name stays");
}

#[tokio::test]
async fn a_put_replaces_the_whole_object() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let path = format!("/sapi/users/{}", world.alice);
    let missing = json!({ "username": "alice" });
    let answer = world.call("PUT", &path, &admin, Some(missing)).await.expect_problem(400, "validation_failed");
    assert_eq!(answer.json()["errors"][0]["pointer"], "/domain");
    let body = json!({ "username": "alice", "domain": "demo" });
    let user = world.call("PUT", &path, &admin, Some(body)).await.expect(200).json();
    assert_eq!((user["role"].as_str(), &user["email"]), (Some("anonymous"), &Value::Null));
    assert_eq!(user["alias"], "alice-alias");
}

#[tokio::test]
async fn a_repeated_request_happens_once() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let body = r#"{"username": "eve", "domain": "demo"}"#;
    let key = [("idempotency-key", "k-1")];
    let first = world.with_headers("POST", "/sapi/users", Some(&admin), Some(body), &key).await.expect(201);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    let again = world.with_headers("POST", "/sapi/users", Some(&admin), Some(body), &key).await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(
        (again.text, again.headers.get("location"), again.headers.get("x-wac-position")),
        (first.text.clone(), first.headers.get("location"), first.headers.get("x-wac-position"))
    );
    let other = r#"{"username": "mallory", "domain": "demo"}"#;
    let answer = world.with_headers("POST", "/sapi/users", Some(&admin), Some(other), &key).await;
    answer.expect_problem(422, "idempotency_mismatch");
    let path = format!("/sapi/users/{}", first.id());
    let key = [("idempotency-key", "k-2")];
    for _ in 0..2 {
        world.with_headers("DELETE", &path, Some(&admin), None, &key).await.expect(204);
    }
    world.call("DELETE", &path, &admin, None).await.expect_problem(404, "not_found");
    let answer = world.with_headers("DELETE", &path, Some(&admin), None, &[("idempotency-key", "")]).await;
    answer.expect_problem(400, "validation_failed");
}

#[tokio::test]
async fn many_equal_requests_at_once_make_one_object() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let body = r#"{"username": "eve", "domain": "demo"}"#;
    let key = [("idempotency-key", "same")];
    let calls = (0..8).map(|_| world.with_headers("POST", "/sapi/users", Some(&admin), Some(body), &key));
    let answers = futures::future::join_all(calls).await;
    let mut ids: Vec<String> =
        answers.iter().filter(|answer| answer.status == 201).map(crate::harness::Answer::id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 201 | 409)), "{answers:?}");
}

#[tokio::test]
async fn a_read_waits_for_its_position() {
    let world = World::with(|config| config.read_patience = Duration::from_millis(200)).await;
    let admin = world.login("admin").await;
    world.rows.held.send_replace(true);
    let created = world.post("/sapi/users", &admin, json!({ "username": "eve", "domain": "demo" })).await.expect(201);
    let path = format!("/sapi/users/{}", created.id());
    let header = created.position().to_string();
    let min = [("x-wac-min-position", header.as_str())];
    let behind = world.with_headers("GET", &path, Some(&admin), None, &min).await;
    assert_eq!(behind.expect_problem(503, "not_caught_up").header("retry-after"), "1");
    world.get(&path, &admin).await.expect_problem(503, "not_caught_up");
    world.rows.held.send_replace(false);
    world.with_headers("GET", &path, Some(&admin), None, &min).await.expect(200);
    let beyond = format!("{path}?min_position={}", created.position() + 1_000);
    world.get(&beyond, &admin).await.expect_problem(400, "position_unknown");
    world.get(&format!("{path}?min_position=x"), &admin).await.expect_problem(400, "validation_failed");
}

#[tokio::test]
async fn a_cached_user_is_never_older_than_the_last_answered_change() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let path = format!("/sapi/users/{}", world.alice);
    for round in 0..50 {
        let name = format!("Alice {round}");
        let changed = world.call("PATCH", &path, &admin, Some(json!({ "displayName": name }))).await.expect(200);
        let min = format!("{path}?min_position={}", changed.position());
        assert_eq!(world.get(&min, &admin).await.expect(200).json()["displayName"], name.as_str());
        assert_eq!(world.get(&path, &admin).await.expect(200).json()["displayName"], name.as_str());
    }
    let renamed = json!({ "domain": "renamed", "parent": "quobis" });
    let changed = world.call("PUT", &format!("/sapi/domains/{}", world.demo), &admin, Some(renamed)).await.expect(200);
    let min = format!("{path}?min_position={}", changed.position());
    assert_eq!(world.get(&min, &admin).await.expect(200).json()["domain"], "renamed");
}

#[tokio::test]
async fn lists_are_paged_by_links() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let mut last = 0;
    for n in 0..7 {
        let body = json!({ "username": format!("user-{n}"), "domain": "demo" });
        last = world.post("/sapi/users", &admin, body).await.expect(201).position();
    }
    let mut path = format!("/sapi/users?domain=demo&limit=4&min_position={last}");
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let page = world.get(&path, &admin).await.expect(200);
        seen.extend(page.json().as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(link) = page.headers.get("link") else { break };
        let link = link.to_str().unwrap();
        assert!(link.ends_with("; rel=\"next\""));
        path = link[1..link.find('>').unwrap()].to_owned();
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((pages, count, seen.len()), (3, 9, 9));
    world.get("/sapi/users?limit=0", &admin).await.expect_problem(400, "validation_failed");
    world.get("/sapi/users?limit=1001", &admin).await.expect_problem(400, "validation_failed");
    world.get("/sapi/users?cursor=%20", &admin).await.expect_problem(400, "validation_failed");
}

#[tokio::test]
async fn a_request_leaves_its_marks_in_the_log() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let headers = [("x-request-id", "my-request-7"), ("traceparent", TRACE)];
    let body = r#"{"username": "eve", "domain": "demo"}"#;
    let created = world.with_headers("POST", "/sapi/users", Some(&admin), Some(body), &headers).await.expect(201);
    assert_eq!(created.header("x-request-id"), "my-request-7");
    let stream = format!("user-{}", created.id()).as_str().into();
    let events = world.platform.log.read_stream(&stream, 1, 10).await.expect("the log answers");
    let meta = events[0].meta().expect("it is metadata");
    assert_eq!(meta.correlation_id, "my-request-7");
    assert_eq!(meta.traceparent.as_deref(), Some(TRACE));
    assert_eq!(meta.actor, wac_events::Actor::User(world.admin.clone()));
    let odd = world.with_headers("GET", "/sapi/users", Some(&admin), None, &[("x-request-id", "a b")]).await;
    assert!(odd.header("x-request-id").starts_with("req_"));
    assert_eq!(odd.header("x-content-type-options"), "nosniff");
    assert_eq!(odd.header("cache-control"), "no-store");
}

#[tokio::test]
async fn pages_of_named_origins_may_ask_and_others_may_not() {
    let friends = Pattern::compile(Some("*.friends.example")).unwrap();
    let world = World::with(|config| config.cors_domains = vec![friends]).await;
    let admin = world.login("admin").await;
    let asks = |origin: &'static str| {
        [
            ("origin", origin),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "authorization"),
        ]
    };
    for path in ["/sapi/o/token", "/sapi/users", "/graphql"] {
        let answer = world.with_headers("OPTIONS", path, None, None, &asks("https://app.friends.example")).await;
        let answer = answer.expect(204);
        assert_eq!(answer.header("access-control-allow-origin"), "https://app.friends.example", "{path}");
        assert!(answer.header("access-control-allow-methods").contains("PATCH"));
        assert!(answer.header("access-control-allow-headers").contains("authorization"));
        assert_eq!(answer.header("vary"), "origin");
        let refused = world.with_headers("OPTIONS", path, None, None, &asks("https://evil.example")).await;
        assert!(refused.status != 204 && refused.headers.get("access-control-allow-origin").is_none(), "{refused:?}");
    }
    let (ours, evil) = ([("origin", "http://a.friends.example")], [("origin", "https://evil.example")]);
    let read = world.with_headers("GET", "/sapi/users?limit=1", Some(&admin), None, &ours).await.expect(200);
    assert_eq!(read.header("access-control-allow-origin"), "http://a.friends.example");
    assert!(read.header("access-control-expose-headers").contains("link"));
    let refused = world.with_headers("GET", "/sapi/users", None, None, &ours).await.expect(401);
    assert_eq!(refused.header("access-control-allow-origin"), "http://a.friends.example", "a refusal is read, too");
    let foreign = world.with_headers("GET", "/sapi/users", Some(&admin), None, &evil).await;
    assert!(foreign.headers.get("access-control-allow-origin").is_none(), "{foreign:?}");
}

#[tokio::test]
async fn a_domain_is_removed_when_it_is_empty_or_with_all_that_is_in_it() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let demo = format!("/sapi/domains/{}", world.demo);
    world.call("DELETE", &demo, &admin, None).await.expect_problem(409, "domain_not_empty");
    let base = format!("/sapi/domains/{}", world.base);
    world.call("DELETE", &format!("{base}?cascade=true"), &admin, None).await.expect_problem(409, "base_domain");
    let empty = world.post("/sapi/domains", &admin, json!({ "domain": "empty" })).await.expect(201);
    world.post("/sapi/domains", &admin, json!({ "domain": "Empty" })).await.expect_problem(409, "domain_name_taken");
    world.call("DELETE", &format!("/sapi/domains/{}", empty.id()), &admin, None).await.expect(204);
    world.call("DELETE", &format!("{demo}?cascade=true"), &admin, None).await.expect(202);
    let body = json!({ "username": "late", "domain": "demo" });
    world.post("/sapi/users", &admin, body).await.expect_problem(409, "domain_closing");
    let unknown = json!({ "username": "x", "domain": "nowhere" });
    let answer = world.post("/sapi/users", &admin, unknown).await.expect_problem(400, "validation_failed");
    assert_eq!(answer.json()["errors"][0]["pointer"], "/domain");
}

#[tokio::test]
async fn an_erased_user_is_gone_and_may_be_erased_after_his_deletion() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let alice = format!("/sapi/users/{}", world.alice);
    world.call("DELETE", &alice, &admin, None).await.expect(204);
    world.call("DELETE", &alice, &admin, None).await.expect_problem(404, "not_found");
    world.call("DELETE", &format!("{alice}?erase=true"), &admin, None).await.expect(204);
    let bob = format!("/sapi/users/{}", world.bob);
    world.call("DELETE", &format!("{bob}?erase=true"), &admin, None).await.expect(204);
    world.get(&bob, &admin).await.expect_problem(404, "not_found");
    world.call("DELETE", &format!("{bob}?erase=perhaps"), &admin, None).await.expect_problem(400, "validation_failed");
}

#[tokio::test]
async fn if_match_may_name_several_versions() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let path = format!("/sapi/users/{}", world.alice);
    let patch = |tags: &'static str| {
        let (world, admin, path) = (&world, &admin, &path);
        async move {
            let body = json!({ "alias": tags.len().to_string() }).to_string();
            world.with_headers("PATCH", path, Some(admin), Some(&body), &[("if-match", tags)]).await
        }
    };
    patch("\"99\", \"1\"").await.expect(200);
    patch("\"99\",\"1\"").await.expect_problem(412, "precondition_failed");
    patch("W/\"2\"").await.expect_problem(412, "precondition_failed");
    patch("\"2\" , \"99\"").await.expect(200);
    patch("*").await.expect(200);
    let session = json!({}).to_string();
    let id = world.session_of(&world.admin, &admin).await;
    let path = format!("/sapi/sessions/{id}");
    let several = [("if-match", "\"1\", \"7\"")];
    world.with_headers("PUT", &path, Some(&admin), Some(&session), &several).await.expect(200);
}

#[tokio::test]
async fn a_user_is_found_by_his_name_and_domain() {
    let world = World::start().await;
    let (admin, alice, carol) =
        (world.login("admin").await, world.login("alice@demo").await, world.login("carol").await);
    let found = |query: &'static str, token: &str| {
        let (world, token) = (&world, token.to_owned());
        async move {
            let users = world.get(&format!("/sapi/users?{query}"), &token).await.expect(200).json();
            users
                .as_array()
                .unwrap()
                .iter()
                .map(|user| user["username"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(found("username=ALICE@demo", &admin).await, ["alice"]);
    assert_eq!(found("username=alice@demo&domain=demo", &admin).await, ["alice"]);
    assert_eq!(found("username=bob@demo", &alice).await, ["bob"]);
    for query in
        ["username=alice@quobis", "username=alice@nowhere", "username=alice@demo&domain=quobis", "username=@demo"]
    {
        assert!(found(query, &admin).await.is_empty(), "{query}");
    }
    assert!(found("username=alice@demo", &carol).await.is_empty(), "another domain's users are not seen");
    assert_eq!(found("username=admin", &admin).await, ["admin"]);
}

#[tokio::test]
async fn a_gateway_account_goes_over_tls_outside_development() {
    let data = |server: &str| json!({ "username": "u", "userauthname": "u", "password": "p", "authserver": server });
    let body = |server: &str| json!({ "type": "ims", "domain": "demo", "data": data(server) });
    let world = World::start().await;
    let admin = world.login("admin").await;
    let made = world.post("/sapi/credentials", &admin, body("ws://gw.example")).await.expect(201).id();
    assert!(!made.is_empty());
    let world = World::with(|config| {
        config.dev = false;
        config.trusted_proxies = vec![wac_api::Network::parse("127.0.0.0/8").unwrap()];
    })
    .await;
    let https = [("x-forwarded-proto", "https")];
    let login =
        json!({ "grant_type": "password", "username": "admin", "password": crate::harness::PASSWORD }).to_string();
    let token = world.with_headers("POST", "/sapi/o/token", None, Some(&login), &https).await.expect(200).json();
    let admin = token["access_token"].as_str().unwrap();
    let create = |server: &'static str| {
        let (world, body) = (&world, body(server).to_string());
        async move { world.with_headers("POST", "/sapi/credentials", Some(admin), Some(&body), &https).await }
    };
    let refused = create("ws://gw.example").await.expect_problem(400, "validation_failed").json();
    assert_eq!(
        (&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]),
        (&json!("/data/authserver"), &json!("authserver_insecure"))
    );
    create("ws://127.0.0.1:8080/").await.expect(201);
    let made = create("wss://gw.example").await.expect(201).id();
    let change = json!({ "data": data("ws://gw.example") }).to_string();
    let path = format!("/sapi/credentials/{made}");
    world
        .with_headers("PATCH", &path, Some(admin), Some(&change), &https)
        .await
        .expect_problem(400, "validation_failed");
}
