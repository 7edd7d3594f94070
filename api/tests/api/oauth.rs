//! The OAuth2 provider.

use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, World};

async fn password(world: &World) -> Value {
    let body = json!({ "grant_type": "password", "username": "alice@demo", "password": PASSWORD });
    let answer = world.token_request(body).await.expect(200);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    answer.json()
}

async fn refused(world: &World, body: Value, status: u16, error: &str) -> Answer {
    let answer = world.token_request(body).await.expect(status);
    assert_eq!(answer.json()["error"], error, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer
}

async fn refresh(world: &World, token: &Value) -> Answer {
    world.token_request(json!({ "grant_type": "refresh_token", "refresh_token": token })).await
}

#[tokio::test]
async fn grants_that_cannot_be_are_refused_as_the_standard_says() {
    let world = World::start().await;
    refused(&world, json!({ "username": "x" }), 400, "invalid_request").await;
    refused(&world, json!({ "grant_type": "password", "username": "x" }), 400, "invalid_request").await;
    refused(&world, json!({ "grant_type": "device_code" }), 400, "unsupported_grant_type").await;
    refused(&world, json!({ "grant_type": "authorization_code" }), 400, "unsupported_grant_type").await;
    refused(&world, json!({ "grant_type": "client_credentials" }), 401, "invalid_client").await;
    for username in ["alice@demo", "nobody@demo", "alice@nowhere", "a/b", "alice"] {
        let body = json!({ "grant_type": "password", "username": username, "password": "wrong" });
        refused(&world, body, 400, "invalid_grant").await;
    }
    let twice = "grant_type=password&grant_type=password";
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    world.with_headers("POST", "/sapi/o/token", None, Some(twice), &headers).await.expect(400);
    let headers = [("content-type", "text/plain")];
    world.with_headers("POST", "/sapi/o/token", None, Some("x"), &headers).await.expect(415);
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_reuse_ends_the_family() {
    let world = World::start().await;
    let first = password(&world).await;
    let access = first["access_token"].as_str().unwrap();
    world.get("/sapi/users", access).await.expect(200);
    let second = refresh(&world, &first["refresh_token"]).await.expect(200).json();
    world.get("/sapi/users", access).await.expect_problem(401, "invalid_token");
    let newer = second["access_token"].as_str().unwrap();
    world.get("/sapi/users", newer).await.expect(200);
    let stolen = refresh(&world, &first["refresh_token"]).await.expect(400);
    assert_eq!(stolen.json()["error"], "invalid_grant");
    world.get("/sapi/users", newer).await.expect_problem(401, "invalid_token");
    refresh(&world, &second["refresh_token"]).await.expect(400);
}

#[tokio::test]
async fn a_revoked_token_stops_working_at_once() {
    let world = World::start().await;
    for kind in ["access_token", "refresh_token"] {
        let tokens = password(&world).await;
        let access = tokens["access_token"].as_str().unwrap();
        world.get("/sapi/users", access).await.expect(200);
        let body = json!({ "token": tokens["access_token"] }).to_string();
        let known = world.with_headers("POST", "/sapi/o/introspect", None, Some(&body), &[]).await.expect(200).json();
        assert_eq!((known["active"].as_bool(), known["sub"].as_str()), (Some(true), Some(world.alice.as_str())));
        let revoke = json!({ "token": tokens[kind] }).to_string();
        world.with_headers("POST", "/sapi/o/revoke", None, Some(&revoke), &[]).await.expect(200);
        let answer = world.get("/sapi/users", access).await.expect_problem(401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="Users", error="invalid_token""#);
        let gone = world.with_headers("POST", "/sapi/o/introspect", None, Some(&body), &[]).await.expect(200).json();
        assert_eq!(gone, json!({ "active": false }));
        world.with_headers("POST", "/sapi/o/revoke", None, Some(&revoke), &[]).await.expect(200);
    }
}

#[tokio::test]
async fn a_deleted_users_token_stops_and_a_demoted_administrator_is_none_any_more() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let alice = world.login("alice@demo").await;
    let path = format!("/sapi/users/{}", world.alice);
    world.get(&path, &alice).await.expect(200);
    let promoted = json!({ "role": "admin" });
    world.call("PATCH", &path, &admin, Some(promoted)).await.expect(200);
    world.get("/sapi/clients", &alice).await.expect(200);
    world.call("PATCH", &path, &admin, Some(json!({ "role": "user" }))).await.expect(200);
    world.get("/sapi/clients", &alice).await.expect_problem(403, "forbidden");
    world.call("DELETE", &path, &admin, None).await.expect(204);
    world.get("/sapi/users", &alice).await.expect_problem(401, "invalid_token");
    let body = json!({ "grant_type": "password", "username": "alice@demo", "password": PASSWORD });
    refused(&world, body, 400, "invalid_grant").await;
}

#[tokio::test]
async fn a_client_uses_the_grants_it_has() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let body =
        json!({ "name": "CRM", "grants": ["client_credentials"], "domain": "demo", "accessTokenExpiration": 60 });
    let created = world.post("/sapi/clients", &admin, body).await.expect(201);
    let client = created.json();
    let (id, secret) = (client["id"].as_str().unwrap(), client["secret"].as_str().unwrap());
    let body = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
    let tokens = world.token_request(body).await.expect(200).json();
    assert!(tokens.get("refresh_token").is_none());
    assert_eq!(tokens["expires_in"], 59);
    let token = tokens["access_token"].as_str().unwrap();
    let users = world.get("/sapi/users", token).await.expect(200).json();
    assert!(users.as_array().unwrap().iter().all(|user| user["domain"] == "demo" && user.get("email").is_none()));
    let wrong = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": "wrong" });
    let answer = refused(&world, wrong, 401, "invalid_client").await;
    assert!(answer.header("www-authenticate").starts_with("Basic"));
    let body = json!({ "grant_type": "password", "username": "alice@demo", "password": PASSWORD, "client_id": id, "client_secret": secret });
    refused(&world, body, 400, "unauthorized_client").await;

    let basic = |id: &str, secret: &str| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
    };
    let form = [("content-type", "application/x-www-form-urlencoded"), ("authorization", &basic(id, secret))];
    let grant = "grant_type=client_credentials";
    world.with_headers("POST", "/sapi/o/token", None, Some(grant), &form).await.expect(200);
    let rotated = world.call("POST", &format!("/sapi/clients/{id}/secret"), &admin, None).await.expect(200).json();
    world.with_headers("POST", "/sapi/o/token", None, Some(grant), &form).await.expect(401);
    let form = [form[0], ("authorization", &basic(id, rotated["secret"].as_str().unwrap()))];
    world.with_headers("POST", "/sapi/o/token", None, Some(grant), &form).await.expect(200);
    let shown = world.get(&format!("/sapi/clients/{id}"), &admin).await.expect(200).json();
    assert!(shown.get("secret").is_none() && !shown.to_string().contains("hash"));
    world.call("DELETE", &format!("/sapi/clients/{id}"), &admin, None).await.expect(204);
    world.get("/sapi/users", token).await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn failed_log_ins_have_to_wait_after_a_while() {
    let world = World::start().await;
    let body = json!({ "grant_type": "password", "username": "alice@demo", "password": "wrong" });
    for _ in 0..wac_api::NAME_FAILURES_MAX {
        refused(&world, body.clone(), 400, "invalid_grant").await;
    }
    let answer = refused(&world, body, 429, "too_many_attempts").await;
    assert_eq!(answer.header("retry-after"), "60");
    world.login("bob@demo").await;
}

#[tokio::test]
async fn a_password_is_changed_by_its_owner() {
    let world = World::start().await;
    let alice = world.login("alice@demo").await;
    let list = world.get("/sapi/credentials?type=basic", &alice).await.expect(200).json();
    let path = format!("/sapi/credentials/{}", list[0]["id"].as_str().unwrap());
    let context = json!({ "type": "basic", "data": { "password": "new one" }, "context": { "x": 1 } });
    world.call("PUT", &path, &alice, Some(context)).await.expect_problem(403, "forbidden");
    let body = json!({ "type": "basic", "data": { "password": "new one" } });
    world.call("PUT", &path, &alice, Some(body)).await.expect(200);
    let old = json!({ "grant_type": "password", "username": "alice@demo", "password": PASSWORD });
    refused(&world, old, 400, "invalid_grant").await;
    let new = json!({ "grant_type": "password", "username": "alice@demo", "password": "new one" });
    world.token_request(new).await.expect(200);
    world.call("DELETE", &path, &alice, None).await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn tokens_do_not_travel_over_plain_http() {
    let world = World::with(|config| config.dev = false).await;
    let body = json!({ "grant_type": "password", "username": "alice@demo", "password": PASSWORD }).to_string();
    let answer = world.with_headers("POST", "/sapi/o/token", None, Some(&body), &[]).await.expect(400);
    assert_eq!(answer.json()["error"], "invalid_request");
    world.get("/sapi/users", "wac_at_x").await.expect_problem(403, "https_required");
    let forged = [("x-forwarded-proto", "https")];
    world.with_headers("POST", "/sapi/o/token", None, Some(&body), &forged).await.expect(400);

    let proxied = World::with(|config| {
        config.dev = false;
        config.trusted_proxies = vec![wac_api::Network::parse("127.0.0.0/8").unwrap()];
    })
    .await;
    let answer = proxied.with_headers("POST", "/sapi/o/token", None, Some(&body), &forged).await.expect(200);
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    proxied.with_headers("POST", "/sapi/o/token", None, Some(&body), &[]).await.expect(400);
}
