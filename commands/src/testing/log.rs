//! A small log, key store and read model in memory, with the faults tests ask for.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::*;

use super::*;
use crate::process::*;

/// A clock that is set, and numbers that only look random.
pub(crate) struct TestEnv {
    micros: AtomicI64,
    seed: AtomicU64,
}

impl TestEnv {
    pub(crate) fn set(&self, now: Time) {
        self.micros.store(now.micros(), Ordering::SeqCst);
    }
}

impl Environment for TestEnv {
    fn now(&self) -> Time {
        Time::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let next = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let bytes = (mixed ^ (mixed >> 27)).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

#[derive(Default)]
struct Written {
    events: Vec<Recorded>,
    commands: HashMap<CommandId, (Position, Position)>,
}

/// The log.
#[derive(Default)]
pub(crate) struct TestLog {
    written: Mutex<Written>,
    /// Held by a test: appends wait.
    pub(crate) gate: async_lock::Mutex<()>,
    pub(crate) always_conflict: AtomicBool,
    pub(crate) lose_answers: AtomicBool,
    pub(crate) forget_outcomes: AtomicBool,
    pub(crate) appends: AtomicUsize,
    pub(crate) stream_reads: AtomicUsize,
    /// Events handed out by reads of streams.
    pub(crate) events_read: AtomicUsize,
}

impl TestLog {
    pub(crate) fn events(&self) -> Vec<Recorded> {
        self.written.lock().unwrap().events.clone()
    }

    pub(crate) fn types(&self) -> Vec<String> {
        self.events().iter().map(|event| event.event_type.to_string()).collect()
    }

    /// Every stream's state.
    pub(crate) fn states(&self) -> HashMap<StreamId, State> {
        let mut states: HashMap<StreamId, State> = HashMap::new();
        for recorded in self.events() {
            let event = AnyEvent::decode_recorded(&recorded).unwrap();
            let state = states.remove(&recorded.stream).or_else(|| State::empty(recorded.stream.aggregate())).unwrap();
            states.insert(recorded.stream, state.evolve(&event));
        }
        states
    }

    fn write(&self, batch: AppendBatch) -> Result<Appended, AppendError> {
        let mut written = self.written.lock().unwrap();
        if let Some((first, last)) = written.commands.get(&batch.command_id) {
            return Ok(Appended { first: *first, last: *last, duplicate: true });
        }
        if batch.appends.iter().all(|append| append.events.is_empty()) {
            return Err(AppendError::Invalid("a batch has at least one event"));
        }
        for append in &batch.appends {
            let actual = written.events.iter().filter(|event| event.stream == append.stream).count() as u64;
            let ExpectedVersion::Exact(expected) = append.expected else { continue };
            if expected != actual || self.always_conflict.load(Ordering::SeqCst) {
                return Err(AppendError::Conflict { stream: append.stream.clone(), expected, actual });
            }
        }
        let first = Position(written.events.len() as u64 + 1);
        for append in batch.appends {
            for new in append.events {
                let version = written.events.iter().filter(|event| event.stream == append.stream).count() as u64 + 1;
                let position = Position(written.events.len() as u64 + 1);
                written.events.push(Recorded {
                    position,
                    stream: append.stream.clone(),
                    version,
                    event_id: new.event_id,
                    event_type: new.event_type.into(),
                    schema_version: new.schema_version,
                    domain: new.domain,
                    data: new.data,
                    meta: new.meta,
                    occurred_at: new.occurred_at,
                    recorded_at: new.occurred_at,
                });
            }
        }
        let last = Position(written.events.len() as u64);
        written.commands.insert(batch.command_id, (first, last));
        Ok(Appended { first, last, duplicate: false })
    }
}

impl EventLog for TestLog {
    fn append(&self, batch: AppendBatch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        async move {
            self.appends.fetch_add(1, Ordering::SeqCst);
            let _gate = self.gate.lock().await;
            yield_now().await;
            let command_id = batch.command_id;
            let appended = self.write(batch)?;
            if self.lose_answers.load(Ordering::SeqCst) {
                let source = StoreError::new("append", "connection reset");
                return Err(AppendError::OutcomeUnknown { command_id, source });
            }
            Ok(appended)
        }
        .boxed()
    }

    fn outcome(&self, command: CommandId) -> BoxFuture<'_, Result<Option<Appended>, StoreError>> {
        async move {
            if self.forget_outcomes.load(Ordering::SeqCst) {
                return Err(StoreError::new("outcome", "connection refused"));
            }
            let found = self.written.lock().unwrap().commands.get(&command).copied();
            Ok(found.map(|(first, last)| Appended { first, last, duplicate: true }))
        }
        .boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        async move {
            let events = self.events();
            let end = request.before.map_or(events.len() as u64, |before| before.0 - 1).min(events.len() as u64);
            let mut page = Page { events: Vec::new(), scanned_to: request.after };
            for event in events.into_iter().filter(|event| event.position > request.after && event.position.0 <= end) {
                if page.events.len() == request.limit {
                    return Ok(page);
                }
                page.scanned_to = event.position;
                let wanted = request.filter.types.is_empty()
                    || request.filter.types.iter().any(|t| is_wanted(t, &event.event_type));
                if wanted {
                    page.events.push(event);
                }
            }
            Ok(page)
        }
        .boxed()
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        from_version: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, StoreError>> {
        async move {
            self.stream_reads.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
            let events = self.events().into_iter();
            let found: Vec<_> =
                events.filter(|e| e.stream == *stream && e.version >= from_version).take(limit).collect();
            self.events_read.fetch_add(found.len(), Ordering::SeqCst);
            Ok(found)
        }
        .boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        async move { Ok(Head { position: Position(self.events().len() as u64), recorded_at: now() }) }.boxed()
    }

    fn position_at(&self, _: Time) -> BoxFuture<'_, Result<Position, StoreError>> {
        async move { Ok(Position(self.events().len() as u64)) }.boxed()
    }

    fn wait_beyond(&self, _: Position, _: Duration) -> BoxFuture<'_, ()> {
        futures::future::pending().boxed()
    }
}

fn is_wanted(want: &str, event_type: &str) -> bool {
    match want.strip_suffix('*') {
        Some(aggregate) => event_type.starts_with(aggregate),
        None => want == event_type,
    }
}

/// Lets others go first, once.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    futures::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// The keys.
pub(crate) struct TestKeys {
    env: Arc<TestEnv>,
    states: Mutex<HashMap<SubjectId, KeyState>>,
}

impl TestKeys {
    fn state(&self, subject: &SubjectId) -> KeyState {
        self.states.lock().unwrap().get(subject).cloned().unwrap_or(KeyState::Absent)
    }
}

impl KeyStore for TestKeys {
    fn find<'a>(&'a self, subjects: &'a [SubjectId]) -> BoxFuture<'a, Result<Vec<KeyState>, StoreError>> {
        async move { Ok(subjects.iter().map(|subject| self.state(subject)).collect()) }.boxed()
    }

    fn find_or_create<'a>(&'a self, subject: &'a SubjectId) -> BoxFuture<'a, Result<KeyState, StoreError>> {
        async move {
            let mut states = self.states.lock().unwrap();
            let made = || KeyState::Present(SubjectKey::generate(subject.clone(), &*self.env));
            Ok(states.entry(subject.clone()).or_insert_with(made).clone())
        }
        .boxed()
    }

    fn destroy<'a>(&'a self, subject: &'a SubjectId) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            self.states.lock().unwrap().insert(subject.clone(), KeyState::Erased);
            Ok(())
        }
        .boxed()
    }

    fn forget(&self, _: &SubjectId) {}

    fn keyed_hash(&self, purpose: &str, text: &str) -> String {
        MasterKey::new([7; 32]).keyed_hash(purpose, text)
    }
}

impl Checkpoints for Mutex<HashMap<String, Position>> {
    fn load<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Position, StoreError>> {
        async move { Ok(self.lock().unwrap().get(name).copied().unwrap_or_default()) }.boxed()
    }

    fn save<'a>(&'a self, name: &'a str, position: Position) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            self.lock().unwrap().insert(name.to_owned(), position);
            Ok(())
        }
        .boxed()
    }
}

/// A timer that sets the clock.
struct TestTimer(Arc<TestEnv>);

impl Timer for TestTimer {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.set(self.0.now().plus(duration));
        yield_now().boxed()
    }
}

/// Lists what belongs to what by folding the whole log.
struct TestLookup(Arc<TestLog>);

impl TestLookup {
    fn belongs(listing: &Listing, state: &State) -> bool {
        match (listing, state) {
            (Listing::UsersOf(of), State::User(user)) => user.exists() && user.domain == *of,
            (Listing::ChildDomainsOf(of), State::Domain(domain)) => {
                domain.exists() && domain.parent.as_ref() == Some(of)
            }
            (Listing::ClientsOf(of), State::Client(client)) => client.exists() && client.domain == *of,
            (Listing::PoolOf(of), State::Credential(found)) => {
                found.exists() && found.user.is_none() && found.domain == *of
            }
            (Listing::CredentialsOf(of), State::Credential(found)) => found.exists() && found.user.as_ref() == Some(of),
            (Listing::TokensOfUser(of), State::Token(token)) => token.exists() && token.user.as_ref() == Some(of),
            (Listing::TokensOfClient(of), State::Token(token)) => token.exists() && token.client.as_ref() == Some(of),
            (Listing::LeasedTo(of), State::Credential(found)) => found.lease.as_ref().is_some_and(|l| l.holder == *of),
            (Listing::MediaOf(of), State::MediaSession(media)) => media.is_live() && media.node.as_ref() == Some(of),
            _ => false,
        }
    }
}

impl Lookup for TestLookup {
    fn list<'a>(
        &'a self,
        listing: &'a Listing,
        after: Option<&'a str>,
        limit: usize,
        _: Position,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        async move {
            let states = self.0.states();
            let found = states.iter().filter(|(_, state)| Self::belongs(listing, state)).map(|(stream, _)| stream.id());
            let sorted: BTreeSet<String> =
                found.filter(|id| after.is_none_or(|after| *id > after)).map(str::to_owned).collect();
            Ok(sorted.into_iter().take(limit).collect())
        }
        .boxed()
    }
}

/// Everything a handler needs, and several handlers on one log.
pub(crate) struct Bench {
    pub(crate) env: Arc<TestEnv>,
    pub(crate) log: Arc<TestLog>,
    pub(crate) keys: Arc<TestKeys>,
    pub(crate) handler: CommandHandler,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let env = Arc::new(TestEnv { micros: AtomicI64::new(now().micros()), seed: AtomicU64::new(1) });
        let log = Arc::new(TestLog::default());
        let keys = Arc::new(TestKeys { env: env.clone(), states: Mutex::default() });
        let handler = CommandHandler::new(log.clone(), keys.clone(), env.clone(), Limits::default());
        Self { env, log, keys, handler }
    }

    /// Another node on the same log.
    pub(crate) fn node(&self, limits: Limits) -> CommandHandler {
        CommandHandler::new(self.log.clone(), self.keys.clone(), self.env.clone(), limits)
    }

    pub(crate) fn env_now(&self) -> Time {
        self.env.now()
    }

    pub(crate) fn ctx(&self) -> Context {
        Context::new(self.env.now(), Actor::System("test".to_owned()), CommandId(self.env.new_uuid()))
    }

    #[track_caller]
    pub(crate) fn run(&self, command: impl Command) -> Executed {
        futures::executor::block_on(self.handler.execute(&command, self.ctx())).expect("accepted")
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports {
            handler: self.handler.clone(),
            lookup: Arc::new(TestLookup(self.log.clone())),
            calls: Arc::new(TestCalls(self.log.clone())),
            checkpoints: Arc::new(Mutex::new(HashMap::new())),
            timer: Arc::new(TestTimer(self.env.clone())),
            watcher: Arc::new(Silent),
        }
    }

    /// Lets every manager work until none finds anything new.
    pub(crate) fn settle(&self, ports: &Ports, tokens_max: usize) {
        self.settle_by(ports, ProcessRules { tokens_max, ..ProcessRules::default() });
    }

    /// Lets every manager work as the operator wants until none finds anything new.
    pub(crate) fn settle_by(&self, ports: &Ports, rules: ProcessRules) {
        let managers = all(Arc::new(KeyEraser(self.keys.clone())), rules);
        loop {
            let before = self.log.events().len();
            for manager in &managers {
                futures::executor::block_on(catch_up(&**manager, ports)).expect("handled");
            }
            if self.log.events().len() == before {
                return;
            }
        }
    }
}
