//! Failed log-ins and their alarm (guide §5.1.6.2).

use serde_json::{Value, json};
use wac_api::Network;

use crate::harness::{PASSWORD, World};

impl World {
    /// Somebody tries a wrong password.
    async fn fails(&self, username: &str, headers: &[(&str, &str)]) {
        let body = json!({ "grant_type": "password", "username": username, "password": "wrong" }).to_string();
        self.with_headers("POST", "/sapi/o/token", None, Some(&body), headers).await.expect(400);
    }

    /// Failed log-ins as the log has them, oldest first.
    async fn failures(&self, admin: &str) -> Vec<Value> {
        let events = self.get("/sapi/events?type=login.failed", admin).await.expect(200).json();
        events.as_array().unwrap().clone()
    }

    /// Tries wrong passwords until the alarm is raised; its id.
    pub(crate) async fn alarm_of(&self, username: &str, admin: &str) -> String {
        for _ in 0..self.platform.config.signaling.login.limit_rate_units {
            self.fails(username, &[]).await;
        }
        let alarms = self.get(&self.up_to_date("/sapi/alarms").await, admin).await.expect(200).json();
        alarms[0]["id"].as_str().expect("it was raised").to_owned()
    }
}

#[tokio::test]
async fn a_failed_login_stands_in_the_log_with_where_it_came_from() {
    let world = World::with(|config| {
        config.client_ip_header = "Client-IP-Header".to_owned();
        config.trusted_proxies = vec![Network::parse("127.0.0.0/8").unwrap()];
    })
    .await;
    let admin = world.login("admin").await;
    let headers = [("client-ip-header", "203.0.113.9"), ("user-agent", "Phone/1"), ("x-forwarded-for", "10.0.0.1")];
    world.fails("Alice@demo", &headers).await;
    let failures = world.failures(&admin).await;
    let data = &failures[0]["data"];
    assert_eq!(
        (&data["name"], &data["src"], &data["useragent"]),
        (&json!("Alice"), &json!("203.0.113.9"), &json!("Phone/1"))
    );
    assert_eq!(
        (&data["user"], &data["reason"], &data["count"]),
        (&json!(world.alice), &json!("wrong_password"), &json!(1))
    );
    assert_eq!(failures[0]["domain"], world.demo);
}

#[tokio::test]
async fn the_answer_does_not_tell_whether_there_is_such_a_user_but_the_log_does() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let names = ["alice@demo", "nobody@demo", "alice@nowhere", "a/b"];
    let mut answers = Vec::new();
    for username in names {
        let body = json!({ "grant_type": "password", "username": username, "password": "wrong" });
        answers.push(world.token_request(body).await.expect(400).json());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let failures = world.failures(&admin).await;
    let reasons: Vec<&str> = failures.iter().map(|event| event["data"]["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["wrong_password", "unknown_user", "unknown_user", "unknown_user"]);
    assert_eq!((&failures[2]["data"]["name"], &failures[2]["domain"]), (&json!({}), &json!(world.base)));
    let alice = world.login("alice@demo").await;
    let own = world.get("/sapi/events?type=login.failed", &alice).await.expect(200).json();
    assert_eq!(own, json!([]), "who was tried is for administrators");
}

#[tokio::test]
async fn too_many_failures_raise_one_alarm_and_a_good_login_none() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    for _ in 0..4 {
        world.fails("alice@demo", &[]).await;
    }
    world.login("alice@demo").await;
    let path = world.up_to_date("/sapi/alarms").await;
    assert_eq!(world.get(&path, &admin).await.expect(200).json(), json!([]));
    world.fails("alice@demo", &[]).await;
    world.fails("alice@demo", &[]).await;
    let alarms = world.get(&world.up_to_date("/sapi/alarms").await, &admin).await.expect(200).json();
    let alarm = &alarms[0];
    assert_eq!(alarms.as_array().unwrap().len(), 1, "once for each window");
    assert_eq!(
        (&alarm["type"], &alarm["domain"], &alarm["urgency"]),
        (&json!("login"), &json!("demo"), &json!("medium"))
    );
    assert_eq!(alarm["payload"], json!({ "user": world.alice, "failures": 5, "windowSeconds": 10 }));
    let one = format!("/sapi/alarms/{}", alarm["id"].as_str().unwrap());
    assert_eq!(world.get(&one, &admin).await.expect(200).json(), *alarm);
    for (query, found) in [("domain=demo", 1), ("domain=quobis", 0), ("domain=nowhere", 0), ("limit=1", 1)] {
        let list = world.get(&format!("/sapi/alarms?{query}"), &admin).await.expect(200).json();
        assert_eq!(list.as_array().unwrap().len(), found, "{query}");
    }
    let notice = format!("{one}/acknowledgement");
    assert_eq!(alarm["acknowledged"], Value::Null);
    let noticed = world.call("POST", &notice, &admin, None).await.expect(200).json();
    assert_eq!(noticed["acknowledged"]["by"], world.admin);
    assert_eq!(world.call("POST", &notice, &admin, None).await.expect(200).json(), noticed);
    let events = world.get("/sapi/events?type=login.alarm_acknowledged", &admin).await.expect(200).json();
    assert_eq!((events.as_array().unwrap().len(), &events[0]["data"]["alarm"]), (1, &alarm["id"]));
    let alice = world.login("alice@demo").await;
    world.call("POST", &notice, &alice, None).await.expect_problem(403, "forbidden");
    let about = world.get(&format!("/sapi/alarms?user={}", world.bob), &admin).await.expect(200).json();
    assert_eq!(about, json!([]));
    world.get("/sapi/alarms/nothing", &admin).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn whoever_tries_in_masses_does_not_fill_the_log_and_raises_the_alarm_all_the_same() {
    let world = World::with(|config| config.trusted_proxies = vec![Network::parse("127.0.0.0/8").unwrap()]).await;
    let admin = world.login("admin").await;
    let began = std::time::Instant::now();
    // Every attempt from an address of its own, so that no address has to wait.
    for n in 0..130 {
        world.fails(&format!("x{n}@nowhere"), &[("x-forwarded-for", &format!("198.51.100.{n}"))]).await;
    }
    for _ in 0..6 {
        world.fails("alice@demo", &[("x-forwarded-for", "203.0.113.1")]).await;
    }
    let noted = world.failures(&admin).await.len();
    let most = 100 + 2 * (1 + usize::try_from(began.elapsed().as_secs()).unwrap());
    assert!((100..=most).contains(&noted), "{noted} of 136 are in the log, at most {most} should be");
    let raised = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        loop {
            let alarms = world.get("/sapi/alarms", &admin).await.expect(200).json();
            if let Some(alarm) = alarms.as_array().unwrap().first() {
                return alarm.clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    let alarm = raised.await.expect("what is gathered is noted, those tried most first");
    assert_eq!(alarm["payload"]["user"], world.alice);
    assert!(alarm["payload"]["failures"].as_u64() >= Some(5));
    let good = json!({ "grant_type": "password", "username": "bob@demo", "password": PASSWORD });
    world.token_request(good).await.expect(200);
}
