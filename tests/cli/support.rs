//! Starting the binary, waiting for it, asking it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use reqwest::Method;
use rustix::process::{Pid, Signal};
use serde_json::Value;

/// Nothing in these tests takes longer than this on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The binary, without whatever the environment says.
pub(crate) fn wac() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wac"));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("WAC_") {
            command.env_remove(variable);
        }
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    wac().args(args).output().unwrap()
}

/// Runs a command that must succeed; its standard output.
pub(crate) fn succeed(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "wac {}: {error}", args.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail by one sentence on standard error.
pub(crate) fn refusal(args: &[&str]) -> String {
    one_sentence(run(args))
}

/// What a failed command said: one line, no trace of a panic.
pub(crate) fn one_sentence(output: Output) -> String {
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "it should have failed: {error}");
    assert!(!error.contains("panicked") && !error.contains("RUST_BACKTRACE"), "{error}");
    assert_eq!(error.trim().lines().count(), 1, "{error}");
    assert!(error.starts_with("wac: "), "{error}");
    error.trim().to_owned()
}

/// JSON documents, one a line.
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A running `wac dev`.
pub(crate) struct Dev {
    child: Child,
    /// What it printed until it was ready.
    pub(crate) printed: String,
}

impl Dev {
    /// Starts on free ports and waits until it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    pub(crate) fn start_with(data: &Path, more: &[&str]) -> Self {
        let mut child = Self::spawn(data, more);
        let printed = wait_until_ready(&mut child);
        Self { child, printed }
    }

    /// Starts in `home`, where the data directory is the default one, told by variables where the log is.
    pub(crate) fn start_in(home: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = wac();
        command.args(["dev", "--http-port", "0", "--https-port", "0", "--qss-port", "0"]).current_dir(home);
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let printed = wait_until_ready(&mut child);
        Self { child, printed }
    }

    /// Starts and does not wait.
    pub(crate) fn spawn(data: &Path, more: &[&str]) -> Child {
        wac()
            .args(["dev", "--http-port", "0", "--https-port", "0", "--qss-port", "0", "--data"])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The URL of the plain listener.
    pub(crate) fn http(&self) -> String {
        self.word_after("HTTP        ")
    }

    pub(crate) fn https(&self) -> String {
        self.word_after("HTTPS       ")
    }

    fn word_after(&self, label: &str) -> String {
        let line = self.printed.lines().find_map(|line| line.trim_start().strip_prefix(label));
        line.unwrap_or_else(|| panic!("{label}: {}", self.printed)).split_whitespace().next().unwrap().to_owned()
    }

    /// The printed password of a user.
    pub(crate) fn password(&self, user: &str) -> Option<String> {
        let line = self.printed.lines().find(|line| line.trim_start().starts_with(&format!("{user} ")))?;
        line.split_whitespace().nth(1).map(str::to_owned)
    }

    /// The answer to a password grant.
    pub(crate) fn log_in(&self, user: &str, password: &str) -> (u16, Value) {
        let body = serde_json::json!({ "grant_type": "password", "username": user, "password": password });
        self.post("/sapi/o/token", None, &body)
    }

    /// A token for a user whose password was printed.
    pub(crate) fn token(&self, user: &str) -> String {
        let (status, answer) = self.log_in(user, &self.password(user).unwrap());
        assert_eq!(status, 200, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn post(&self, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        self.ask(Method::POST, path, token, Some(body))
    }

    pub(crate) fn patch(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        self.ask(Method::PATCH, path, Some(token), Some(body))
    }

    pub(crate) fn get(&self, path: &str, token: Option<&str>) -> (u16, Value) {
        self.ask(Method::GET, path, token, None)
    }

    pub(crate) fn delete(&self, path: &str, token: &str) -> u16 {
        self.ask(Method::DELETE, path, Some(token), None).0
    }

    fn ask(&self, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.http());
        block_on(async move {
            let mut request = client().request(method, url);
            if let Some(body) = body {
                request = request.json(body);
            }
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal and waits for the end; exit code and how long it took.
    pub(crate) fn end(mut self, signal: Signal) -> (Option<i32>, Duration) {
        let started = Instant::now();
        rustix::process::kill_process(pid_of(&self.child), signal).unwrap();
        let status = wait(&mut self.child);
        (status.code(), started.elapsed())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}

/// Waits for the end of a process, within [`PATIENCE`].
pub(crate) fn wait(child: &mut Child) -> std::process::ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().ok();
            panic!("the process did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Everything printed up to the last of the examples.
fn wait_until_ready(child: &mut Child) -> String {
    let lines = lines_of(child);
    let mut printed = String::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                let last = line.contains("wac replay --verify");
                printed.push_str(&line);
                printed.push('\n');
                if last {
                    // A pipe that nobody reads stops whoever writes much into it.
                    let stderr = child.stderr.take().unwrap();
                    std::thread::spawn(move || std::io::copy(&mut { stderr }, &mut std::io::sink()));
                    return printed;
                }
            }
            Err(_) => {
                child.kill().ok();
                let mut error = String::new();
                std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut error).ok();
                panic!("not ready: {printed}\n{error}");
            }
        }
    }
}

/// The lines a process prints, as they come.
pub(crate) fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let stdout = child.stdout.take().unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// An HTTP client that takes any certificate.
pub(crate) fn client() -> reqwest::Client {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    reqwest::Client::builder().danger_accept_invalid_certs(true).timeout(PATIENCE).build().unwrap()
}

/// A directory of a test's own.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("wac-cli-").tempdir().unwrap()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
