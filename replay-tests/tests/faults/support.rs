//! Writers in processes of their own, notes in this one, and waiting with a bound.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::runtime::Runtime;
use wac_replay_tests::audit::{Answer, Audit, Note};
use wac_replay_tests::databases;
use wac_replay_tests::load::Sink;
use wac_store::Stores;

/// How long anything may take that only a broken system does not do at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

pub(crate) fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

/// A number from the environment, or the default.
pub(crate) fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text:?}")))
}

/// The seed of this run; printed, so that a failure can be repeated.
pub(crate) fn seed() -> u64 {
    let seed = number_from("WAC_KILL_SEED", u64::from(rand::random::<u32>()));
    eprintln!("seed {seed}; the same moments again with WAC_KILL_SEED={seed}");
    seed
}

/// Polls until `condition` holds; fails after [`PATIENCE`].
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(POLL);
    }
}

/// The same without blocking the runtime.
pub(crate) async fn wait_until_async(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// Notes with the time each was made.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<(Instant, Note)>>>);

impl Notes {
    pub(crate) fn sink(&self) -> Sink {
        let notes = self.clone();
        Arc::new(move |note| notes.add(note))
    }

    pub(crate) fn add(&self, note: Note) {
        self.0.lock().unwrap().push((Instant::now(), note));
    }

    pub(crate) fn all(&self) -> Vec<Note> {
        self.0.lock().unwrap().iter().map(|(_, note)| note.clone()).collect()
    }

    pub(crate) fn timed(&self) -> Vec<(Instant, Note)> {
        self.0.lock().unwrap().clone()
    }

    /// How many acknowledgements there are.
    pub(crate) fn acknowledged(&self) -> usize {
        self.count(|answer| matches!(answer, Answer::Acknowledged { .. } | Answer::AcknowledgedEarly))
    }

    /// How many answers said that nothing could be written, or that nobody knows.
    pub(crate) fn troubled(&self) -> usize {
        self.count(|answer| matches!(answer, Answer::Refused(_) | Answer::Unknown(_)))
    }

    fn count(&self, wanted: impl Fn(&Answer) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|(_, note)| wanted(&note.answer)).count()
    }

    /// How many different tasks have had an acknowledgement after `since`.
    pub(crate) fn writers_after(&self, since: Instant) -> usize {
        let notes = self.0.lock().unwrap();
        let after = |(at, note): &&(Instant, Note)| *at > since && matches!(note.answer, Answer::Acknowledged { .. });
        notes.iter().filter(after).map(|(_, note)| note.task).collect::<HashSet<_>>().len()
    }

    /// Every answer that was no acknowledgement says what is the matter.
    pub(crate) fn assert_clear(&self) {
        let expected = ["cannot be written", "outcome of command", "cannot be reached", "busy", "conflict"];
        for note in self.all() {
            if let Answer::Refused(why) | Answer::Unknown(why) = &note.answer {
                let clear = expected.iter().any(|text| why.contains(text)) || why.contains("other writers");
                assert!(clear, "an answer that says little: {why:?}");
            }
        }
    }

    /// Between two answers to one writer lies at most one wait: none was longer than this.
    pub(crate) fn assert_answered_within(&self, longest: Duration) {
        let mut last = HashMap::new();
        for (at, note) in self.timed() {
            if let Some(before) = last.insert(note.task, at) {
                let waited = at - before;
                assert!(waited < longest, "task {} waited {waited:?} for an answer", note.task);
            }
        }
    }

    /// When the first acknowledgement after `since` came.
    pub(crate) fn acknowledged_after(&self, since: Instant) -> Option<Instant> {
        let notes = self.0.lock().unwrap();
        let after = |(at, note): &&(Instant, Note)| *at > since && matches!(note.answer, Answer::Acknowledged { .. });
        notes.iter().find(after).map(|(at, _)| *at)
    }
}

/// `replay-helper write`, killed when dropped.
pub(crate) struct WriterProcess {
    child: Child,
    pub(crate) notes: Notes,
    reader: Option<JoinHandle<()>>,
}

impl WriterProcess {
    /// Starts one and returns when it writes.
    pub(crate) fn start(url: &str, tasks: usize, acknowledge: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_replay-helper"))
            .args(["write", url, &tasks.to_string(), acknowledge])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        assert_eq!(first, "ready\n", "the writer did not come up: {:?}", child.try_wait());
        let notes = Notes::default();
        let reader = std::thread::spawn({
            let notes = notes.clone();
            move || read_notes(lines, &notes)
        });
        Self { child, notes, reader: Some(reader) }
    }

    /// `kill -9`; returns everything it had said by then.
    pub(crate) fn kill(mut self) -> Vec<Note> {
        self.end();
        self.notes.all()
    }

    fn end(&mut self) {
        if let Some(reader) = self.reader.take() {
            assert!(self.child.try_wait().unwrap().is_none(), "the writer has ended by itself");
            self.child.kill().unwrap();
            self.child.wait().unwrap();
            reader.join().unwrap();
        }
    }
}

impl Drop for WriterProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_notes(mut lines: impl BufRead, notes: &Notes) {
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        // A line without its end was being said when the writer died: nobody has heard it.
        let Some(whole) = line.strip_suffix('\n') else { return };
        notes.add(whole.parse().unwrap());
        line.clear();
    }
}

/// Waits until no backend of a killed client works in the database any more: PostgreSQL finishes
/// what it was told, whether or not somebody still listens.
pub(crate) async fn wait_for_quiet(url: &str) {
    if !url.starts_with("postgres") {
        return;
    }
    let mut connection = PgConnection::connect(url).await.unwrap();
    wait_until_async("the database's other clients are gone", async || {
        let others = "select count(*) from pg_stat_activity where datname = current_database() \
                      and backend_type = 'client backend' and pid <> pg_backend_pid()";
        sqlx::query_scalar::<_, i64>(others).fetch_one(&mut connection).await.unwrap() == 0
    })
    .await;
    connection.close().await.unwrap();
}

/// Reads on in a log nobody writes to, and holds it against the notes.
pub(crate) async fn audit(audit: &mut Audit, url: &str, notes: &[Note]) -> Result<(), String> {
    wait_for_quiet(url).await;
    let stores = databases::open(url).await.map_err(|error| format!("opening the store again: {error}"))?;
    let outcome = async {
        audit.read_on(&*stores.log).await?;
        audit.check(notes)
    }
    .await;
    stores.close().await;
    outcome.map_err(|violation| violation.to_string())
}

/// The same for a store that is open already.
pub(crate) async fn audit_open(stores: &Stores, notes: &[Note]) {
    let mut audit = Audit::default();
    audit.read_on(&*stores.log).await.unwrap();
    audit.check(notes).unwrap();
}
