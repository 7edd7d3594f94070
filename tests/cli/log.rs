use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::support::{Dev, PATIENCE, directory, json_lines, lines_of, refusal, run, succeed, text, wac};

/// A running node with a user and a deleted, erased one.
fn node(data: &std::path::Path) -> (Dev, String) {
    let dev = Dev::start(data);
    let token = dev.token("admin@quobis");
    for name in ["carol", "mallory"] {
        let body =
            json!({ "username": name, "domain": "demo", "role": "user", "email": format!("{name}@example.org") });
        let (status, answer) = dev.post("/sapi/users", Some(&token), &body);
        assert_eq!(status, 201, "{answer}");
    }
    (dev, token)
}

#[test]
fn events_are_filtered_shown_in_clear_and_never_with_secrets() {
    let directory = directory();
    let data = text(directory.path());
    let (_dev, _) = node(directory.path());
    let users = json_lines(&succeed(&["events", "--data", data, "--type", "user.*", "-o", "json"]));
    let names: Vec<&str> = users.iter().map(|event| event["data"]["username"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "alice", "bob", "carol", "mallory"]);
    let demo = json_lines(&succeed(&["events", "--data", data, "--type", "user.*", "--domain", "demo", "-o", "json"]));
    assert_eq!(demo.len(), 4);
    let id = demo[0]["domain"].as_str().unwrap();
    let by_id = succeed(&["events", "--data", data, "--type", "user.*", "--domain", id, "-o", "json"]);
    assert_eq!(json_lines(&by_id), demo);
    let credentials = json_lines(&succeed(&["events", "--data", data, "--type", "credential.created", "-o", "json"]));
    assert!(credentials.iter().all(|event| event["data"]["data"] == Value::Null), "{credentials:?}");
    let after = demo[1]["position"].as_u64().unwrap();
    let range = ["events", "--data", data, "--after", &after.to_string(), "--limit", "2", "-o", "json"];
    let page = json_lines(&succeed(&range));
    assert_eq!(
        page.iter().map(|event| event["position"].as_u64().unwrap()).collect::<Vec<_>>(),
        [after + 1, after + 2]
    );
    assert!(succeed(&["events", "--data", data]).starts_with(" POSITION"));
    assert!(refusal(&["events", "--data", data, "--type", "user.creatd"]).contains("did you mean user.created?"));
}

#[test]
fn following_shows_what_another_process_appends() {
    let directory = directory();
    let (dev, token) = node(directory.path());
    let mut follower = wac()
        .args([
            "events",
            "--follow",
            "--data",
            text(directory.path()),
            "--type",
            "user.created",
            "--after",
            "0",
            "-o",
            "json",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = lines_of(&mut follower);
    let next = || serde_json::from_str::<Value>(&lines.recv_timeout(PATIENCE).unwrap()).unwrap();
    for name in ["admin", "alice", "bob", "carol", "mallory"] {
        assert_eq!(next()["data"]["username"], name);
    }
    dev.post("/sapi/users", Some(&token), &json!({ "username": "dave", "domain": "demo" }));
    assert_eq!(next()["data"]["username"], "dave");
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[test]
fn the_log_and_its_read_models_are_verified_and_rebuilt_beside_a_running_server() {
    let directory = directory();
    let data = text(directory.path());
    let (dev, token) = node(directory.path());
    let report = json_lines(&succeed(&["replay", "--verify", "--data", data, "-o", "json"])).remove(0);
    assert_eq!((&report["sound"], &report["differences"]), (&true.into(), &0.into()), "{report}");
    let log = json_lines(&succeed(&["log", "verify", "--data", data, "-o", "json"])).remove(0);
    assert_eq!((&log["sound"], &log["events"]), (&true.into(), &report["log"]["events"]));
    succeed(&["projections", "rebuild", "users", "--data", data]);
    let (status, users) = dev.get("/sapi/users", Some(&token));
    assert_eq!((status, users.as_array().unwrap().len()), (200, 5));
    let listed = json_lines(&succeed(&["projections", "list", "--data", data, "-o", "json"]));
    let users = listed.iter().find(|info| info["name"] == "users" && info["state"] == "live").unwrap();
    assert_eq!((&users["generation"], &users["lag"]), (&2.into(), &0.into()), "{users}");
    assert!(refusal(&["projections", "rebuild", "nothing", "--data", data]).contains("there are domains, users"));
}

#[test]
fn a_row_that_was_tampered_with_is_found_and_named() {
    let directory = directory();
    let data = text(directory.path());
    let (dev, token) = node(directory.path());
    // Rows that are not written yet when a process ends are left to the next one.
    let created = dev.get("/sapi/events?type=user.created", Some(&token)).1;
    let last = created.as_array().unwrap().iter().map(|event| event["position"].as_u64().unwrap()).max().unwrap();
    let (status, users) = dev.get(&format!("/sapi/users?min_position={last}"), Some(&token));
    assert_eq!((status, users.as_array().unwrap().len()), (200, 5));
    dev.end(Signal::TERM);
    let url = format!("sqlite://{}", directory.path().join("wac.db").display());
    super::support::block_on(async {
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let table: String =
            sqlx::query_scalar("select name from sqlite_master where type = 'table' and name like 'users%' limit 1")
                .fetch_one(&pool)
                .await
                .unwrap();
        let sql = format!("update \"{table}\" set role = 'admin' where role = 'user'");
        let done = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        assert_eq!(done.rows_affected(), 4);
        pool.close().await;
    });
    let output = run(&["replay", "--verify", "--data", data]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("role is") && printed.contains("the log says"), "{printed}");
    succeed(&["projections", "rebuild", "users", "--data", data]);
    succeed(&["replay", "--verify", "--data", data]);
}

#[test]
fn a_state_of_the_past_is_shown_by_position_and_by_time() {
    let directory = directory();
    let data = text(directory.path());
    let (dev, token) = node(directory.path());
    let events = json_lines(&succeed(&["events", "--data", data, "--type", "user.created", "-o", "json"]));
    let carol = &events[3];
    let stream = carol["stream"].as_str().unwrap();
    let id = stream.strip_prefix("user-").unwrap();
    let url = format!("{}/sapi/users/{id}", dev.http());
    let status = super::support::block_on(async {
        let body = json!({ "displayName": "Carol" });
        let request = super::support::client().patch(url).bearer_auth(&token);
        let request = request.header("content-type", "application/merge-patch+json").body(body.to_string());
        request.send().await.unwrap().status().as_u16()
    });
    assert_eq!(status, 200);
    let shown = |as_of: Option<&str>| {
        let mut args = vec!["replay", "--data", data, "--stream", stream, "-o", "json"];
        args.extend(as_of.map(|as_of| ["--as-of", as_of]).iter().flatten());
        json_lines(&succeed(&args)).remove(0)["state"]["displayName"].clone()
    };
    assert_eq!(shown(None), "Carol");
    assert_eq!(shown(Some(&carol["position"].to_string())), Value::Null);
    assert_eq!(shown(Some(carol["recordedAt"].as_str().unwrap())), Value::Null);
    let early = refusal(&["replay", "--data", data, "--stream", stream, "--as-of", "2020-01-01T00:00:00Z"]);
    assert!(early.contains("has no events at position 0"), "{early}");
    let never = refusal(&["replay", "--data", data, "--stream", stream, "--as-of", "yesterday"]);
    assert!(never.contains("neither a position nor a time"), "{never}");
}

#[test]
fn an_export_comes_into_an_empty_log_as_it_was() {
    let directory = directory();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    let file = directory.path().join("log.ndjson");
    let (dev, _) = node(&old);
    let password = dev.password("alice@demo").unwrap();
    succeed(&["log", "export", "--with-keys", "--data", text(&old), text(&file)]);
    let all = |data| succeed(&["events", "--data", text(data), "--limit", "10000", "-o", "json"]);
    let exported = all(&old);
    dev.end(Signal::TERM);

    std::fs::create_dir(&new).unwrap();
    let other_key = refusal(&["log", "import", "--data", text(&new), text(&file)]);
    assert!(other_key.contains("another master key"), "{other_key}");
    assert_eq!(std::fs::read_dir(&new).unwrap().count(), 0, "a refusal leaves nothing behind");
    std::fs::copy(old.join("master.key"), new.join("master.key")).unwrap();
    succeed(&["log", "import", "--data", text(&new), text(&file)]);
    assert!(exported == all(&new), "positions, versions, ids, times and payloads are kept");
    let again = refusal(&["log", "import", "--data", text(&new), text(&file)]);
    assert!(again.contains("the log is not empty"), "{again}");
    let unbuilt = succeed(&["replay", "--verify", "--data", text(&new)]);
    assert!(unbuilt.contains("never built"), "{unbuilt}");
    let none = succeed(&["projections", "list", "--data", text(&new)]);
    assert!(none.contains("No read model has been built yet"), "{none}");

    let dev = Dev::start(&new);
    assert!(!dev.printed.contains("passwords"), "a restored log is no first start");
    assert_eq!(dev.log_in("alice@demo", &password).0, 200);
    let verified = |data| {
        let mut report = json_lines(&succeed(&["replay", "--verify", "--data", text(data), "-o", "json"])).remove(0);
        report["log"].as_object_mut().unwrap().remove("eventsPerSecond");
        (report["sound"].clone(), report["log"]["faults"].clone(), report["log"]["streams"].clone())
    };
    assert_eq!(verified(&new).0, true);
    let shown = all(&new);
    assert!(shown.contains("alice"), "{shown}");
}

#[test]
fn an_export_without_keys_leaves_the_personal_fields_erased() {
    let directory = directory();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    let file = directory.path().join("log.ndjson");
    let (dev, _) = node(&old);
    succeed(&["log", "export", "--data", text(&old), text(&file)]);
    drop(dev);
    let exported = std::fs::read_to_string(&file).unwrap();
    assert!(!exported.contains("mallory") && !exported.contains("wrapped"), "nothing personal, no key");
    std::fs::create_dir(&new).unwrap();
    std::fs::copy(old.join("master.key"), new.join("master.key")).unwrap();
    succeed(&["log", "import", "--data", text(&new), text(&file)]);
    let users = json_lines(&succeed(&["events", "--data", text(&new), "--type", "user.created", "-o", "json"]));
    assert!(users.iter().all(|user| user["data"]["username"] == Value::Null && user["erased"] == true), "{users:?}");
    succeed(&["log", "verify", "--data", text(&new)]);
}

#[test]
fn a_damaged_export_changes_nothing() {
    let directory = directory();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    let file = directory.path().join("log.ndjson");
    let (dev, _) = node(&old);
    succeed(&["log", "export", "--with-keys", "--data", text(&old), text(&file)]);
    drop(dev);
    std::fs::create_dir(&new).unwrap();
    std::fs::copy(old.join("master.key"), new.join("master.key")).unwrap();
    let whole = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let without = |index: usize| {
        let kept: Vec<&str> = lines.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, line)| *line).collect();
        kept.join("\n") + "\n"
    };
    let cases = [
        (without(5), "was expected"),
        (without(lines.len() - 1), "cut off"),
        (without(lines.len() - 2), "lost lines"),
        (without(0), "its first line is no header"),
    ];
    for (damaged, reason) in cases {
        std::fs::write(&file, damaged).unwrap();
        let refused = refusal(&["log", "import", "--data", text(&new), text(&file)]);
        assert!(refused.contains(reason), "{refused}");
    }
    std::fs::write(&file, whole).unwrap();
    succeed(&["log", "import", "--data", text(&new), text(&file)]);
}

#[test]
fn an_administrator_is_made_on_a_database_that_has_none() {
    let directory = directory();
    let data = text(directory.path());
    let made = succeed(&["admin", "create", "--data", data, "--username", "root"]);
    let password = made.trim().rsplit(' ').next().unwrap().to_owned();
    let again = refusal(&["admin", "create", "--data", data, "--username", "ROOT"]);
    assert!(again.contains("there is a user ROOT@quobis already"), "{again}");
    let dev = Dev::start(directory.path());
    assert_eq!(dev.log_in("root", &password).0, 200, "a bare name logs in in the base domain");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_command_quietly() {
    let directory = directory();
    Dev::start(directory.path()).end(Signal::TERM);
    let script = format!("{} events --data {} -o json | head -1", env!("CARGO_BIN_EXE_wac"), text(directory.path()));
    let output = std::process::Command::new("bash").args(["-o", "pipefail", "-c", &script]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
