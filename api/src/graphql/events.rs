//! Events and what they changed.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use serde_json::Value;
use wac_events::{EventFilter, EventId, ReadRequest, Recorded};

use super::moment::Moment;
use super::objects::User;
use super::scalars::{DateTime, Position};
use super::session::{platform, session};
use crate::events::{Shown, shown};
use crate::{Platform, Problem};

/// How far before an event its cause is looked for.
pub const CAUSE_SCAN_EVENTS_MAX: u64 = 10_000;
/// Events read at a time while it is looked for.
const CAUSE_PAGE_EVENTS: u64 = 1_000;
/// What a look for a cause costs.
pub(super) const CAUSE_COST: usize = 50;

/// Who did something.
pub(super) struct Actor {
    actor: wac_events::Actor,
    moment: Arc<Moment>,
}

/// Who did something.
#[Object]
impl Actor {
    /// `user`, `client` or `system`.
    async fn kind(&self) -> &str {
        match &self.actor {
            wac_events::Actor::User(_) => "user",
            wac_events::Actor::Client(_) => "client",
            wac_events::Actor::System(_) => "system",
        }
    }

    /// The user's or client's id, or the name of a part of the platform.
    async fn id(&self) -> ID {
        match &self.actor {
            wac_events::Actor::User(id) | wac_events::Actor::Client(id) | wac_events::Actor::System(id) => ID::from(id),
        }
    }

    /// The user, if it is one that is there at present and that the caller may see.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let wac_events::Actor::User(id) = &self.actor else { return Ok(None) };
        let found = self.moment.users.load_one(id.as_str().into()).await?;
        Ok(found.and_then(|view| User::seen(&session(ctx).caller, view, &self.moment)))
    }
}

/// An event of the log.
pub(super) struct Event {
    shown: Arc<Shown>,
    moment: Arc<Moment>,
}

impl Event {
    /// An event the caller may see.
    pub(super) fn new(shown: Shown, present: &Arc<Moment>) -> Self {
        Self { shown: Arc::new(shown), moment: present.clone() }
    }

    fn recorded(&self) -> &Recorded {
        &self.shown.recorded
    }
}

/// An event of the log.
#[Object]
impl Event {
    /// Place in the log.
    async fn position(&self) -> Position {
        self.recorded().position.into()
    }

    /// `<aggregate>-<id>`.
    async fn stream(&self) -> &str {
        self.recorded().stream.as_str()
    }

    /// Place in the stream, from 1.
    async fn version(&self) -> u64 {
        self.recorded().version
    }

    /// Its id.
    async fn id(&self) -> ID {
        ID::from(self.recorded().event_id.to_string())
    }

    /// `user.created`.
    #[graphql(name = "type")]
    async fn event_type(&self) -> &str {
        &self.recorded().event_type
    }

    /// Version of the schema of `data`.
    async fn schema_version(&self) -> u32 {
        self.recorded().schema_version
    }

    /// The domain's id.
    async fn domain(&self) -> Option<ID> {
        self.recorded().domain.as_ref().map(|id| ID::from(id.as_str()))
    }

    /// When the fact happened.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.recorded().occurred_at)
    }

    /// When it was given its position; never goes back along the log.
    async fn recorded_at(&self) -> DateTime {
        DateTime(self.recorded().recorded_at)
    }

    /// Who did it.
    async fn actor(&self) -> Actor {
        Actor { actor: self.shown.meta.actor.clone(), moment: self.moment.clone() }
    }

    /// The command that decided it.
    async fn command_id(&self) -> ID {
        ID::from(self.shown.meta.command_id.to_string())
    }

    /// Equal in everything that follows from one request.
    async fn correlation_id(&self) -> &str {
        &self.shown.meta.correlation_id
    }

    /// The event whose handling caused the command.
    async fn causation_id(&self) -> Option<ID> {
        self.shown.meta.causation_id.map(|id| ID::from(id.to_string()))
    }

    /// The same event, if it stands within 10,000 positions before this one.
    #[graphql(complexity = "CAUSE_COST + child_complexity")]
    async fn caused_by(&self, ctx: &Context<'_>) -> Result<Option<Event>> {
        Ok(cause(ctx, &self.shown, &self.moment).await?)
    }

    /// W3C trace context of the request.
    async fn traceparent(&self) -> Option<&str> {
        self.shown.meta.traceparent.as_deref()
    }

    /// The payload. Personal fields are null once erased, secrets always.
    async fn data(&self) -> Value {
        self.shown.data.clone()
    }

    /// Whether something in `data` has been erased.
    async fn erased(&self) -> bool {
        self.shown.erased
    }
}

/// A page of the log, oldest first.
#[derive(SimpleObject)]
pub(super) struct EventPage {
    /// The events.
    pub(super) events: Vec<Event>,
    /// Whether there may be more that match.
    pub(super) has_next_page: bool,
    /// Everything up to here has been looked at: `after` of the next page.
    pub(super) scanned_to: Position,
}

/// One field that an event changed. `null` stands for nothing, for what is erased and for secrets.
#[derive(SimpleObject, Clone)]
pub(super) struct FieldChange {
    /// Its name.
    pub(super) field: String,
    /// What it was.
    pub(super) from: Value,
    /// What it became.
    pub(super) to: Value,
    /// Whether what it was or became has been erased.
    pub(super) erased: bool,
    /// Whether it is a secret, which is never shown.
    pub(super) secret: bool,
}

/// One step of an object's history.
pub(super) struct HistoryEntry {
    pub(super) shown: Arc<Shown>,
    pub(super) changes: Vec<FieldChange>,
    pub(super) moment: Arc<Moment>,
}

/// One step of an object's history: an event, and what it changed.
#[Object]
impl HistoryEntry {
    /// Place in the log.
    async fn position(&self) -> Position {
        self.shown.recorded.position.into()
    }

    /// The object's version after it.
    async fn version(&self) -> u64 {
        self.shown.recorded.version
    }

    /// When it was recorded.
    async fn at(&self) -> DateTime {
        DateTime(self.shown.recorded.recorded_at)
    }

    /// `user.changed`.
    #[graphql(name = "type")]
    async fn event_type(&self) -> &str {
        &self.shown.recorded.event_type
    }

    /// Who did it.
    async fn actor(&self) -> Actor {
        Actor { actor: self.shown.meta.actor.clone(), moment: self.moment.clone() }
    }

    /// The command that decided it.
    async fn command(&self) -> ID {
        ID::from(self.shown.meta.command_id.to_string())
    }

    /// Equal in everything that follows from one request.
    async fn correlation_id(&self) -> &str {
        &self.shown.meta.correlation_id
    }

    /// Id of the event whose handling caused the command; null: somebody asked for it himself.
    async fn causation_id(&self) -> Option<ID> {
        self.shown.meta.causation_id.map(|id| ID::from(id.to_string()))
    }

    /// That event, if it stands within 10,000 positions before this one.
    #[graphql(complexity = "CAUSE_COST + child_complexity")]
    async fn caused_by(&self, ctx: &Context<'_>) -> Result<Option<Event>> {
        Ok(cause(ctx, &self.shown, &self.moment).await?)
    }

    /// The event itself.
    async fn event(&self) -> Event {
        Event { shown: self.shown.clone(), moment: self.moment.clone() }
    }

    /// Which fields changed, and how.
    async fn changes(&self) -> &[FieldChange] {
        &self.changes
    }
}

/// An object's history, oldest first.
#[derive(SimpleObject)]
pub(super) struct History {
    /// Its stream.
    pub(super) stream: String,
    /// The steps.
    pub(super) entries: Vec<HistoryEntry>,
    /// Whether there are more behind the last of them: go on with `after` its position.
    pub(super) has_next_page: bool,
}

async fn cause(ctx: &Context<'_>, shown_event: &Shown, moment: &Arc<Moment>) -> Result<Option<Event>, Problem> {
    let Some(id) = shown_event.meta.causation_id else { return Ok(None) };
    let platform = platform(ctx);
    let Some(found) = find_before(platform, shown_event.recorded.position, id).await? else { return Ok(None) };
    // The cause may stand in a stream the caller may not see.
    let caller = &session(ctx).caller;
    let target = crate::policy::Target::Stream(&found.stream);
    if !crate::policy::allows(caller, crate::policy::Action::Read, &target).is_allowed() {
        return Ok(None);
    }
    let mut events = shown(vec![found], &*platform.keys).await?;
    Ok(events.pop().map(|event| Event::new(event, moment)))
}

/// Looks for an event by its id, backwards from `before`, a bounded way.
async fn find_before(
    platform: &Platform,
    before: wac_events::Position,
    id: EventId,
) -> Result<Option<Recorded>, Problem> {
    let floor = before.0.saturating_sub(CAUSE_SCAN_EVENTS_MAX);
    let mut upper = before.0;
    while upper > floor + 1 {
        let after = upper.saturating_sub(CAUSE_PAGE_EVENTS).max(floor);
        let request = ReadRequest {
            after: wac_events::Position(after),
            before: Some(wac_events::Position(upper)),
            filter: EventFilter::default(),
            limit: usize::try_from(CAUSE_PAGE_EVENTS).unwrap_or(usize::MAX),
        };
        let page = platform.log.read(request).await?;
        if let Some(found) = page.events.into_iter().find(|event| event.event_id == id) {
            return Ok(Some(found));
        }
        upper = after + 1;
        if after == floor {
            break;
        }
    }
    Ok(None)
}
