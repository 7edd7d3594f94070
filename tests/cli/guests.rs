//! A guest's account at a gateway goes back to the pool: at once when he leaves, by itself when his time is up.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::{Dev, PATIENCE, directory};

/// The answer to a guest of the demo domain.
fn guest(dev: &Dev) -> (u16, Value) {
    dev.post("/sapi/o/token", None, &json!({ "grant_type": "anonymous", "username": "@demo" }))
}

/// A guest once the pool has an account for him; his access token.
fn admitted(dev: &Dev) -> String {
    let since = Instant::now();
    loop {
        let (status, answer) = guest(dev);
        match answer["access_token"].as_str() {
            Some(token) => return token.to_owned(),
            None => assert_eq!((status, &answer["error"]), (503, &json!("temporarily_unavailable")), "{answer}"),
        }
        assert!(since.elapsed() < PATIENCE, "no account came back");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The account a guest sees, once the rows tell: his.
fn account(dev: &Dev, token: &str) -> String {
    let since = Instant::now();
    loop {
        let (status, list) = dev.get("/sapi/credentials", Some(token));
        assert_eq!(status, 200, "{list}");
        match list.as_array().unwrap().as_slice() {
            [] => assert!(since.elapsed() < PATIENCE, "his account does not show"),
            [one] => return one["id"].as_str().unwrap().to_owned(),
            several => panic!("{several:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_account_of_the_pool_serves_the_next_guest_when_one_leaves_or_stays_away() {
    let directory = directory();
    let dev = Dev::start(&directory.path().join("data"));
    let admin = dev.token("admin@quobis");
    let data = json!({ "username": "u", "userauthname": "u", "password": "p", "authserver": "wss://gw.example" });
    let ims = json!({ "type": "ims", "domain": "demo", "data": data });
    let (status, ims) = dev.post("/sapi/credentials", Some(&admin), &ims);
    assert_eq!(status, 201, "{ims}");

    let first = admitted(&dev);
    assert_eq!(guest(&dev).0, 503, "the pool has one account");
    assert_eq!(dev.post("/sapi/o/revoke", None, &json!({ "token": first })).0, 200);
    let second = admitted(&dev);
    assert_eq!(account(&dev, &second), ims["id"]);
    assert_eq!(dev.post("/sapi/o/revoke", None, &json!({ "token": second })).0, 200);

    // From now on guests have a moment only, and nobody says good-bye.
    let (_, domains) = dev.get("/sapi/domains", Some(&admin));
    let demo = domains.as_array().unwrap().iter().find(|domain| domain["domain"] == "demo").unwrap();
    let path = format!("/sapi/domains/{}", demo["id"].as_str().unwrap());
    assert_eq!(dev.patch(&path, &admin, &json!({ "anonymousExpiration": 4_000 })).0, 200);
    let third = admitted(&dev);
    assert_eq!(guest(&dev).0, 503, "his time is not up");
    let fourth = admitted(&dev);
    assert_eq!(account(&dev, &fourth), ims["id"]);
    assert_eq!(dev.get("/sapi/credentials", Some(&third)).0, 401, "whoever had it before has nothing any more");
}
