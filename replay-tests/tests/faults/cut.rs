//! Connections to PostgreSQL are cut in the middle of a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wac_events::reservation::ReservationTaken;
use wac_events::{
    Actor, AppendBatch, AppendError, Appended, CommandId, Environment, Event, EventId, EventLog, ExpectedVersion, Meta,
    NewEvent, ReservationEvent, StreamAppend, StreamId,
};
use wac_replay_tests::audit::{Answer, Audit, Note};
use wac_replay_tests::databases;
use wac_replay_tests::load::{Acknowledge, Load};
use wac_store::{Stores, SystemEnvironment};
use xtask::services::Postgres;

use crate::proxy::{Cut, Proxy};
use crate::support::{Notes, wait_for_quiet, wait_until_async};

/// Appends cut at each place.
const CUTS_EACH: usize = 6;
/// No append waits longer for its answer, cut or not.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// More cuts in a row than any writer tries again.
const CUTS_IN_A_ROW: usize = 40;

struct Bench {
    proxy: Proxy,
    direct_url: String,
    stores: Stores,
    server: Postgres,
}

impl Bench {
    async fn new() -> Self {
        let server = tokio::task::spawn_blocking(|| Postgres::start().unwrap()).await.unwrap();
        let direct_url = server.create_database("cut").unwrap();
        let proxy = Proxy::start(server.port()).await;
        let stores = databases::open(&proxy.url("cut")).await.unwrap();
        Self { proxy, direct_url, stores, server }
    }

    /// Holds what a fresh and uncut reader finds against the notes.
    async fn audit(self, notes: &[Note]) -> Audit {
        let Self { stores, direct_url, server, .. } = self;
        stores.close().await;
        drop(stores);
        wait_for_quiet(&direct_url).await;
        let stores = databases::open(&direct_url).await.unwrap();
        let mut audit = Audit::default();
        audit.read_on(&*stores.log).await.unwrap();
        audit.check(notes).unwrap();
        stores.close().await;
        drop(server);
        audit
    }

    fn append(&self, batch: AppendBatch) -> JoinHandle<Result<Appended, AppendError>> {
        let log = self.stores.log.clone();
        tokio::spawn(async move { log.append(batch).await })
    }

    /// How many calls of `log_append` wait for the head's lock.
    async fn waiting(&self, connection: &mut PgConnection) -> i64 {
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
                       and wait_event_type = 'Lock' and query like '%log_append%'";
        sqlx::query_scalar(waiting).fetch_one(connection).await.unwrap()
    }
}

/// One event on a stream of its own.
fn batch() -> AppendBatch {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let env = SystemEnvironment;
    let command_id = CommandId(env.new_uuid());
    let meta = Meta {
        actor: Actor::System("cut".to_owned()),
        command_id,
        correlation_id: command_id.to_string(),
        causation_id: None,
        traceparent: None,
        session: None,
        key_id: None,
        request: None,
    };
    let event = ReservationEvent::from(ReservationTaken { holder: "somebody".to_owned() });
    let event = NewEvent {
        event_id: EventId(env.new_uuid()),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        domain: None,
        data: event.encode().unwrap(),
        meta: serde_json::to_string(&meta).unwrap(),
        occurred_at: env.now(),
    };
    let stream = StreamId::of("reservation", &format!("cut:{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    AppendBatch {
        command_id,
        appends: vec![StreamAppend { stream, expected: ExpectedVersion::Exact(0), events: vec![event] }],
    }
}

fn note(command: CommandId, outcome: &Result<Appended, AppendError>) -> Note {
    let answer = match outcome {
        Ok(appended) => Answer::Acknowledged { first: appended.first, last: appended.last },
        Err(error @ AppendError::OutcomeUnknown { .. }) => Answer::Unknown(error.to_string()),
        Err(error) => Answer::Refused(error.to_string()),
    };
    Note { task: 0, command, answer }
}

async fn answer_of(append: JoinHandle<Result<Appended, AppendError>>) -> Result<Appended, AppendError> {
    tokio::time::timeout(ANSWER_MAX, append).await.expect("an answer in time").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_is_cut_anywhere_is_there_once_or_not_at_all_as_its_answer_says() {
    let bench = Bench::new().await;
    bench.stores.log.append(batch()).await.unwrap();
    let mut notes = Vec::new();
    for cut in Cut::ALL {
        for _ in 0..CUTS_EACH {
            let cuts = bench.proxy.cuts();
            bench.proxy.arm(cut);
            let batch = batch();
            let command = batch.command_id;
            let outcome = answer_of(bench.append(batch)).await;
            assert_eq!(bench.proxy.cuts(), cuts + 1, "{cut:?}: nothing was cut");
            // The connection was cut, the database was there: the writer finds out by itself.
            assert!(outcome.is_ok(), "{cut:?}: {outcome:?}");
            notes.push(note(command, &outcome));
        }
    }
    let audit = bench.audit(&notes).await;
    assert_eq!(audit.commands(), 1 + Cut::ALL.len() * CUTS_EACH);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_connections_are_cut_again_and_again_and_nothing_is_lost_or_doubled() {
    let bench = Bench::new().await;
    let notes = Notes::default();
    let load = Load::new(bench.stores.clone(), Arc::new(SystemEnvironment), Acknowledge::AfterCommit, notes.sink());
    let (load, stop) = (load.await.unwrap(), CancellationToken::new());
    let writing = tokio::spawn({
        let stop = stop.clone();
        async move { load.run(16, stop).await }
    });
    for round in 0..Cut::ALL.len() * CUTS_EACH {
        let (cuts, acknowledged) = (bench.proxy.cuts(), notes.acknowledged());
        bench.proxy.arm(Cut::ALL[round % Cut::ALL.len()]);
        wait_until_async("the cut", async || bench.proxy.cuts() > cuts).await;
        if round % 7 == 0 {
            bench.proxy.cut_all();
        }
        wait_until_async("writing again", async || notes.acknowledged() > acknowledged + 20).await;
    }
    stop.cancel();
    writing.await.unwrap();
    bench.audit(&notes.all()).await;
}

/// The server works on for a client that is gone. Its append must not appear beside the one that
/// is sent again, nor after a refusal.
#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_outlives_its_connection_is_found_and_not_written_twice() {
    let bench = Bench::new().await;
    bench.stores.log.append(batch()).await.unwrap();
    let mut watcher = PgConnection::connect(&bench.direct_url).await.unwrap();
    let mut holder = PgConnection::connect(&bench.direct_url).await.unwrap();
    holder.execute("begin; select from log_head for update").await.unwrap();
    let batch = batch();
    let command = batch.command_id;
    let append = bench.append(batch);
    wait_until_async("the append waits at the server", async || bench.waiting(&mut watcher).await == 1).await;
    bench.proxy.cut_all();
    wait_until_async("it is sent again behind itself", async || bench.waiting(&mut watcher).await == 2).await;
    holder.execute("commit").await.unwrap();
    let outcome = answer_of(append).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    holder.close().await.unwrap();
    watcher.close().await.unwrap();
    assert_eq!(bench.audit(&[note(command, &outcome)]).await.commands(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_whose_every_attempt_was_cut_is_never_called_refused_and_written_all_the_same() {
    let bench = Bench::new().await;
    bench.stores.log.append(batch()).await.unwrap();
    let mut watcher = PgConnection::connect(&bench.direct_url).await.unwrap();
    let mut holder = PgConnection::connect(&bench.direct_url).await.unwrap();
    holder.execute("begin; select from log_head for update").await.unwrap();
    let batch = batch();
    let command = batch.command_id;
    let append = bench.append(batch);
    for _ in 0..CUTS_IN_A_ROW {
        let before = bench.waiting(&mut watcher).await;
        wait_until_async("the next attempt, or the answer", async || {
            append.is_finished() || bench.waiting(&mut watcher).await > before
        })
        .await;
        if append.is_finished() {
            break;
        }
        bench.proxy.cut_all();
    }
    holder.execute("commit").await.unwrap();
    let outcome = answer_of(append).await;
    println!("answered: {outcome:?}");
    holder.close().await.unwrap();
    watcher.close().await.unwrap();
    // The attempts the server still had are done now; what they wrote must fit the answer.
    bench.audit(&[note(command, &outcome)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_can_be_asked_for_once_the_database_is_back() {
    let bench = Bench::new().await;
    let batch = batch();
    let command = batch.command_id;
    let appended = bench.stores.log.append(batch.clone()).await.unwrap();
    bench.proxy.cut_all();
    let known = loop_until_known(&*bench.stores.log, command).await.unwrap();
    assert_eq!((known.first, known.last), (appended.first, appended.last));
    let again = bench.stores.log.append(batch).await.unwrap();
    assert!(again.duplicate && again.first == appended.first);
    let never = loop_until_known(&*bench.stores.log, CommandId(Uuid::nil())).await;
    assert_eq!(never, None);
    bench.audit(&[]).await;
}

async fn loop_until_known(log: &dyn EventLog, command: CommandId) -> Option<Appended> {
    let mut known = None;
    wait_until_async("the outcome", async || match log.outcome(command).await {
        Ok(outcome) => {
            known = outcome;
            true
        }
        Err(_) => false,
    })
    .await;
    known
}
