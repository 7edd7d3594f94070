use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::support::{Dev, block_on, client, directory, pid_of, succeed, text, wac, wait};

/// Reads the JSON log of a served node until a line says this; that line.
fn wait_for(child: &mut Child, message: &str) -> Value {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut seen = Vec::new();
    let mut lines = stderr.lines().map_while(Result::ok);
    while let Some(line) = lines.next() {
        let parsed: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        if parsed["message"] == message {
            std::thread::spawn(move || lines.for_each(drop));
            return parsed;
        }
        seen.push(line);
    }
    panic!("it never said {message:?}: {seen:#?}");
}

#[test]
fn a_node_serves_https_with_the_operators_certificate_and_ends_when_told() {
    let directory = directory();
    let data = directory.path().join("data");
    // The certificate of a development node will do as the operator's.
    let dev = Dev::start_with(&directory.path().join("dev"), &["--no-seed"]);
    dev.end(Signal::TERM);
    let made = succeed(&["admin", "create", "--data", text(&data), "--username", "admin"]);
    let password = made.trim().rsplit(' ').next().unwrap().to_owned();
    let config = directory.path().join("wac.toml");
    let (certificate, key) = (directory.path().join("dev/tls.pem"), directory.path().join("dev/tls.key"));
    let toml = format!(
        "data = {data:?}\nmasterKeyFile = {:?}\n[http]\nenabled = false\n[https]\nport = 0\n[qss]\nport = 0\n[tls]\ncertificate = \
         {certificate:?}\nkey = {key:?}\n",
        data.join("master.key")
    );
    std::fs::write(&config, toml).unwrap();
    let mut child = wac().args(["serve", "--config", text(&config)]).stderr(Stdio::piped()).spawn().unwrap();
    let serving = wait_for(&mut child, "serving requests");
    let url = format!("https://{}/sapi/o/token", serving["https"].as_str().unwrap());
    let body = json!({ "grant_type": "password", "username": "admin", "password": password });
    let status = block_on(async move { client().post(url).json(&body).send().await.unwrap().status().as_u16() });
    assert_eq!((status, serving["http"].as_str()), (200, Some("off")));
    rustix::process::kill_process(pid_of(&child), Signal::TERM).unwrap();
    assert_eq!(wait(&mut child).code(), Some(0));
}

#[test]
fn tokens_are_not_given_out_in_clear() {
    let directory = directory();
    let made = succeed(&["admin", "create", "--data", text(directory.path()), "--username", "admin"]);
    let password = made.trim().rsplit(' ').next().unwrap().to_owned();
    let mut child = wac()
        .args(["serve", "--data", text(directory.path()), "--http-port", "0", "--qss-port", "0"])
        .env("WAC_MASTER_KEY_FILE", directory.path().join("master.key"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let serving = wait_for(&mut child, "serving requests");
    let url = format!("http://{}/sapi/o/token", serving["http"].as_str().unwrap());
    let body = json!({ "grant_type": "password", "username": "admin", "password": password });
    let status = block_on(async move { client().post(url).json(&body).send().await.unwrap().status().as_u16() });
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(status, 400);
}

#[test]
fn a_node_names_every_fact_that_it_adds_for_who_asks() {
    let directory = directory();
    succeed(&["admin", "create", "--data", text(directory.path()), "--username", "admin"]);
    let mut child = wac()
        .args(["serve", "--data", text(directory.path()), "--http-port", "0", "--qss-port", "0"])
        .args(["--set", "log.filter=info,wac::facts=debug"])
        .env("WAC_MASTER_KEY_FILE", directory.path().join("master.key"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let fact = wait_for(&mut child, "a fact");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fact["event"], "node.started");
    assert!(fact["stream"].as_str().unwrap().starts_with("node-") && fact["position"].is_u64(), "{fact}");
}
