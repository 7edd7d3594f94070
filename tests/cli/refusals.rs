use std::net::TcpListener;

use super::support::{Dev, directory, one_sentence, refusal, run, succeed, text, wac};

#[test]
fn a_port_in_use_is_refused_and_who_has_it_is_named() {
    let directory = directory();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = directory.path().join("data");
    let refused =
        refusal(&["dev", "--data", text(&data), "--http-port", &port, "--https-port", "0", "--qss-port", "0"]);
    assert!(
        refused.contains(&format!("127.0.0.1:{port} is already in use by process {}", std::process::id())),
        "{refused}"
    );
    assert!(refused.contains("--http-port"), "{refused}");
}

#[test]
fn a_second_process_on_the_same_directory_is_refused() {
    let directory = directory();
    let dev = Dev::start(directory.path());
    let refused =
        refusal(&["dev", "--data", text(directory.path()), "--http-port", "0", "--https-port", "0", "--qss-port", "0"]);
    assert!(refused.contains(&format!("another wac (process {}) already runs", dev.pid())), "{refused}");
    let key = directory.path().join("master.key");
    let serve = wac()
        .args(["serve", "--data", text(directory.path()), "--http-port", "0", "--qss-port", "0"])
        .env("WAC_MASTER_KEY_FILE", &key)
        .output()
        .unwrap();
    assert!(one_sentence(serve).contains("already runs on the data directory"));
}

#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    // Root may write everywhere but here.
    let refused =
        refusal(&["dev", "--data", "/proc/wac-data", "--http-port", "0", "--https-port", "0", "--qss-port", "0"]);
    assert!(refused.contains("cannot make the data directory /proc/wac-data"), "{refused}");

    let directory = directory();
    let file = directory.path().join("data");
    std::fs::write(&file, "no directory").unwrap();
    let refused = refusal(&["dev", "--data", text(&file), "--http-port", "0", "--https-port", "0", "--qss-port", "0"]);
    assert!(refused.contains("is a file"), "{refused}");
}

#[test]
fn a_directory_that_takes_no_files_is_refused() {
    let refused = refusal(&["dev", "--data", "/proc/self", "--http-port", "0", "--https-port", "0", "--qss-port", "0"]);
    assert!(refused.contains("/proc/self cannot be written"), "{refused}");
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let directory = directory();
    Dev::start_with(directory.path(), &["--no-seed"]).end(rustix::process::Signal::TERM);
    let url = format!("sqlite://{}", directory.path().join("wac.db").display());
    super::support::block_on(async {
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let sql = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                   values (9999, 'from the future', 1, x'00', 0)";
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    });
    for args in [&["dev", "--http-port", "0", "--https-port", "0", "--qss-port", "0"][..], &["events"], &["migrate"]] {
        let refused = refusal(&[args, &["--data", text(directory.path())]].concat());
        assert!(refused.contains("newer version"), "{refused}");
    }
}

#[test]
fn a_data_directory_that_has_lost_its_master_key_is_refused() {
    let directory = directory();
    Dev::start_with(directory.path(), &["--no-seed"]).end(rustix::process::Signal::TERM);
    std::fs::remove_file(directory.path().join("master.key")).unwrap();
    let refused =
        refusal(&["dev", "--data", text(directory.path()), "--http-port", "0", "--https-port", "0", "--qss-port", "0"]);
    assert!(refused.contains("master.key is missing"), "{refused}");
}

#[test]
fn serving_needs_a_master_key_and_does_not_speak_in_clear_to_the_network() {
    let directory = directory();
    let data = text(directory.path());
    let refused = refusal(&["serve", "--data", data, "--bind", "0.0.0.0", "--http-port", "0", "--qss-port", "0"]);
    assert!(refused.contains("trustedProxies") && refused.contains("0.0.0.0"), "{refused}");
    let refused = refusal(&["serve", "--data", data, "--http-port", "0", "--qss-port", "0"]);
    assert!(refused.contains("master key"), "{refused}");
    let refused = refusal(&["serve", "--data", data, "--roles", "relay"]);
    assert!(refused.contains("WAC_KAFKA_BROKERS"), "{refused}");
}

#[test]
fn a_command_without_a_log_says_how_to_name_one() {
    let directory = directory();
    let output = wac().current_dir(directory.path()).arg("events").output().unwrap();
    assert!(one_sentence(output).contains("--data DIR"));
    let refused = refusal(&["events", "--data", text(&directory.path().join("nothing"))]);
    assert!(refused.contains("there is no database at"), "{refused}");
}

#[test]
fn the_doctor_finds_a_healthy_node_healthy_and_says_what_ails_another() {
    let directory = directory();
    let dev = Dev::start(directory.path());
    let healthy = succeed(&["doctor", "--data", text(directory.path()), "--set", "http.port=0", "--set", "qss.port=0"]);
    assert!(healthy.contains("SQLite") && healthy.contains("master key"), "{healthy}");
    drop(dev);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut args = ["doctor", "-o", "json", "--data", text(directory.path())].map(str::to_owned).to_vec();
    let ports = ["http.port", "qss.port", "metrics.port"].map(|key| format!("{key}={port}"));
    for setting in ports.into_iter().chain(["kafka.brokers=127.0.0.1:1".to_owned()]) {
        args.extend(["--set".to_owned(), setting]);
    }
    let output = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1));
    let findings = super::support::json_lines(&String::from_utf8(output.stdout).unwrap());
    let status = |check: &str| findings.iter().find(|found| found["check"] == check).unwrap()["status"].clone();
    for check in ["http port", "qss port", "metrics port", "kafka"] {
        assert_eq!(status(check), "failure", "{check}");
    }
    assert_eq!(status("database"), "ok");
    assert!(findings.iter().all(|found| found["status"] == "ok" || found["advice"] != ""), "{findings:?}");

    // Something takes connections there, but it is no Kafka.
    let silent = format!("kafka.brokers={}", taken.local_addr().unwrap());
    let output = run(&["doctor", "-o", "json", "--data", text(directory.path()), "--set", &silent]);
    let findings = super::support::json_lines(&String::from_utf8(output.stdout).unwrap());
    let kafka = findings.iter().find(|found| found["check"] == "kafka").unwrap();
    assert_eq!(kafka["status"], "failure");
    assert!(kafka["found"].as_str().unwrap().contains("does not answer"), "{kafka}");
}
