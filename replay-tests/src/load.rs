//! Many concurrent writers, through the log itself and through the command handler, that note
//! what they were told about every command.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wac_commands::{
    ChangeUser, Command, CommandError, CommandHandler, Context, CreateDomain, CreateUser, DeleteUser, Limits,
    UserChanges, name_key,
};
use wac_events::reservation::ReservationTaken;
use wac_events::{
    Actor, AppendBatch, AppendError, CommandId, DomainId, Environment, Event, EventId, ExpectedVersion, Meta, NewEvent,
    Position, ReservationEvent, Role, StreamAppend, StreamId, UserId,
};
use wac_store::Stores;

use crate::audit::{Answer, Note};

/// The domain the writers' users live in.
pub const DOMAIN: &str = "load";
/// Streams that every raw writer adds to.
const SHARED_STREAMS: u64 = 4;
/// Users that every command writer changes.
const SHARED_USERS: usize = 3;
/// Pause after an answer that says the store cannot be written.
const REFUSED_PAUSE: Duration = Duration::from_millis(10);

/// Whom notes go to.
pub type Sink = Arc<dyn Fn(Note) + Send + Sync>;

/// When a writer says that a command is durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acknowledge {
    /// Once the log has said so.
    AfterCommit,
    /// Before it has: the mistake that the tests must notice.
    BeforeCommit,
}

/// A set of writers on one store.
#[derive(Clone)]
pub struct Load {
    stores: Stores,
    handler: CommandHandler,
    env: Arc<dyn Environment>,
    acknowledge: Acknowledge,
    sink: Sink,
    /// Tells this set's objects from those of every other.
    id: String,
}

impl Load {
    /// Writers on `stores`, which notes go to `sink`. Makes the domain they need unless it is there.
    pub async fn new(stores: Stores, env: Arc<dyn Environment>, acknowledge: Acknowledge, sink: Sink) -> Result<Self> {
        let handler = CommandHandler::new(stores.log.clone(), stores.keys.clone(), env.clone(), Limits::default());
        let id = env.new_uuid().to_string();
        let load = Self { stores, handler, env, acknowledge, sink, id };
        load.make_ground().await?;
        Ok(load)
    }

    /// Writes with `tasks` tasks until `stop`.
    pub async fn run(&self, tasks: usize, stop: CancellationToken) {
        let mut set = JoinSet::new();
        for task in 0..tasks {
            let (load, stop) = (self.clone(), stop.clone());
            set.spawn(async move {
                let writer = Writer { task, load: &load };
                let work = async {
                    match task % 4 {
                        0 => writer.own_streams(&stop).await,
                        1 => writer.shared_streams(&stop).await,
                        2 => writer.own_users(&stop).await,
                        _ => writer.shared_users(&stop).await,
                    }
                };
                work.await;
            });
        }
        set.join_all().await;
    }

    async fn make_ground(&self) -> Result<()> {
        let create = CreateDomain {
            id: DomainId::from(DOMAIN),
            name: DOMAIN.to_owned(),
            parent: None,
            origins: Vec::new(),
            enable_anonymous: false,
            anonymous_expiration_ms: 0,
            anonymous_capabilities: Vec::new(),
            services: None,
        };
        match self.handler.execute(&create, self.context()).await {
            Ok(_) | Err(CommandError::Rejected(_)) => {}
            Err(error) => return Err(error).context("making the writers' domain"),
        }
        for index in 0..SHARED_USERS {
            match self.handler.execute(&self.new_user(shared_user(index))?, self.context()).await {
                Ok(_) | Err(CommandError::Rejected(_) | CommandError::Contention) => {}
                Err(error) => return Err(error).context("making the writers' users"),
            }
        }
        Ok(())
    }

    fn context(&self) -> Context {
        let command_id = CommandId(self.env.new_uuid());
        Context::new(self.env.now(), Actor::System("load".to_owned()), command_id)
    }

    fn new_user(&self, id: UserId) -> Result<CreateUser> {
        let domain = DomainId::from(DOMAIN);
        let username = format!("user {id}");
        Ok(CreateUser {
            name_key: name_key(&*self.stores.keys, &domain, &username)?,
            id,
            domain,
            username,
            role: Role::User,
            email: Some("somebody@example.org".to_owned()),
            mobile_phones: vec!["+34 600 000 000".to_owned()],
            land_line_number: None,
            alias: "an alias".to_owned(),
            display_name: None,
            capabilities: Vec::new(),
        })
    }
}

fn shared_user(index: usize) -> UserId {
    UserId::from(format!("shared-{index}"))
}

struct Writer<'l> {
    task: usize,
    load: &'l Load,
}

impl Writer<'_> {
    /// One stream after the other, each append with the exact version.
    async fn own_streams(&self, stop: &CancellationToken) {
        for stream_number in 0u64.. {
            let stream = self.stream(&format!("{stream_number}"));
            let mut version = 0;
            while !stop.is_cancelled() && version < 20 {
                let command = self.command();
                let events = self.events(command, 1 + version % 3);
                version += events.len() as u64;
                let expected = ExpectedVersion::Exact(version - events.len() as u64);
                let appends = vec![StreamAppend { stream: stream.clone(), expected, events }];
                if !self.append(AppendBatch { command_id: command, appends }).await {
                    break;
                }
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    /// Streams that others write to as well, two in each command.
    async fn shared_streams(&self, stop: &CancellationToken) {
        for number in self.task as u64.. {
            if stop.is_cancelled() {
                return;
            }
            let command = self.command();
            let shared = StreamId::of("reservation", &format!("load:shared:{}", number % SHARED_STREAMS));
            let any = ExpectedVersion::Any;
            let appends = vec![
                StreamAppend { stream: shared, expected: any, events: self.events(command, 1 + number % 2) },
                StreamAppend { stream: self.stream("beside"), expected: any, events: self.events(command, 1) },
            ];
            self.append(AppendBatch { command_id: command, appends }).await;
        }
    }

    /// Creates, changes and deletes users of its own.
    async fn own_users(&self, stop: &CancellationToken) {
        for number in 0u64.. {
            let id = UserId::from(format!("{}-{}-{number}", self.load.id, self.task));
            let create = self.load.new_user(id.clone()).expect("the name is valid");
            if stop.is_cancelled() {
                return;
            }
            if !self.execute(&create).await {
                continue;
            }
            self.execute(&self.change(id.clone(), "changed")).await;
            if number % 3 == 0 {
                self.execute(&DeleteUser { id, cascade: true, erase: false, expected_version: None }).await;
            }
        }
    }

    /// Changes users that others change as well.
    async fn shared_users(&self, stop: &CancellationToken) {
        for number in self.task.. {
            if stop.is_cancelled() {
                return;
            }
            let alias = format!("alias {number} of {} {}", self.load.id, self.task);
            self.execute(&self.change(shared_user(number % SHARED_USERS), &alias)).await;
        }
    }

    fn change(&self, id: UserId, alias: &str) -> ChangeUser {
        let changes = UserChanges { alias: Some(alias.to_owned()), ..UserChanges::default() };
        ChangeUser { id, changes, expected_version: None }
    }

    fn stream(&self, name: &str) -> StreamId {
        StreamId::of("reservation", &format!("load:{}:{}:{name}", self.load.id, self.task))
    }

    fn command(&self) -> CommandId {
        CommandId(self.load.env.new_uuid())
    }

    fn events(&self, command: CommandId, count: u64) -> Vec<NewEvent> {
        let meta = Meta {
            actor: Actor::System("load".to_owned()),
            command_id: command,
            correlation_id: command.to_string(),
            causation_id: None,
            traceparent: None,
            session: None,
            key_id: None,
            request: None,
        };
        let meta = serde_json::to_string(&meta).expect("metadata is plain JSON");
        let event = |number: u64| {
            let event = ReservationEvent::from(ReservationTaken { holder: format!("{}/{count}", number + 1) });
            NewEvent {
                event_id: EventId(self.load.env.new_uuid()),
                event_type: event.event_type(),
                schema_version: event.schema_version(),
                domain: Some(DomainId::from(DOMAIN)),
                data: event.encode().expect("nothing in it is protected"),
                meta: meta.clone(),
                occurred_at: self.load.env.now(),
            }
        };
        (0..count).map(event).collect()
    }

    fn note(&self, command: CommandId, answer: Answer) {
        (self.load.sink)(Note { task: self.task, command, answer });
    }

    fn acknowledge_early(&self, command: CommandId) {
        if self.load.acknowledge == Acknowledge::BeforeCommit {
            self.note(command, Answer::AcknowledgedEarly);
        }
    }

    fn acknowledge(&self, command: CommandId, first: Position, last: Position) {
        if self.load.acknowledge == Acknowledge::AfterCommit {
            self.note(command, Answer::Acknowledged { first, last });
        }
    }

    /// Returns whether it was acknowledged.
    async fn append(&self, batch: AppendBatch) -> bool {
        let command = batch.command_id;
        self.acknowledge_early(command);
        match self.load.stores.log.append(batch).await {
            Ok(appended) => {
                self.acknowledge(command, appended.first, appended.last);
                return true;
            }
            Err(error @ AppendError::OutcomeUnknown { .. }) => self.unknown(command, &error).await,
            Err(error) => self.refused(command, &error).await,
        }
        false
    }

    /// Returns whether it was acknowledged.
    async fn execute(&self, what: &dyn Command) -> bool {
        let ctx = self.load.context();
        let command = ctx.command_id;
        self.acknowledge_early(command);
        match self.load.handler.execute(what, ctx).await {
            Ok(executed) => {
                let count = executed.facts.len() as u64;
                let first = Position((executed.position.0 + 1).saturating_sub(count));
                if count > 0 {
                    self.acknowledge(command, first, executed.position);
                }
                return true;
            }
            Err(error @ CommandError::OutcomeUnknown(_)) => self.unknown(command, &error).await,
            Err(error) => self.refused(command, &error).await,
        }
        false
    }

    async fn unknown(&self, command: CommandId, error: &(dyn std::error::Error + Send + Sync)) {
        self.note(command, Answer::Unknown(error.to_string()));
        tokio::time::sleep(REFUSED_PAUSE).await;
    }

    async fn refused(&self, command: CommandId, error: &(dyn std::error::Error + Send + Sync)) {
        self.note(command, Answer::Refused(error.to_string()));
        tokio::time::sleep(REFUSED_PAUSE).await;
    }
}
