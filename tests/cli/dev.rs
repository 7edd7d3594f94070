use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::support::{
    Dev, PATIENCE, block_on, client, directory, json_lines, lines_of, pid_of, succeed, text, wac, wait,
};

#[test]
fn a_first_start_prints_credentials_that_work_and_a_later_one_keeps_the_data_and_prints_none() {
    let directory = directory();
    let data = directory.path().join("data");
    let dev = Dev::start(&data);
    for user in ["admin@quobis", "alice@demo", "bob@demo"] {
        dev.token(user);
    }
    let password = dev.password("admin@quobis").unwrap();
    let token = dev.token("admin@quobis");
    let (status, created) =
        dev.post("/sapi/users", Some(&token), &json!({ "username": "carol", "domain": "demo", "role": "user" }));
    assert_eq!(status, 201, "{created}");
    let (code, _) = dev.end(Signal::TERM);
    assert_eq!(code, Some(0));

    let dev = Dev::start(&data);
    assert!(!dev.printed.contains("passwords"), "{}", dev.printed);
    assert!(!dev.printed.contains(&password), "{}", dev.printed);
    assert_eq!(dev.log_in("admin@quobis", &password).0, 200);
    let (status, found) = dev.get(&format!("/sapi/users/{}", created["id"].as_str().unwrap()), Some(&token));
    assert_eq!((status, found["username"].as_str()), (200, Some("carol")));
}

#[test]
fn without_the_seed_there_is_only_the_base_domain_with_its_administrator() {
    let directory = directory();
    let dev = Dev::start_with(&directory.path().join("data"), &["--no-seed"]);
    let token = dev.token("admin@quobis");
    let (_, domains) = dev.get("/sapi/domains", Some(&token));
    let (_, users) = dev.get("/sapi/users", Some(&token));
    assert_eq!((domains.as_array().unwrap().len(), users.as_array().unwrap().len()), (1, 1), "{domains} {users}");
}

#[test]
fn the_examples_it_prints_can_be_pasted() {
    let directory = directory();
    let dev = Dev::start(&directory.path().join("data"));
    let examples: Vec<&str> = dev.printed.lines().map(str::trim).collect();
    let start = examples.iter().position(|line| line.starts_with("TOKEN=")).unwrap();
    let curls = examples[start..].iter().take_while(|line| !line.starts_with("wac "));
    let script = curls.map(|line| line.replace("curl ", "curl --fail-with-body ")).collect::<Vec<_>>().join("\n");
    let output = std::process::Command::new("bash").args(["-euo", "pipefail", "-c", &script]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{script}\n{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("\"username\":\"carol\""), "{printed}");
}

#[test]
fn both_listeners_answer_and_every_dependency_is_named() {
    let directory = directory();
    let dev = Dev::start(&directory.path().join("data"));
    assert!(dev.http().starts_with("http://127.0.0.1:"), "{}", dev.http());
    let status = block_on(async {
        let response = client().get(format!("{}/livez", dev.https())).send().await.unwrap();
        response.status().as_u16()
    });
    assert_eq!(status, 200);
    let (status, ready) = dev.get("/readyz", None);
    assert_eq!(status, 200, "{ready}");
    for check in ["log", "read_models"] {
        assert_eq!(ready["checks"][check]["status"], "ok", "{ready}");
    }
    let url = format!("{}/metrics", dev.http());
    let metrics = block_on(async { client().get(url).send().await.unwrap().text().await.unwrap() });
    assert!(metrics.contains("wac_log_position"), "{metrics}");
}

#[test]
fn the_data_directory_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = directory();
    let data = directory.path().join("data");
    let _dev = Dev::start(&data);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in ["master.key", "tls.key", "wac.lock"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_given_administrators_password_is_used_and_not_replaced() {
    let directory = directory();
    let data = directory.path().join("data");
    let mut child = wac()
        .args(["dev", "--no-seed", "--http-port", "0", "--https-port", "0", "--qss-port", "0", "--data", text(&data)])
        .env("WAC_ADMIN_PASSWORD", "correct horse")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = lines_of(&mut child);
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap();
        assert!(!line.contains("correct horse"), "whoever has set it need not be told: {line}");
        if line.contains("wac replay --verify") {
            break;
        }
    }
    rustix::process::kill_process(pid_of(&child), Signal::TERM).unwrap();
    wait(&mut child);
    let dev = Dev::start(&data);
    assert_eq!(dev.log_in("admin@quobis", "correct horse").0, 200);
}

#[test]
fn a_termination_lets_requests_finish_and_ends_within_ten_seconds_whatever_is_open() {
    let directory = directory();
    let dev = Dev::start(&directory.path().join("data"));
    let address = dev.http().trim_start_matches("http://").to_owned();
    // A stream without an end, a connection that says nothing, and one in the middle of a request's head.
    let token = dev.token("admin@quobis");
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let request = format!("GET /sapi/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut head = [0; 15];
    std::io::Read::read_exact(&mut stream, &mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    let silent = std::net::TcpStream::connect(&address).unwrap();
    let mut half = std::net::TcpStream::connect(&address).unwrap();
    std::io::Write::write_all(&mut half, b"GET /livez HTTP/1.1\r\nHost: x\r\n").unwrap();
    let (code, took) = dev.end(Signal::TERM);
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    drop((stream, silent, half));
}

#[test]
fn a_second_signal_ends_at_once() {
    let directory = directory();
    let mut child = Dev::spawn(&directory.path().join("data"), &[]);
    let lines = lines_of(&mut child);
    let mut address = String::new();
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap();
        if let Some(url) = line.trim_start().strip_prefix("HTTP        http://") {
            address = url.to_owned();
        }
        if line.contains("wac replay --verify") {
            break;
        }
    }
    // A request that does not end keeps the first signal waiting.
    let mut half = std::net::TcpStream::connect(&address).unwrap();
    std::io::Write::write_all(
        &mut half,
        b"POST /sapi/o/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    )
    .unwrap();
    let started = Instant::now();
    let pid = pid_of(&child);
    // Signals may be merged while the first is pending: send until it has ended.
    while child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(2), "it takes its time");
        rustix::process::kill_process(pid, Signal::TERM).ok();
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(half);
}

#[test]
fn a_first_start_killed_at_any_moment_is_completed_by_the_next_one() {
    // Spread over the time a first start takes, from before the directory is there to after the print-out.
    let whole = {
        let directory = directory();
        let started = Instant::now();
        let _dev = Dev::start(&directory.path().join("data"));
        started.elapsed()
    };
    const ROUNDS: u32 = 12;
    for round in 0..ROUNDS {
        let directory = directory();
        let data = directory.path().join("data");
        let mut child = Dev::spawn(&data, &[]);
        std::thread::sleep(whole * round / (ROUNDS - 1));
        child.kill().unwrap();
        let mut output = String::new();
        child.wait().unwrap();
        std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut output).unwrap();

        let dev = Dev::start(&data);
        let seen = if output.contains("wac replay --verify") && !dev.printed.contains("passwords") {
            // The first start had printed everything and taken its marker away.
            output.clone()
        } else {
            dev.printed.clone()
        };
        for user in ["admin@quobis", "alice@demo", "bob@demo"] {
            let line = seen.lines().find(|line| line.trim_start().starts_with(&format!("{user} ")));
            let password = line.unwrap_or_else(|| panic!("round {round}: {seen}")).split_whitespace().nth(1).unwrap();
            let (status, answer) = dev.log_in(user, password);
            assert_eq!(status, 200, "round {round}, {user}: {answer}");
        }
        let created = succeed(&["events", "--data", text(&data), "--type", "user.created", "-o", "json"]);
        assert_eq!(json_lines(&created).len(), 3, "round {round}");
        succeed(&["replay", "--verify", "--data", text(&data)]);
    }
}
