//! Processes of `wac serve` side by side.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use xtask::services::Postgres;

/// Nothing in these tests takes longer than this on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The master key of the test's deployment.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// The first administrator's password.
const PASSWORD: &str = "only for this test";

/// One database, and what every node of the deployment is told.
pub(crate) struct Deployment {
    store: Store,
    settings: Vec<String>,
}

enum Store {
    Postgres { _server: Postgres, url: String },
    Sqlite(tempfile::TempDir),
}

/// One process.
pub(crate) struct Node {
    child: Child,
    pub(crate) http: String,
    pub(crate) qss: String,
}

impl Deployment {
    pub(crate) fn start() -> Self {
        let server = Postgres::start().unwrap();
        let url = server.create_database("cluster").unwrap();
        Self { store: Store::Postgres { _server: server, url }, settings: Vec::new() }.with(&[
            "rooms.removeAfter=2000",
            "invites.basic.removeAfter=2000",
            "watchdog.invites.expiration=15000",
            "watchdog.invites.period=1000",
        ])
    }

    /// A database of one node.
    pub(crate) fn alone() -> Self {
        let directory = tempfile::Builder::new().prefix("wac-alone-").tempdir().unwrap();
        Self { store: Store::Sqlite(directory), settings: Vec::new() }
    }

    /// The same with further settings, `key=value`.
    pub(crate) fn with(mut self, settings: &[&str]) -> Self {
        self.settings.extend(settings.iter().map(|setting| (*setting).to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wac"));
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("WAC_") {
                command.env_remove(variable);
            }
        }
        match &self.store {
            Store::Postgres { url, .. } => command.env("WAC_DATABASE_URL", url),
            Store::Sqlite(directory) => command.env("WAC_DATA", directory.path()),
        };
        command.env("WAC_MASTER_KEY", MASTER_KEY);
        command.env("WAC_SECURITY__PLAIN_HTTP_ON_LOOPBACK", "true");
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// The first administrator, before any node has started.
    pub(crate) fn make_administrator(&self) {
        let mut command = self.command(&["admin", "create", "--username", "admin"]);
        let output = command.env("WAC_ADMIN_PASSWORD", PASSWORD).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts a node on free ports and waits until it serves.
    pub(crate) fn node(&self, name: &str) -> Node {
        self.node_with(name, &[])
    }

    /// The same with further variables in its environment.
    pub(crate) fn node_with(&self, name: &str, variables: &[(&str, &str)]) -> Node {
        self.start_node(name, variables, &["--http-port", "0"])
    }

    /// The same on the HTTP port that the variables name.
    pub(crate) fn node_at(&self, name: &str, variables: &[(&str, &str)]) -> Node {
        self.start_node(name, variables, &[])
    }

    fn start_node(&self, name: &str, variables: &[(&str, &str)], http: &[&str]) -> Node {
        let ports = [http, &["--qss-port", "0", "--metrics-port", "0"]].concat();
        let settings: Vec<&str> = self.settings.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
        let arguments = [&["serve", "--node", name][..], &ports, &settings].concat();
        Self::watch(name, self.command(&arguments).envs(variables.iter().copied()))
    }

    /// Starts a media node without a database, which speaks to the node at this URL.
    pub(crate) fn media_node(&self, name: &str, endpoint: &str, variables: &[(&str, &str)]) -> Node {
        let ports = ["--http-port", "0", "--media-port", "0", "--metrics-port", "0"];
        let arguments = [&["serve", "--roles", "media", "--node", name][..], &ports].concat();
        let mut command = self.command(&arguments);
        command.env_remove("WAC_DATABASE_URL").env_remove("WAC_MASTER_KEY");
        Self::watch(name, command.env("WAC_MEDIA__COMMAND_ENDPOINTS", endpoint).envs(variables.iter().copied()))
    }

    /// Starts it and waits until it serves.
    fn watch(name: &str, command: &mut Command) -> Node {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut seen = Vec::new();
        let serving = loop {
            let Some(line) = lines.next() else { panic!("{name} never served: {seen:#?}") };
            match serde_json::from_str::<Value>(&line) {
                Ok(said) if said["message"] == "serving requests" => break said,
                _ => seen.push(line),
            }
        };
        let shown = std::env::var_os("CLUSTER_LOGS").is_some();
        let name = name.to_owned();
        std::thread::spawn(move || {
            lines.for_each(|line| {
                if shown {
                    eprintln!("{name}: {line}")
                }
            })
        });
        let address = |name: &str| serving[name].as_str().unwrap().to_owned();
        Node { child, http: format!("http://{}", address("http")), qss: format!("ws://{}", address("qss")) }
    }

    /// A user of the base domain with a password.
    pub(crate) async fn user(&self, node: &Node, name: &str) -> String {
        let admin = node.login("admin", PASSWORD).await;
        let body = json!({ "username": name, "domain": "quobis", "role": "user" });
        let user = node.post("/sapi/users", &admin, body).await;
        let id = user["id"].as_str().unwrap().to_owned();
        let credential = json!({ "type": "basic", "source": "wac", "domain": "quobis", "user": id, "data": { "password": name }, "lease": 0 });
        node.post("/sapi/credentials", &admin, credential).await;
        id
    }
}

impl Node {
    pub(crate) async fn login(&self, name: &str, password: &str) -> String {
        let body = json!({ "grant_type": "password", "username": name, "password": password });
        let answer = client().post(format!("{}/sapi/o/token", self.http)).json(&body).send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Value {
        let request = client().post(format!("{}{path}", self.http)).bearer_auth(token).json(&body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {answer}");
        answer
    }

    /// Every event of the log, as an administrator sees it.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let admin = self.login("admin", PASSWORD).await;
        let (mut events, mut after) = (Vec::new(), 0);
        loop {
            let url = format!("{}/sapi/events?after={after}&limit=1000", self.http);
            let answer = client().get(url).bearer_auth(&admin).send().await.unwrap();
            let page: Vec<Value> = answer.json().await.unwrap();
            let Some(last) = page.last() else { return events };
            after = last["position"].as_u64().unwrap();
            events.extend(page);
        }
    }

    /// The nodes of the deployment, as an administrator sees them.
    pub(crate) async fn nodes(&self) -> Vec<Value> {
        let admin = self.login("admin", PASSWORD).await;
        let answer = client().get(format!("{}/sapi/nodes", self.http)).bearer_auth(&admin).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Lets a media node take no new rooms.
    pub(crate) async fn drain(&self, id: &str) {
        let admin = self.login("admin", PASSWORD).await;
        let url = format!("{}/sapi/nodes/{id}/drain", self.http);
        let answer = client().post(url).bearer_auth(&admin).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }

    /// Whether it has all that it needs.
    pub(crate) async fn ready(&self) -> bool {
        let answer = client().get(format!("{}/readyz", self.http)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The status that an empty offer of a media node is answered with.
    pub(crate) async fn offer_as(&self, id: &str, secret: &str) -> u16 {
        let url = format!("{}/media-nodes/{id}/offer", self.http);
        client().post(url).bearer_auth(secret).send().await.unwrap().status().as_u16()
    }

    /// Says something as a media node; the status it is answered with.
    pub(crate) async fn as_media_node(&self, id: &str, secret: &str, what: &str, body: &Value) -> u16 {
        let url = format!("{}/media-nodes/{id}/{what}", self.http);
        client().post(url).bearer_auth(secret).json(body).send().await.unwrap().status().as_u16()
    }

    /// The process is told to end.
    pub(crate) fn tell_to_end(&self) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    }

    /// What kills it from another thread.
    pub(crate) fn killer(&self) -> impl FnOnce() + Send + 'static {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        move || kill_process(pid, Signal::KILL).unwrap()
    }

    /// The process dies without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The process is told to end; its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.tell_to_end();
        self.ended()
    }

    /// Waits until the process has ended; its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(started.elapsed() < PATIENCE, "it did not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn client() -> reqwest::Client {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}
