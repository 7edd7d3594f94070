//! The real program with PostgreSQL and a Kafka that comes late: what it was told meanwhile gets there, once and in
//! order, through a kill; and an erased person is nowhere.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::services::Kafka;

use super::databases::PostgresDatabase;
use super::support::{Dev, block_on, client, directory, wac};

/// In everything that is the erased person's own.
const CANARY: &str = "Kanarienvogel-k4Wz81";
/// How long Kafka may take to be reached again: pauses of the relay, and the lease of a killed one.
const PATIENCE: Duration = Duration::from_secs(300);

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < PATIENCE, "{what} did not happen within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// How far `/metrics` says Kafka is behind, in events.
fn lag(dev: &Dev) -> u64 {
    let url = format!("{}/metrics", dev.http());
    let metrics = block_on(async { client().get(url).send().await.unwrap().text().await.unwrap() });
    let line = metrics.lines().find(|line| line.contains("kafka_relay")).unwrap_or_else(|| panic!("{metrics}"));
    line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64
}

fn all_relayed(dev: &Dev) {
    let mut told = String::new();
    eventually("relaying everything", || {
        let now = dev.get("/readyz", None).1["checks"]["kafka_relay"]["detail"].to_string();
        if now != told {
            println!("the relay: {now}");
            told = now;
        }
        told == r#""connected, 0 events behind""#
    });
}

/// What the documented consumer prints of all topics, ordered by position; or what it says is wrong.
fn consume(kafka: &Kafka) -> Result<(String, Vec<Value>), String> {
    let script = xtask::repository().join("docs/examples/consumer.py");
    let mut command = Command::new(xtask::python::for_tests().unwrap());
    command.arg(script).args([&kafka.brokers(), "--group", "everything", "--until-end"]);
    let output = command.output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let mut events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    events.sort_by_key(|event| event["position"].as_u64());
    Ok((text, events))
}

/// A person full of canaries, with a SIP identity; his id.
fn person(dev: &Dev, token: &str) -> String {
    let user = json!({ "username": CANARY, "domain": "demo", "role": "user", "email": format!("{CANARY}@example.org"),
        "alias": CANARY, "displayName": CANARY });
    let (status, user) = dev.post("/sapi/users", Some(token), &user);
    assert_eq!(status, 201, "commands go on without Kafka: {user}");
    let id = user["id"].as_str().unwrap().to_owned();
    let credential = json!({ "type": "sip-mapping", "source": "wac", "domain": "demo", "user": id, "lease": 0,
        "context": { "note": CANARY }, "data": { "username": "sip:205@example.org", "password": CANARY } });
    assert_eq!(dev.post("/sapi/credentials", Some(token), &credential).0, 201);
    id
}

/// Everything an administrator can read of events.
fn events(dev: &Dev, token: &str) -> String {
    let (status, events) = dev.get("/sapi/events?limit=1000", Some(token));
    assert_eq!(status, 200, "{events}");
    events.to_string()
}

fn contains_canary(text: &str) -> bool {
    text.to_lowercase().contains(&CANARY.to_lowercase())
}

#[test]
fn a_late_kafka_gets_everything_once_and_nothing_of_an_erased_person() {
    let (home, database) = (directory(), PostgresDatabase::create("kafka"));
    let mut kafka = Kafka::start().unwrap();
    let brokers = kafka.brokers();
    kafka.stop().unwrap();
    let variables = [("WAC_DATABASE_URL", database.url.as_str()), ("WAC_KAFKA_BROKERS", brokers.as_str())];
    let dev = Dev::start_in(home.path(), &variables);
    let admin = dev.token("admin@quobis");
    let id = person(&dev, &admin);
    eventually("a lag that shows that Kafka is away", || lag(&dev) > 10);
    assert_eq!(dev.get("/readyz", None).0, 200, "requests do not depend on Kafka");
    assert!(contains_canary(&events(&dev, &admin)), "there is something to erase");

    kafka.restart().unwrap();
    all_relayed(&dev);
    // Killed with `kill -9`, relay and all.
    drop(dev);
    let dev = Dev::start_in(home.path(), &variables);
    // Whoever tries his name gets an event, too: while he is deleted, and once he is erased.
    assert_eq!(dev.delete(&format!("/sapi/users/{id}?cascade=false"), &admin), 204);
    assert_ne!(dev.log_in(&format!("{CANARY}@demo"), "wrong").0, 200);
    assert_eq!(dev.delete(&format!("/sapi/users/{id}?erase=true"), &admin), 204);
    assert_ne!(dev.log_in(&format!("{CANARY}@demo"), "wrong").0, 200);
    what_was_his_is_gone(&dev, &admin, &id);
    all_relayed(&dev);

    let shown = events(&dev, &admin);
    assert!(!contains_canary(&shown), "{shown}");
    let (printed, relayed) = consume(&kafka).unwrap();
    assert!(!contains_canary(&printed), "{printed}");
    let positions: Vec<_> = relayed.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>(), "every event once");
    let shown: Vec<Value> = serde_json::from_str(&shown).unwrap();
    assert!(positions.len() >= shown.len(), "{} relayed, {} in the log", positions.len(), shown.len());
    assert!(printed.contains("subject.erased"), "{printed}");
}

/// His credential has gone after him, and somebody else may have his SIP identity.
fn what_was_his_is_gone(dev: &Dev, admin: &str, id: &str) {
    let rows = format!("/sapi/credentials?user={id}");
    eventually("the end of what was his", || dev.get(&rows, Some(admin)).1 == json!([]));
    assert_eq!(dev.get(&format!("/sapi/sipMappings?ownerUri=wac-user:{id}"), Some(admin)).1, json!([]));
    let (_, users) = dev.get("/sapi/users?username=alice@demo", Some(admin));
    let again = json!({ "type": "sip-mapping", "source": "wac", "domain": "demo", "user": users[0]["id"], "lease": 0,
        "data": { "username": "sip:205@example.org" } });
    assert_eq!(dev.post("/sapi/credentials", Some(admin), &again).0, 201);
}

/// A node that relays and does nothing else.
fn relay_alone(home: &Path, name: &str, variables: &[(&str, &str)]) -> Child {
    let mut command = wac();
    command.args(["serve", "--roles", "relay", "--node", name, "--http-port", "0", "--qss-port", "0"]);
    command.env("WAC_MASTER_KEY_FILE", home.join("wac-data/master.key")).envs(variables.iter().copied());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until everything in the log is in Kafka, each event once.
fn kafka_has_the_log(dev: &Dev, kafka: &Kafka) {
    eventually("the whole log in Kafka", || {
        let detail = dev.get("/readyz", None).1["checks"]["log"]["detail"].as_str().unwrap().to_owned();
        let head: u64 = detail.rsplit(' ').next().unwrap().parse().unwrap();
        let events = match consume(kafka) {
            Ok((_, events)) => events,
            // The relay has not made them all yet.
            Err(said) if said.contains("Unknown topic or partition") => return false,
            Err(said) => panic!("{said}"),
        };
        let positions: Vec<_> = events.iter().map(|event| event["position"].as_u64().unwrap()).collect();
        positions == (1..=head).collect::<Vec<_>>()
    });
}

#[test]
fn a_node_of_the_role_relay_alone_relays_and_another_goes_on_once_it_was_killed() {
    let (home, database, kafka) = (directory(), PostgresDatabase::create("relay"), Kafka::start().unwrap());
    let brokers = kafka.brokers();
    let url = [("WAC_DATABASE_URL", database.url.as_str())];
    let both = [url[0], ("WAC_KAFKA_BROKERS", brokers.as_str())];
    let dev = Dev::start_in(home.path(), &url);
    let mut first = relay_alone(home.path(), "first", &both);
    kafka_has_the_log(&dev, &kafka);
    first.kill().unwrap();
    first.wait().unwrap();
    let token = dev.token("admin@quobis");
    person(&dev, &token);
    let mut second = relay_alone(home.path(), "second", &both);
    kafka_has_the_log(&dev, &kafka);
    second.kill().unwrap();
    second.wait().unwrap();
}
