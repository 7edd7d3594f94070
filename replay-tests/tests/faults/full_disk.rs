//! The disk is full for a while.
//!
//! The small file system is a tmpfs: mounted here by root, else by this test started once more in
//! user and mount namespaces of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use wac_events::{Environment as _, Position, ReadRequest, SubjectId};
use wac_replay_tests::audit::{Answer, Note};
use wac_replay_tests::databases;
use wac_replay_tests::load::{Acknowledge, Load};
use wac_store::{Stores, SystemEnvironment};
use xtask::services::{Postgres, PostgresOptions, Tmpfs};

use crate::support::{Notes, audit_open, runtime, wait_until};

/// Where the test that was started again finds its file system.
const DIRECTORY_VARIABLE: &str = "WAC_SMALL_DISK";
const SQLITE_MIB: u32 = 24;
const POSTGRES_MIB: u32 = 160;
const WAL_MIB: u32 = 24;
const TASKS: usize = 8;
/// Answers that say that nothing can be written, before the disk gets its space back.
const TROUBLED: usize = 20;
/// No caller waits longer for an answer, with a full disk or without.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// How long PostgreSQL may need to recover by itself before it is started again.
const RECOVERY: Duration = Duration::from_secs(3);

/// A file system that can be filled up.
enum SmallDisk {
    Own(Tmpfs),
    Given(PathBuf),
}

impl SmallDisk {
    fn path(&self) -> &Path {
        match self {
            SmallDisk::Own(tmpfs) => tmpfs.path(),
            SmallDisk::Given(path) => path,
        }
    }

    fn fill(&self) -> PathBuf {
        match self {
            SmallDisk::Own(tmpfs) => tmpfs.fill().unwrap(),
            SmallDisk::Given(path) => fill(&path.join("ballast")),
        }
    }
}

fn fill(path: &Path) -> PathBuf {
    let mut file = std::fs::File::create(path).unwrap();
    let block = vec![0u8; 64 * 1024];
    loop {
        match std::io::Write::write(&mut file, &block) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return path.to_owned(),
            Err(error) => panic!("filling {}: {error}", path.display()),
        }
    }
}

/// Runs `test` with a small disk, here or in namespaces of its own.
fn with_small_disk(name: &str, size_mib: u32, test: impl FnOnce(SmallDisk)) {
    if let Some(directory) = std::env::var_os(DIRECTORY_VARIABLE) {
        return test(SmallDisk::Given(directory.into()));
    }
    match Tmpfs::mount(size_mib) {
        Ok(tmpfs) => test(SmallDisk::Own(tmpfs)),
        Err(_) => again_in_namespaces(name, size_mib),
    }
}

fn again_in_namespaces(name: &str, size_mib: u32) {
    let directory = tempfile::tempdir().unwrap();
    // Root of the outer namespace may mount; the inner one is an ordinary user again, which
    // PostgreSQL insists on.
    let script = format!(
        "mount -t tmpfs -o size={size_mib}m,mode=0777 wac-test \"$1\" && \
         exec unshare --user --map-user=1000 --map-group=1000 \"$2\" --exact \"$3\" --nocapture"
    );
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(directory.path())
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(DIRECTORY_VARIABLE, directory.path())
        .status()
        .unwrap();
    assert!(status.success(), "in namespaces of its own (or these are not allowed here, then run as root): {status}");
}

/// A load on an open store, going on while the disk is filled and freed.
struct UnderLoad {
    runtime: Runtime,
    stores: Stores,
    notes: Notes,
    stop: CancellationToken,
    writing: tokio::task::JoinHandle<()>,
}

impl UnderLoad {
    fn start(url: &str) -> Self {
        let runtime = runtime();
        let (notes, stop) = (Notes::default(), CancellationToken::new());
        let stores = runtime.block_on(databases::open(url)).unwrap();
        let env = Arc::new(SystemEnvironment);
        let load = Load::new(stores.clone(), env, Acknowledge::AfterCommit, notes.sink());
        let load = runtime.block_on(load).unwrap();
        let writing = runtime.spawn({
            let stop = stop.clone();
            async move { load.run(TASKS, stop).await }
        });
        wait_until("the load is under way", || notes.acknowledged() > 100);
        Self { runtime, stores, notes, stop, writing }
    }

    fn is_told_so(&self) {
        let before = self.notes.troubled();
        wait_until("writers are told that nothing can be written", || self.notes.troubled() > before + TROUBLED);
        wait_until("the store says so too", || self.stores.trouble().is_some());
    }

    fn still_reads(&self) {
        let request = ReadRequest { after: Position::START, before: None, filter: Default::default(), limit: 10 };
        let page = self.runtime.block_on(self.stores.log.read(request)).unwrap();
        assert_eq!(page.events.len(), 10, "reading goes on while the disk is full");
    }

    fn writes_again(&self, since: Instant) {
        wait_until("writing again", || self.notes.acknowledged_after(since).is_some());
        let pause = self.notes.acknowledged_after(since).unwrap() - since;
        println!("writing again {pause:?} after there was space");
        // Those who needed keys have met the full disk, too.
        wait_until("every writer writes again", || self.notes.writers_after(since) == TASKS);
        wait_until("new keys are made again", || self.runtime.block_on(self.makes_a_key()));
    }

    async fn makes_a_key(&self) -> bool {
        let subject = SubjectId::from(SystemEnvironment.new_uuid());
        self.stores.keys.find_or_create(&subject).await.is_ok()
    }

    fn end(self) {
        let answers: BTreeSet<String> = self.notes.all().into_iter().filter_map(trouble).collect();
        println!("told meanwhile: {answers:?}");
        self.notes.assert_clear();
        self.notes.assert_answered_within(ANSWER_MAX);
        self.stop.cancel();
        self.runtime.block_on(self.writing).unwrap();
        self.runtime.block_on(audit_open(&self.stores, &self.notes.all()));
        self.runtime.block_on(self.stores.close());
    }
}

/// What a writer was told that was not acknowledged.
fn trouble(note: Note) -> Option<String> {
    match note.answer {
        Answer::Refused(why) => Some(format!("refused: {why}")),
        Answer::Unknown(why) => Some(format!("unknown: {}", why.replace(&note.command.to_string(), "…"))),
        Answer::Acknowledged { .. } | Answer::AcknowledgedEarly => None,
    }
}

#[test]
fn a_full_disk_stops_sqlite_with_a_clear_answer_and_loses_nothing() {
    with_small_disk("full_disk::a_full_disk_stops_sqlite_with_a_clear_answer_and_loses_nothing", SQLITE_MIB, |disk| {
        let load = UnderLoad::start(&databases::sqlite_url(disk.path()));
        let ballast = disk.fill();
        load.is_told_so();
        load.still_reads();
        std::fs::remove_file(ballast).unwrap();
        load.writes_again(Instant::now());
        load.end();
    });
}

#[test]
fn a_full_disk_stops_postgres_with_a_clear_answer_and_loses_nothing() {
    with_small_disk(
        "full_disk::a_full_disk_stops_postgres_with_a_clear_answer_and_loses_nothing",
        POSTGRES_MIB,
        |disk| {
            let server = Postgres::start_with(PostgresOptions::small(&disk.path().join("cluster"))).unwrap();
            full_for_a_while(&disk, server);
        },
    );
}

/// Without space for its write-ahead log PostgreSQL stops altogether.
#[test]
fn no_space_for_the_write_ahead_log_stops_postgres_and_loses_nothing() {
    with_small_disk("full_disk::no_space_for_the_write_ahead_log_stops_postgres_and_loses_nothing", WAL_MIB, |disk| {
        let directory = tempfile::Builder::new().prefix("wac-postgres-").tempdir().unwrap();
        let wal = disk.path().join("wal");
        std::fs::create_dir(&wal).unwrap();
        let mut options = PostgresOptions::small(directory.path());
        options.initdb_arguments.push(format!("--waldir={}", wal.display()));
        if matches!(disk, SmallDisk::Own(_)) {
            // Mounted by root; the server runs as its own user.
            xtask::services::run(Command::new("chown").arg("postgres").arg(&wal)).unwrap();
        }
        full_for_a_while(&disk, Postgres::start_with(options).unwrap());
    });
}

fn full_for_a_while(disk: &SmallDisk, mut server: Postgres) {
    let load = UnderLoad::start(&server.url());
    let ballast = disk.fill();
    load.is_told_so();
    std::fs::remove_file(ballast).unwrap();
    let freed = Instant::now();
    while load.notes.acknowledged_after(freed).is_none() && freed.elapsed() < RECOVERY {
        std::thread::sleep(Duration::from_millis(20));
    }
    // A server that has stopped altogether is started again, as every service manager does.
    if load.notes.acknowledged_after(freed).is_none() && server.execute("select 1").is_err() {
        println!("PostgreSQL had stopped and is started again");
        server.restart().unwrap();
    }
    load.writes_again(freed);
    load.still_reads();
    load.end();
}
