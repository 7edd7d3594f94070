//! The administration guide's own requests (§5.1 and §5.2.4): host, port, token and ids replaced,
//! typographic errors corrected. What is printed wrongly gets a 400 that names the place.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, World};

/// §5.1.1.4 and §5.2.4.2: a token, by JSON and by a form, with and without the slash at the end.
#[tokio::test]
async fn tokens_are_obtained_as_the_guide_prints_it() {
    let world = World::start().await;
    let body = json!({ "grant_type": "password", "username": "alice@demo", "password": PASSWORD });
    let headers = [("accept", "application/json")];
    let path = "/wac/sapi/o/token/";
    let answer = world.with_headers("POST", path, None, Some(&body.to_string()), &headers).await.expect(200);
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3599);
    assert!(tokens["refresh_token"].is_string());
    let authorization =
        format!("{} {}", tokens["token_type"].as_str().unwrap(), tokens["access_token"].as_str().unwrap());
    let request = [("authorization", authorization.as_str())];
    world.with_headers("GET", "/sapi/domains", None, None, &request).await.expect(200);

    let form = format!("grant_type=password&username=carol&password={PASSWORD}");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    world.with_headers("POST", "/sapi/o/token", None, Some(&form), &headers).await.expect(200);
    let json = format!("{{\n\"grant_type\": \"password\",\n\"username\": \"carol\",\n\"password\": \"{PASSWORD}\"\n}}");
    let headers = [("content-type", "application/json; charset=utf-8")];
    world.with_headers("POST", "/sapi/o/token", None, Some(&json), &headers).await.expect(200);
}

/// §5.1.2.2: the base domain as it is listed.
#[tokio::test]
async fn domains_are_listed_and_read() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let request = [("content-type", "application/json")];
    let list = world.with_headers("GET", "/sapi/domains", Some(&admin), None, &request).await.expect(200).json();
    let base = list.as_array().unwrap().iter().find(|domain| domain["domain"] == "quobis").unwrap().clone();
    assert_eq!(base["parent"], Value::Null);
    assert_eq!(base["origins"], json!([null]));
    assert_eq!(base["enableAnonymous"], false);
    assert_eq!(base["anonymousExpiration"], 0);
    assert_eq!(base["anonymousCapabilities"], json!([]));
    assert_eq!(base["effectiveServices"]["contacts"], json!(["wac", "static", "google"]));
    let one = world.get(&format!("/sapi/domains/{}", world.base), &admin).await.expect(200).json();
    assert_eq!(one, base);
}

/// §5.1.2.3 and §5.1.2.4: a domain is created and replaced.
#[tokio::test]
async fn a_domain_is_created_and_updated() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let services = json!({ "login": [], "presence": [], "callcontrol": [], "contacts": ["wac", "static"] });
    let body = json!({
        "domain": "demo.quobis.com",
        "parent": "quobis",
        "origins": ["demo.quobis.*"],
        "enableAnonymous": true,
        "services": services,
    });
    let created = world.post("/sapi/domains", &admin, body).await.expect(201);
    let id = created.id();
    assert_eq!(created.header("location"), format!("/sapi/domains/{id}"));
    let object = created.json();
    assert_eq!(object["services"], services);
    assert_eq!((object["parent"].as_str(), object["enableAnonymous"].as_bool()), (Some("quobis"), Some(true)));
    assert!(object["services"].get("meetings").is_none(), "an absent service is off");

    let body = json!({
        "domain": "demo.quobis.com",
        "parent": "quobis",
        "origins": ["demo.quobis.com", "showcase.quobis.com"],
        "enableAnonymous": false,
        "services": services,
    });
    let changed = world.call("PUT", &format!("/sapi/domains/{id}"), &admin, Some(body)).await.expect(200).json();
    assert_eq!(changed["origins"], json!(["demo.quobis.com", "showcase.quobis.com"]));
    assert_eq!(changed["enableAnonymous"], false);
    assert_eq!(changed["id"], id.as_str());
}

/// §5.1.3.1 to §5.1.3.3: a user is created, listed, read, replaced and deleted.
#[tokio::test]
async fn a_user_lives_as_the_guide_prints_it() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let body = json!({
        "domain": "quobis",
        "username": "alice",
        "email": "alice@demo.quobis.com",
        "role": "user",
        "capabilities": [],
        "mobilePhone": ["987654321"],
    });
    let created = world.post("/sapi/users", &admin, body.clone()).await.expect(201);
    let id = created.id();
    assert_eq!(created.json()["uri"], format!("wac-user:{id}"));
    assert_eq!(created.json()["mobilePhone"], json!(["987654321"]));
    world.post("/sapi/users", &admin, body).await.expect_problem(409, "username_taken");

    let min = format!("/sapi/users?min_position={}", created.position());
    let list = world.get(&min, &admin).await.expect(200).json();
    assert!(list.as_array().unwrap().iter().any(|user| user["id"] == id.as_str()));
    let one = world.get(&format!("/sapi/users/{id}"), &admin).await.expect(200);
    assert_eq!(one.json(), created.json());

    let body = json!({
        "domain": "quobis",
        "username": "alice",
        "email": "imalice@demo.quobis.com",
        "role": "user",
        "capabilities": [],
        "mobilePhone": ["1111111"],
        "alias": "masterOfTheUniverse",
    });
    let path = format!("/sapi/users/{id}");
    let changed = world.call("PUT", &path, &admin, Some(body)).await.expect(200).json();
    assert_eq!(changed["email"], "imalice@demo.quobis.com");
    assert_eq!(changed["alias"], "masterOfTheUniverse");

    // §5.1.4.3: a capability is forced, another pruned.
    let body = json!({
        "domain": "quobis",
        "username": "alice",
        "email": "imalice@demo.quobis.com",
        "role": "user",
        "capabilities": ["+caller-extra-info", "-chat"],
        "mobilePhone": ["1111111"],
        "alias": "masterOfTheUniverse",
    });
    let changed = world.call("PUT", &path, &admin, Some(body)).await.expect(200).json();
    assert_eq!(changed["capabilities"], json!(["+caller-extra-info", "-chat"]));

    let request = [("content-type", "application/json")];
    world.with_headers("DELETE", &path, Some(&admin), None, &request).await.expect(204);
    world.get(&path, &admin).await.expect_problem(404, "not_found");
}

/// What the guide prints with wrong quotes, without quotes, or with a comma too many.
#[tokio::test]
async fn a_misprinted_sample_is_refused_with_its_place() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let path = format!("/sapi/users/{}", world.alice);
    let quotes = "{\n\"domain\": \"quobis\",\n\"username\": \"alice\",\n\"mobilePhone\": ['1111111']\n}";
    let answer = world.with_headers("PUT", &path, Some(&admin), Some(quotes), &[]).await;
    assert!(answer.expect_problem(400, "malformed_json").text.contains("line 4, column 17"));
    let bare = "{\n\"domain\": \"quobis\",\n\"username\": \"alice\",\n\"capabilities\": [+caller-extra-info, -chat]\n}";
    let answer = world.with_headers("PUT", &path, Some(&admin), Some(bare), &[]).await;
    assert!(answer.expect_problem(400, "malformed_json").text.contains("line 4"));
    let comma = "{\n\"grant_type\": \"anonymous\",\n\"username\": \"@quobis\",\n}";
    let answer = world.with_headers("POST", "/sapi/o/token", None, Some(comma), &[]).await.expect(400);
    assert_eq!(answer.json()["error"], "invalid_request");
    assert!(answer.text.contains("line 4, column 1"), "{answer:?}");
}

/// §5.1.3.4 and §5.1.3.6: a password and a gateway account.
#[tokio::test]
async fn credentials_are_added_as_the_guide_prints_it() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let dave = json!({ "domain": "quobis", "username": "dave", "role": "user" });
    let dave = world.post("/sapi/users", &admin, dave).await.expect(201).id();
    let body = json!({
        "source": "wac", "type": "basic", "context": {}, "domain": "quobis", "user": dave,
        "data": { "password": "qa2" }, "lease": 0,
    });
    let created = world.post("/sapi/credentials", &admin, body.clone()).await.expect(201);
    assert!(created.json().get("data").is_none(), "a password never leaves the server");
    world.post("/sapi/credentials", &admin, body).await.expect_problem(409, "basic_credential_exists");
    let token = world.login("dave").await;

    let data = json!({
        "username": "alice@quobiscom",
        "userauthname": "123@10.2.3.4",
        "password": "23t6iyb3r5yliu",
        "authserver": "wss://sipowsgw.quobis.com",
        "iceserver": [{ "urls": "turn:158.61.103.18", "credential": "secret", "username": "alice" }],
    });
    let body = json!({
        "source": "wac", "type": "ims", "context": {}, "domain": "quobis", "user": dave, "data": data, "lease": 0,
    });
    let created = world.post("/sapi/credentials", &admin, body).await.expect(201);
    assert!(created.json().get("data").is_none(), "a secret is shown to its owner only");
    let path = format!("/sapi/credentials/{}?min_position={}", created.id(), created.position());
    assert_eq!(world.get(&path, &token).await.expect(200).json()["data"], data);
    assert!(world.get(&path, &admin).await.expect(200).json().get("data").is_none());
}

/// §5.1.3.5: a SIP identity.
#[tokio::test]
async fn a_sip_mapping_is_added_as_the_guide_prints_it() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let owner = format!("wac-user:{}", world.alice);
    let body = json!({ "ownerUri": owner, "credential": { "username": "205", "password": "" } });
    let created = world.post("/sapi/sipMappings/", &admin, body.clone()).await.expect(201);
    assert_eq!(created.json()["credential"]["username"], "205");
    world.post("/sapi/sipMappings/", &admin, body).await.expect_problem(409, "sip_identity_taken");
    let query = format!("/sapi/sipMappings?ownerUri={owner}&min_position={}", created.position());
    let list = world.get(&query, &admin).await.expect(200).json();
    assert_eq!(list[0]["ownerUri"], owner.as_str());
    let body = json!({ "ownerUri": "wac-user:nobody", "credential": { "username": "206" } });
    world.post("/sapi/sipMappings", &admin, body).await.expect_problem(404, "not_found");
    let body = json!({ "ownerUri": owner, "credential": { "username": "207", "password": "x" } });
    let changed = world.call("PUT", "/sapi/sipMappings", &admin, Some(body)).await.expect(200);
    assert_eq!(changed.json()["credential"]["username"], "207");
    let path = format!("/sapi/sipMappings?ownerUri={owner}");
    world.call("DELETE", &path, &admin, None).await.expect(204);
    world.call("DELETE", &path, &admin, None).await.expect_problem(404, "not_found");
}

/// §5.1.4.1: the caller's capabilities, in real arrays.
#[tokio::test]
async fn capabilities_are_read() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let path = format!("/sapi/users/{}", world.alice);
    let patch = json!({ "capabilities": ["+c2cagent", "+caller-extra-info", "-chat"] });
    world.call("PATCH", &path, &admin, Some(patch)).await.expect(200);
    let alice = world.login("alice@demo").await;
    let answer = world.get("/sapi/capabilities/", &alice).await.expect(200).json();
    let has = |list: &str, name: &str| answer[list].as_array().unwrap().iter().any(|entry| entry == name);
    assert_eq!(answer["user"], json!(["+c2cagent", "+caller-extra-info", "-chat"]));
    assert!(has("domain", "chat") && has("domain", "callcontrol") && has("domain", "login-token"));
    assert!(has("effective", "c2cagent") && has("effective", "contacts") && !has("effective", "chat"));
}
