//! Guests (guide §5.1.5).

use serde_json::{Value, json};

use crate::harness::{Answer, World};

async fn domain_with(world: &World, admin: &str, body: Value) -> Answer {
    world.post("/sapi/domains", admin, body).await.expect(201)
}

async fn guest(world: &World, username: &str, headers: &[(&str, &str)]) -> Answer {
    let body = json!({ "grant_type": "anonymous", "username": username }).to_string();
    world.with_headers("POST", "/sapi/o/token", None, Some(&body), headers).await
}

async fn domain_of(world: &World, answer: &Answer) -> String {
    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    world.get("/sapi/domains", &token).await.expect(200).json()[0]["domain"].as_str().expect("a name").to_owned()
}

/// §5.1.5.2: the domain of the guide's example takes guests of `*.quobis.com` and `quobis`.
#[tokio::test]
async fn a_guest_is_mapped_to_a_domain_by_name_then_pattern_then_page() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let services = json!({ "login": [], "presence": [], "callcontrol": [], "contacts": ["wac", "static"] });
    let body = json!({
        "domain": "demo.quobis.com",
        "parent": "quobis",
        "origins": ["*.quobis.com", "quobis"],
        "enableAnonymous": true,
        "anonymousExpiration": 600_000,
        "anonymousCapabilities": ["-audio-video-call", "+chat"],
        "services": services,
    });
    domain_with(&world, &admin, body).await;
    let by_origin = guest(&world, "@quobis", &[]).await.expect(200);
    assert_eq!(by_origin.json()["expires_in"], 599);
    assert_eq!(domain_of(&world, &by_origin).await, "demo.quobis.com");
    let exact = guest(&world, "@demo", &[]).await.expect(200);
    assert_eq!(domain_of(&world, &exact).await, "demo", "a name comes before every pattern");
    let by_pattern = guest(&world, "@www.quobis.com", &[]).await.expect(200);
    assert_eq!(domain_of(&world, &by_pattern).await, "demo.quobis.com");
    let page = [("origin", "https://shop.quobis.com:8443")];
    let by_page = guest(&world, "@elsewhere", &page).await.expect(200);
    assert_eq!(domain_of(&world, &by_page).await, "demo.quobis.com");
    let nobody = guest(&world, "@elsewhere", &[]).await.expect(400);
    assert_eq!(nobody.json()["error"], "invalid_grant");
    let malformed = guest(&world, "quobis", &[]).await.expect(400);
    assert_eq!(malformed.json()["error"], "invalid_request");

    let token = by_origin.json()["access_token"].as_str().unwrap().to_owned();
    let capabilities = world.get("/sapi/capabilities", &token).await.expect(200).json();
    assert_eq!(capabilities["user"], json!(["-audio-video-call", "+chat"]));
    let effective = capabilities["effective"].as_array().unwrap();
    assert!(effective.iter().any(|name| name == "chat"), "forced although the service is off");
    assert!(!effective.iter().any(|name| name == "meetings"), "limited to the services of the domain");
}

/// §5.1.5.3: a pool of accounts at a gateway; each guest has one.
#[tokio::test]
async fn guests_lease_from_the_pool_until_it_is_exhausted() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let data = json!({
        "username": "alice@quobiscom",
        "userauthname": "123@10.2.3.4",
        "password": "23t6iyb3r5yliu",
        "authserver": "wss://sipowsgw.quobis.com",
        "iceserver": [{ "urls": "turn:158.61.103.18", "credential": "secret", "username": "alice" }],
    });
    let body = json!({ "source": "wac", "type": "ims", "context": {}, "domain": "demo", "data": data, "lease": 0 });
    let credential = world.post("/sapi/credentials", &admin, body).await.expect(201).id();
    let token = world.guest("demo").await;
    let head = world.platform.log.head().await.expect("the log answers").position;
    let path = format!("/sapi/credentials?min_position={head}");
    let leased = world.get(&path, &token).await.expect(200).json();
    assert_eq!((leased[0]["id"].as_str(), &leased[0]["data"]), (Some(credential.as_str()), &data));
    assert!(leased[0]["leasedUntil"].is_i64());

    let exhausted = guest(&world, "@demo", &[]).await.expect(503);
    assert_eq!(exhausted.json()["error"], "temporarily_unavailable");
    assert_eq!(exhausted.header("retry-after"), "30");
}

#[tokio::test]
async fn many_guests_at_once_never_share_a_credential() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let data = json!({ "username": "u", "userauthname": "u", "password": "p", "authserver": "wss://gw.example" });
    for _ in 0..4 {
        let body = json!({ "type": "ims", "domain": "demo", "data": data });
        world.post("/sapi/credentials", &admin, body).await.expect(201);
    }
    let guests = futures::future::join_all((0..8).map(|_| guest(&world, "@demo", &[]))).await;
    let served = guests.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(served, 4, "{guests:?}");
    assert!(guests.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 503)));
    let head = world.platform.log.head().await.expect("the log answers").position;
    let mut seen = std::collections::BTreeSet::new();
    for answer in guests.iter().filter(|answer| answer.status == 200) {
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let list = world.get(&format!("/sapi/credentials?min_position={head}"), &token).await.expect(200).json();
        assert!(seen.insert(list[0]["id"].as_str().expect("one leased").to_owned()));
    }
}
