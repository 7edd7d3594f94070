//! The test services themselves: they start, survive `kill -9`, and never outlive their owner.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use xtask::services::{Kafka, Postgres, PostgresOptions, Tmpfs};

/// Set in the child process of [`services_die_with_an_owner_that_is_killed`].
const OWNER_VARIABLE: &str = "WAC_XTASK_TEST_OWNER";
const PATIENCE: Duration = Duration::from_secs(20);

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[test]
fn postgres_keeps_committed_rows_through_kill9() {
    let mut postgres = Postgres::start().unwrap();
    let url = postgres.create_database("kept").unwrap();
    assert_eq!(url, postgres.url_of("kept"));
    postgres.execute("create table t(n int); insert into t values (42)").unwrap();
    postgres.kill9().unwrap();
    assert!(!listens(postgres.port()));
    postgres.restart().unwrap();
    assert_eq!(postgres.execute("select n from t").unwrap().trim(), "42");
    postgres.stop().unwrap();
    assert!(!listens(postgres.port()));
}

#[test]
fn a_bad_setting_is_reported_with_the_servers_own_words() {
    let error = Postgres::start_with(PostgresOptions::default().setting("shared_buffers", "much")).unwrap_err();
    assert!(format!("{error:#}").contains("shared_buffers"), "{error:#}");
}

#[test]
fn a_small_cluster_fits_into_a_tmpfs_that_can_be_filled() {
    let Ok(tmpfs) = Tmpfs::mount(96) else {
        eprintln!("skipped: mounting a tmpfs needs root");
        return;
    };
    let postgres = Postgres::start_with(PostgresOptions::small(tmpfs.path())).unwrap();
    postgres.execute("create table t(x text)").unwrap();
    let ballast = tmpfs.fill().unwrap();
    let write = "insert into t select repeat(md5(n::text), 200) from generate_series(1, 20000) n";
    let error = postgres.execute(write).unwrap_err();
    assert!(format!("{error:#}").contains("No space left"), "{error:#}");
    std::fs::remove_file(ballast).unwrap();
}

#[test]
fn kafka_comes_back_on_its_port_after_kill9() {
    let mut kafka = Kafka::start().unwrap();
    let port: u16 = kafka.brokers().rsplit_once(':').unwrap().1.parse().unwrap();
    assert!(listens(port));
    kafka.kill9().unwrap();
    assert!(!listens(port));
    kafka.restart().unwrap();
    assert!(listens(port));
}

/// Not a test of its own: what the child process of the next test does.
#[test]
fn owner_process() {
    if std::env::var_os(OWNER_VARIABLE).is_none() {
        return;
    }
    let postgres = Postgres::start().unwrap();
    println!("\nready {} {}", postgres.port(), postgres.data_directory().display());
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn services_die_with_an_owner_that_is_killed() {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner_process", "--nocapture"])
        .env(OWNER_VARIABLE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let ready = lines.find_map(|line| line.unwrap().strip_prefix("ready ").map(str::to_owned)).unwrap();
    let (port, directory) = ready.split_once(' ').unwrap();
    let port: u16 = port.parse().unwrap();
    assert!(listens(port));
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_for("the server's end", || !listens(port));
    wait_for("the removal of its files", || !std::path::Path::new(directory).exists());
}
