//! What can be followed as it happens.

use async_graphql::{Context, ID, Result, SimpleObject, Subscription as GqlSubscription, Union};
use futures::stream::{self, Stream};
use wac_events::{EventFilter, Position as LogPosition};

use super::enums::ObjectKind;
use super::events::Event;
use super::objects::{Agent, Client, Conference, Credential, DeviceSession, Domain, Presence, User, UsersGroup};
use super::query::EventConditions;
use super::scalars::Position;
use super::session::{Session, platform, session};
use super::socket::token_ended;
use super::views::{Object, object_at};
use crate::events::{Feed, FeedEnd, scope};
use crate::policy::{Action, Target, allows};
use crate::{Platform, Problem};

/// What can be followed.
pub(super) struct Subscription;

/// An object the caller may see has changed.
#[derive(SimpleObject)]
pub(super) struct Change {
    /// Place of the change in the log: `after` to resume.
    position: Position,
    /// What has changed.
    kind: ObjectKind,
    /// Which.
    id: ID,
    /// What happened, `user.changed`.
    #[graphql(name = "type")]
    event_type: String,
    /// The object as the change left it, or (of calls and people) as it is by now; null once it is gone.
    object: Option<ChangedObject>,
}

/// An object that has changed.
#[derive(Union)]
#[allow(clippy::large_enum_variant)]
pub(super) enum ChangedObject {
    /// A domain.
    Domain(Domain),
    /// A user.
    User(User),
    /// A credential.
    Credential(Credential),
    /// An OAuth2 client.
    Client(Client),
    /// A session, as it is by now.
    Session(DeviceSession),
    /// A user's presence, as it is by now.
    Presence(Presence),
    /// A users group, as it is by now.
    UsersGroup(UsersGroup),
    /// The present opening of a room, as it is by now.
    Conference(Conference),
    /// An agent, as he is by now.
    Agent(Agent),
}

impl From<Object> for ChangedObject {
    fn from(object: Object) -> Self {
        match object {
            Object::Domain(domain) => Self::Domain(domain),
            Object::User(user) => Self::User(user),
            Object::Credential(credential) => Self::Credential(credential),
            Object::Client(client) => Self::Client(client),
            Object::Session(session) => Self::Session(session),
            Object::Presence(presence) => Self::Presence(presence),
            Object::UsersGroup(group) => Self::UsersGroup(group),
            Object::Conference(conference) => Self::Conference(*conference),
            Object::Agent(agent) => Self::Agent(agent),
        }
    }
}

/// What can be followed.
#[GqlSubscription]
impl Subscription {
    /// Events as they happen, each once and in order. Without `after` it starts at the end of the
    /// log. Administrators see all, a user those of his own record.
    async fn events<'ctx>(
        &self,
        ctx: &Context<'ctx>,
        #[graphql(default)] filter: EventConditions,
        #[graphql(desc = "Start behind this position")] after: Option<Position>,
    ) -> Result<impl Stream<Item = Result<Event>> + 'ctx> {
        let (platform, session) = (platform(ctx), session(ctx));
        let filter = scope(platform, &session.caller, filter.into()).await?;
        let follow = Follow::start(platform, session, filter, after).await?;
        let present = session.present(platform);
        Ok(stream::unfold(follow, move |mut follow| {
            let present = present.clone();
            async move {
                let event = follow.next().await?;
                Some((event.map(|event| Event::new(event, &present)), follow))
            }
        }))
    }

    /// Changes of the objects the caller may see, each with the object: what a screen that shows them
    /// needs. Everybody sees what he may read; what is gone is told to
    /// administrators only.
    async fn changes<'ctx>(
        &self,
        ctx: &Context<'ctx>,
        #[graphql(default, desc = "Only objects of these kinds; none: domains, users, credentials and clients")] kinds: Vec<ObjectKind>,
        #[graphql(desc = "Only this object")] id: Option<ID>,
        #[graphql(desc = "Start behind this position")] after: Option<Position>,
    ) -> Result<impl Stream<Item = Result<Change>> + 'ctx> {
        let (platform, session) = (platform(ctx), session(ctx));
        let kinds = if kinds.is_empty() {
            vec![ObjectKind::Domain, ObjectKind::User, ObjectKind::Credential, ObjectKind::Client]
        } else {
            kinds
        };
        let types = kinds.iter().map(|kind| format!("{}.*", kind.aggregate())).collect();
        let filter = EventFilter { types, ..EventFilter::default() };
        let follow = Follow::start(platform, session, filter, after).await?;
        let ctx = ctx.clone();
        Ok(stream::unfold((follow, ctx, id), |(mut follow, ctx, id)| async move {
            loop {
                let event = match follow.next().await? {
                    Ok(event) => event,
                    Err(error) => return Some((Err(error), (follow, ctx, id))),
                };
                match change(&ctx, &event.recorded, id.as_ref()).await {
                    Ok(None) => {}
                    Ok(Some(change)) => return Some((Ok(change), (follow, ctx, id))),
                    Err(problem) => return Some((Err(problem.into()), (follow, ctx, id))),
                }
            }
        }))
    }
}

async fn change(ctx: &Context<'_>, event: &wac_events::Recorded, id: Option<&ID>) -> Result<Option<Change>, Problem> {
    let stream = &event.stream;
    let Some(kind) = ObjectKind::of_aggregate(stream.aggregate()) else { return Ok(None) };
    if id.is_some_and(|id| id.as_str() != stream.id()) {
        return Ok(None);
    }
    let object = object_at(ctx, stream, event.position).await?;
    // The caller who may see everything is told of what is gone, too.
    let everything = allows(&session(ctx).caller, Action::List, &Target::Events { domain: None }).is_allowed();
    if object.is_none() && !everything {
        return Ok(None);
    }
    Ok(Some(Change {
        position: event.position.into(),
        kind,
        id: ID::from(stream.id()),
        event_type: event.event_type.to_string(),
        object: object.map(Into::into),
    }))
}

/// A feed whose last item may be an error.
struct Follow {
    feed: Feed,
    ended: bool,
}

impl Follow {
    async fn start(
        platform: &Platform,
        session: &Session,
        filter: EventFilter,
        after: Option<Position>,
    ) -> Result<Self, Problem> {
        let head = platform.log.head().await?.position;
        let after: LogPosition = after.map_or(head, Into::into);
        if after > head {
            let detail = format!("The log ends at position {head}.");
            return Err(Problem::invalid("position_unknown", detail).at("/after"));
        }
        let feed = Feed::new(platform.clone(), (*session.caller).clone(), filter, after);
        Ok(Self { feed, ended: false })
    }

    /// The next event; an error is the last item.
    async fn next(&mut self) -> Option<Result<crate::events::Shown>> {
        if self.ended {
            return None;
        }
        match self.feed.next().await {
            Ok(event) => Some(Ok(event)),
            Err(FeedEnd::Shutdown) => None,
            Err(end) => {
                self.ended = true;
                Some(Err(match end {
                    FeedEnd::Failed(problem) => problem.into(),
                    FeedEnd::TokenEnded | FeedEnd::Shutdown => token_ended().into(),
                }))
            }
        }
    }
}
