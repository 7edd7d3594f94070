//! `wac dev` with its log elsewhere than in the data directory.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::support::{Dev, PATIENCE, block_on, directory, one_sentence, wac};

/// An empty database on the server all tests share, dropped with this value.
pub(crate) struct PostgresDatabase {
    pub(crate) url: String,
    name: String,
}

impl PostgresDatabase {
    pub(crate) fn create(purpose: &str) -> Self {
        let name = format!("wac_{purpose}_{}", std::process::id());
        on_the_server(format!("create database {name}"));
        let server = xtask::services::shared_postgres();
        Self { url: format!("{}/{name}", server.rsplit_once('/').unwrap().0), name }
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        on_the_server(format!("drop database {} with (force)", self.name));
    }
}

fn on_the_server(sql: String) {
    block_on(async {
        let mut connection = sqlx::PgConnection::connect(&xtask::services::shared_postgres()).await.unwrap();
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    });
}

#[test]
fn development_on_a_sqlite_file_elsewhere() {
    let place = directory();
    starts_and_starts_again(&format!("sqlite://{}", place.path().join("x.db").display()));
}

#[test]
fn development_on_postgres() {
    starts_and_starts_again(&PostgresDatabase::create("dev").url);
}

/// A first start makes the master key in the data directory and nothing else of the log; the commands it
/// prints work beside it; later starts keep the data; without the key they say so.
fn starts_and_starts_again(url: &str) {
    let home = directory();
    let variables = [("WAC_DATABASE_URL", url)];
    let dev = Dev::start_in(home.path(), &variables);
    let token = dev.token("admin@quobis");
    let carol = json!({ "username": "carol", "domain": "demo", "role": "user" });
    assert_eq!(dev.post("/sapi/users", Some(&token), &carol).0, 201);
    assert!(!home.path().join("wac-data/wac.db").exists(), "the log is elsewhere");
    for command in dev.printed.lines().filter(|line| line.contains(" wac ")).map(str::trim) {
        paste(command, home.path(), url);
    }
    assert_eq!(dev.end(Signal::TERM).0, Some(0));

    let dev = Dev::start_in(home.path(), &variables);
    assert!(!dev.printed.contains("passwords"), "{}", dev.printed);
    assert_eq!(dev.get("/sapi/users?username=carol@demo", Some(&token)).0, 200);
    dev.end(Signal::TERM);

    std::fs::remove_file(home.path().join("wac-data/master.key")).unwrap();
    let mut again = wac();
    again.args(["dev", "--http-port", "0", "--https-port", "0", "--qss-port", "0"]).current_dir(home.path());
    let refused = one_sentence(again.envs(variables).output().unwrap());
    assert!(refused.contains("master.key is missing"), "{refused}");
    assert!(!home.path().join("wac-data/master.key").exists(), "another key would not open what is there");
}

#[test]
fn a_node_whose_log_cannot_be_written_is_not_ready_until_it_can_be_without_any_request() {
    let directory = directory();
    let dev = Dev::start(directory.path());
    let token = dev.token("admin@quobis");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("sqlite://{}", directory.path().join("wac.db").display());
    let mut writer = runtime.block_on(sqlx::SqliteConnection::connect(&url)).unwrap();
    runtime.block_on(writer.execute("begin immediate")).unwrap();
    let domain = json!({ "domain": "other", "parent": "quobis" });
    assert_eq!(dev.post("/sapi/domains", Some(&token), &domain).0, 503);
    let (status, ready) = dev.get("/readyz", None);
    assert_eq!((status, ready["checks"]["log"]["status"].as_str()), (503, Some("down")), "{ready}");
    assert!(ready["checks"]["log"]["detail"].as_str().unwrap().contains("cannot be written: append"), "{ready}");
    runtime.block_on(writer.execute("rollback")).unwrap();
    let since = Instant::now();
    while dev.get("/readyz", None).0 != 200 {
        assert!(since.elapsed() < PATIENCE, "{:?}", dev.get("/readyz", None));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(dev.post("/sapi/domains", Some(&token), &domain).0, 201);
}

/// Runs a printed command as a person does: in the same directory, told in the same way where the log is.
fn paste(command: &str, home: &Path, url: &str) {
    let program = Path::new(env!("CARGO_BIN_EXE_wac")).parent().unwrap().display().to_string();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WAC_")) {
        shell.env_remove(variable);
    }
    shell.args(["-c", command]).current_dir(home).env("PATH", path).env("WAC_DATABASE_URL", url);
    let output = shell.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {error}");
}
