//! `/conferences/{id}/timeline`: who did what, when and on which node, and what was refused, step by step.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_commands::{Refusal, State as Folded};
use wac_events::{
    Actor, AnyEvent, EventFilter, OpeningId, Position, READ_EVENTS_MAX, ReadRequest, Recorded, StoreError, UserId,
};
use wac_projections::{NODES, Select, Step, Value as Cell, Whereabouts, media_node_of};

use super::common::IdInPath;
use super::conferences::{TABLES, sees};
use super::schemas;
use crate::reading::Query;
use crate::reads::ConferenceView;
use crate::write::nothing_here;
use crate::{Caller, Platform, Problem};

/// Most steps of one page, and how many there are unless asked otherwise.
const STEPS_MAX: usize = 1_000;
/// How far before a room's opening by its own clock its first event is looked for: clocks of nodes differ.
const CLOCKS_DIFFER: std::time::Duration = std::time::Duration::from_secs(600);

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(read))
}

/// A conference, step by step, in the order in which it happened.
#[utoipa::path(get, path = "/conferences/{id}/timeline", tag = "conferences", operation_id = "readConferenceTimeline",
    params(
        ("id" = String, Path, description = "The conference's id"),
        ("after" = Option<u64>, Query, description = "Only what stands behind this position of the log"),
        ("limit" = Option<u64>, Query, description = "At most this many (default 1000)", minimum = 1, maximum = 1000),
    ),
    responses((status = 200, description = "The steps", body = Vec<schemas::ConferenceStep>)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    mut query: Query,
) -> Result<Response, Problem> {
    let original = query.clone();
    let limit = query.page_of(STEPS_MAX)?.limit;
    let after = query.take("after")?.map(|text| text.parse().map(Position));
    let wrong = |_| Problem::parameter("after", "type", "`after` is a position: a whole number from 0 on.");
    let after = after.transpose().map_err(wrong)?.unwrap_or(Position::START);
    query.settle(&platform, &TABLES).await?;
    let id = OpeningId::from(id);
    let mut conference = platform.reads.conference(&id).await?;
    if conference.is_none() {
        platform.caught_up(&TABLES).await?;
        conference = platform.reads.conference(&id).await?;
    }
    let conference = conference.filter(|conference| sees(&caller, conference)).ok_or_else(nothing_here)?;
    let (steps, last) = platform.timeline(&conference, after, None, limit).await?;
    Ok(match last {
        Some(last) => (original.page_behind(limit, last), axum::Json(steps)).into_response(),
        None => axum::Json(steps).into_response(),
    })
}

impl Platform {
    /// The steps of a conference behind `after`, and where the next page starts, if there is one; as it was at
    /// `as_of`, if that is given.
    pub(crate) async fn timeline(
        &self,
        conference: &ConferenceView,
        after: Position,
        as_of: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Value>, Option<Position>), Problem> {
        let mut events = self.events_of(conference).await?;
        events.retain(|event| as_of.is_none_or(|as_of| event.position <= as_of));
        events.sort_by_key(|event| event.position);
        let mut places = self.places_before(conference, &events).await?;
        // All of them are told, so that places are known; a page is shown.
        let steps: Vec<Step> = events.iter().map(|event| Step::of(event, &mut places)).collect();
        let shown: Vec<&Step> = steps.iter().filter(|step| step.position > after).take(limit).collect();
        let last = shown.last().map(|step| step.position).filter(|_| shown.len() >= limit);
        let mut told: Vec<((Position, u8), Value)> =
            shown.iter().map(|step| ((step.position, 0), step_json(step))).collect();
        // A refusal stands behind the position it saw.
        let within = |refusal: &Refusal| {
            let before = |end: Option<Position>| end.is_none_or(|end| refusal.seen < end);
            refusal.seen >= after && before(last) && before(as_of)
        };
        let calls = names_of(conference);
        let refusals = self.handler.refusals().of_calls(&calls).await?;
        told.extend(refusals.iter().filter(|it| within(it)).map(|it| ((it.seen, 1), refusal_json(it))));
        told.sort_by_key(|(place, _)| *place);
        Ok((told.into_iter().map(|(_, step)| step).collect(), last))
    }

    /// The events of its room, invitations, transfers and media sessions.
    async fn events_of(&self, conference: &ConferenceView) -> Result<Vec<Recorded>, StoreError> {
        let mut events = self.events_of_room(conference).await?;
        let invites = conference.invites.iter().map(|(invite, _)| invite.id.stream());
        let transfers = conference.transfers.iter().map(|transfer| transfer.id.stream());
        let media = conference.media.iter().map(|media| media.id.stream());
        for stream in invites.chain(transfers).chain(media) {
            events.extend(self.log.read_stream(&stream, 1, READ_EVENTS_MAX).await?);
        }
        Ok(events)
    }

    /// The room's events from this opening on, to its end: a personal room has had many.
    async fn events_of_room(&self, conference: &ConferenceView) -> Result<Vec<Recorded>, StoreError> {
        let room = &conference.room;
        let after = self.log.position_at(room.created_at.minus(CLOCKS_DIFFER)).await?;
        let filter = EventFilter { stream: Some(room.room.stream()), ..EventFilter::default() };
        let mut request = ReadRequest { after, before: None, filter, limit: READ_EVENTS_MAX };
        let mut events = Vec::new();
        loop {
            let page = self.log.read(request.clone()).await?;
            let of_this = |event: &Recorded| opening_of(event).is_some_and(|opening| opening == room.opening.as_str());
            let ended = |event: &&Recorded| &*event.event_type == "room.closed" && of_this(event);
            let over = page.events.iter().any(|event| ended(&event));
            events.extend(page.events.into_iter().filter(of_this));
            if over || page.scanned_to <= request.after {
                return Ok(events);
            }
            request.after = page.scanned_to;
        }
    }

    /// Where the devices of those concerned were when it began, and where they came up meanwhile.
    async fn places_before(&self, conference: &ConferenceView, events: &[Recorded]) -> Result<Whereabouts, Problem> {
        let mut places = Whereabouts::default();
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(places) };
        let seated = conference.participants.iter().map(|seat| &seat.user);
        let callers = conference.invites.iter().map(|(invite, _)| &invite.from);
        for user in seated.chain(callers).collect::<BTreeSet<&UserId>>() {
            // At the end those are known, too, who came up on another node meanwhile; whoever moved is shown there.
            for position in [last.position, first.position] {
                if let Folded::Presence(presence) = self.handler.load_at(&user.presence_stream(), position).await? {
                    for (session, device) in presence.devices {
                        places.device(session, device.node);
                    }
                }
            }
        }
        let decoded: Vec<_> = events.iter().filter_map(|event| AnyEvent::decode_recorded(event).ok()).collect();
        let nameless = places.nameless().into_iter().chain(decoded.iter().filter_map(media_node_of).cloned());
        let nodes: Vec<Cell> = nameless.map(|node| Cell::from(node.as_str())).collect();
        for row in self.rows.select(Select::from(&NODES).one_of(NODES.key(), nodes)).await? {
            let text = |column: &str| row.get(column).and_then(Cell::as_text);
            if let (Some(id), Some(name)) = (text(NODES.key()), text("name")) {
                places.node(id.into(), name.to_owned());
            }
        }
        Ok(places)
    }
}

/// What refusals in it are kept under.
fn names_of(conference: &ConferenceView) -> Vec<String> {
    let invites = conference.invites.iter().map(|(invite, _)| invite.id.to_string());
    [conference.room.opening.to_string()].into_iter().chain(invites).collect()
}

fn opening_of(event: &Recorded) -> Option<String> {
    let data: Value = serde_json::from_str(&event.data).ok()?;
    data.get("opening")?.as_str().map(str::to_owned)
}

fn actor_json(actor: &Actor) -> Value {
    match actor {
        Actor::User(id) => json!(UserId::from(id.as_str()).uri()),
        Actor::Client(id) => json!(format!("client:{id}")),
        Actor::System(name) => json!(format!("system:{name}")),
    }
}

fn step_json(step: &Step) -> Value {
    json!({
        "position": step.position.0,
        "at": step.at.millis(),
        "event": &*step.event,
        "by": step.by.as_ref().map(actor_json),
        "sessionId": step.session,
        "node": step.node,
        "code": step.code,
        "refused": Value::Null,
        "text": step.sentence(UserId::uri),
    })
}

fn refusal_json(refusal: &Refusal) -> Value {
    json!({
        "position": Value::Null,
        "at": refusal.at.millis(),
        "event": Value::Null,
        "by": actor_json(&refusal.by),
        "sessionId": refusal.session,
        "node": refusal.node,
        "code": Value::Null,
        "refused": { "command": refusal.command, "code": refusal.code },
        "text": format!("refused: {} ({})", refusal.command.replace('_', " "), refusal.reason),
    })
}
