//! `/conferences`: the conference log.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_events::{Callee, InviteKind, OpeningId, Position, Role, Time, UserId};
use wac_projections::{
    CandidateRow, CandidateState, InviteRow, InviteState, ParticipantRow, Quality, TransferRow, TransferState,
};

use super::common::{IdInPath, user_id};
use super::export::{self, Format};
use super::schemas;
use crate::policy::{Action, Target, allows};
use crate::reading::Query;
use crate::reads::{ConferenceFilter, ConferenceView, percent, rounded};
use crate::write::nothing_here;
use crate::{Caller, Platform, Problem};

pub(crate) const TABLES: [&str; 9] = [
    "rooms",
    "participants",
    "invites",
    "candidates",
    "transfers",
    "conference_users",
    "domains",
    "users",
    "media_sessions",
];
/// Conferences in a page unless more are asked for.
const CONFERENCES_DEFAULT: usize = 10;
/// What a candidate is told who was somewhere else, or whom somebody was faster than (RFC 3261 §21.4.25).
const CODE_CANCELLED: u64 = 487;
/// What is said of a candidate without a device.
const CODE_NOT_FOUND: u64 = 404;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read))
}

fn callee_uri(to: &Callee) -> String {
    match to {
        Callee::User(user) | Callee::Agent(user) => user.uri(),
        Callee::Group(group) => group.uri(),
    }
}

/// Means and sums; what was not measured is `null`.
fn quality_json(quality: &Quality) -> Value {
    json!({
        "estimatedMos": quality.mos().map(rounded),
        "lostSentPercent": percent(&quality.lost_sent),
        "lostReceivedPercent": percent(&quality.lost_received),
        "roundTripMs": quality.round_trip.value().map(rounded),
        "packetsLostSent": quality.packets_lost_sent,
        "packetsLostReceived": quality.packets_lost_received,
        "jitterSentMs": quality.jitter_sent.value().map(rounded),
        "jitterReceivedMs": quality.jitter_received.value().map(rounded),
        "bytesSent": quality.bytes_sent,
        "bytesReceived": quality.bytes_received,
        "speakingMs": quality.speaking_ms,
        "measuredMs": quality.measured_ms,
    })
}

fn participant_json(conference: &ConferenceView, seat: &ParticipantRow) -> Value {
    json!({
        "address": seat.user.uri(),
        "sessionId": seat.session,
        "createdAt": seat.joined_at.millis(),
        "finishedAt": seat.left_at.map(Time::millis),
        "node": conference.media_of(seat).last().map(|media| &media.node),
        "quality": conference.quality_of(seat).as_ref().map(quality_json),
    })
}

fn invite_state(state: InviteState) -> &'static str {
    match state {
        InviteState::Ringing => "RINGING",
        InviteState::Accepted => "ACCEPTED",
        InviteState::Declined | InviteState::Ended => "DECLINED",
        InviteState::DeclinedByCreator => "DECLINED_BY_CREATOR",
        InviteState::DeclinedByTimeout => "DECLINED_BY_TIMEOUT",
    }
}

fn candidate_json(invite: &InviteRow, candidate: &CandidateRow) -> Value {
    let end = match (candidate.state, invite.state) {
        (CandidateState::Accepted | CandidateState::Declined, _) => candidate.code,
        (_, InviteState::Ringing) => None,
        (CandidateState::Absent, _) => Some(CODE_NOT_FOUND),
        (CandidateState::Ringing, InviteState::Accepted) => Some(CODE_CANCELLED),
        (CandidateState::Ringing, _) => invite.code,
    };
    json!({ "address": candidate.user.uri(), "endReason": end })
}

fn invite_json((invite, candidates): &(InviteRow, Vec<CandidateRow>)) -> Value {
    let candidates: Vec<Value> = candidates.iter().map(|candidate| candidate_json(invite, candidate)).collect();
    json!({
        "id": invite.id,
        "from": invite.from.uri(),
        "to": callee_uri(&invite.to),
        "state": invite_state(invite.state),
        "group": matches!(invite.to, Callee::Group(_)),
        "inviteRequest": invite.kind == InviteKind::InviteRequest,
        "mediatypes": { "audio": invite.mediatypes.audio, "video": invite.mediatypes.video },
        "error": invite.code,
        "candidates": candidates,
    })
}

fn transfer_json(room: &str, transfer: &TransferRow) -> Value {
    let to = transfer.to.as_ref().map(callee_uri);
    let declined = matches!(transfer.state, TransferState::Declined | TransferState::Failed);
    let media = transfer.mediatypes;
    json!({
        "id": transfer.id,
        "from": transfer.by.uri(),
        "to": to.or_else(|| transfer.target_room.as_ref().map(|room| room.id.to_string())),
        "idInvite": transfer.invite,
        "roomId": room,
        "state": if declined { "DECLINED" } else { "INVITED" },
        "mediatypes": { "audio": media.audio, "video": media.video, "screen": media.screen },
    })
}

/// An entry as everybody who may see it is shown it.
pub(crate) fn conference_json(conference: &ConferenceView) -> Value {
    let room = &conference.room;
    let participants = conference.participants.iter().map(|seat| participant_json(conference, seat));
    let transfers = conference.transfers.iter().map(|transfer| transfer_json(room.room.id.as_str(), transfer));
    json!({
        "id": room.opening,
        "roomId": room.room.id,
        "owner": room.owner,
        "state": if room.closed_at.is_some() { "finished" } else { "active" },
        "createdAt": room.created_at.millis(),
        "finishedAt": room.closed_at.map(Time::millis),
        "domains": conference.domains,
        "participants": participants.collect::<Vec<_>>(),
        "invites": conference.invites.iter().map(invite_json).collect::<Vec<_>>(),
        "transfers": transfers.collect::<Vec<_>>(),
        "quality": conference.quality().as_ref().map(quality_json),
    })
}

fn moment(query: &mut Query, name: &str) -> Result<Option<Time>, Problem> {
    let Some(text) = query.take(name)? else { return Ok(None) };
    let millis = text.parse::<i64>().ok().filter(|millis| (0..=MOMENT_MAX).contains(millis));
    let wrong = || Problem::parameter(name, "type", format!("`{name}` is a time in milliseconds since the epoch."));
    Ok(Some(Time::from_millis(millis.ok_or_else(wrong)?)))
}

/// The latest time that is taken, in the year 9999: no conference is later.
const MOMENT_MAX: i64 = 253_402_300_000_000;

/// Conferences, newest first: all for administrators, else those the caller sat in or was invited to.
///
/// With `Accept: text/csv` or `application/x-ndjson` (or `format`) all of them come in one answer, as it is read:
/// as CSV (RFC 4180) a line for each stay and each invitation that brought nobody in, as NDJSON a conference a line.
#[utoipa::path(get, path = "/conferences", tag = "conferences", operation_id = "listConferences",
    params(
        ("after" = Option<i64>, Query, description = "Only those opened after this time, in milliseconds since the epoch", minimum = 0, maximum = 253_402_300_000_000_i64),
        ("before" = Option<i64>, Query, description = "Only those opened before this time, in milliseconds since the epoch", minimum = 0, maximum = 253_402_300_000_000_i64),
        ("user" = Option<String>, Query, description = "Only those this user (id or `wac-user:<id>`) sat in or was invited to"),
        ("domain" = Option<String>, Query, description = "Only those of rooms of this domain (name or id)"),
        ("limit" = Option<u64>, Query, description = "At most this many (default 10; of an export all)", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
        ("format" = Option<String>, Query, description = "`json`, `csv` or `ndjson`, in place of `Accept`"),
    ),
    responses((status = 200, description = "The conferences", content(
        (Vec<schemas::Conference> = "application/json"),
        (String = "text/csv"),
        (String = "application/x-ndjson"),
    ))))]
async fn list(
    State(platform): State<Platform>,
    caller: Caller,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    let original = query.clone();
    let format = Format::wanted(&mut query, &headers)?;
    let limited = query.clone().take("limit")?.is_some();
    let page = query.page_of(CONFERENCES_DEFAULT)?;
    let (after, before) = (moment(&mut query, "after")?, moment(&mut query, "before")?);
    let user: Option<UserId> = query.take("user")?.map(|user| user_id(&user));
    let domain = query.take("domain")?;
    query.settle(&platform, &TABLES).await?;
    let mut filter = ConferenceFilter { user, domain: None, after, before };
    let mut nothing = false;
    if let Some(domain) = domain {
        filter.domain = platform.find_domain(&domain).await?;
        nothing = filter.domain.is_none();
    }
    if caller.role != Role::Admin {
        nothing |= caller.user.is_none() || filter.user.as_ref().is_some_and(|user| Some(user) != caller.user.as_ref());
        filter.user.clone_from(&caller.user);
    }
    if format != Format::Json {
        let limit = limited.then_some(page.limit);
        return Ok(export::answer(platform, caller, (!nothing).then_some(filter), format, limit));
    }
    if nothing {
        return Ok(axum::Json(json!([])).into_response());
    }
    let found = platform.reads.conferences(&filter, page.after, page.limit).await?;
    let shown: Vec<Value> = found.conferences.iter().filter(|it| sees(&caller, it)).map(conference_json).collect();
    Ok(match found.next {
        Some(next) => (Query::next_page(&original, page.limit, &next), axum::Json(shown)).into_response(),
        None => axum::Json(shown).into_response(),
    })
}

impl Platform {
    /// A conference as a caller is shown it, from read models that have seen `position`; 404 if he may not.
    pub(crate) async fn conference_shown(
        &self,
        caller: &Caller,
        id: &OpeningId,
        position: Position,
    ) -> Result<Value, Problem> {
        self.waiter.wait_for(&TABLES, position, self.config.read_patience).await?;
        let conference = self.reads.conference(id).await?.filter(|conference| sees(caller, conference));
        conference.as_ref().map(conference_json).ok_or_else(nothing_here)
    }
}

/// Whether the caller may see a conference.
pub(crate) fn sees(caller: &Caller, conference: &ConferenceView) -> bool {
    let involved = caller.user.as_ref().is_some_and(|user| conference.involves(user));
    allows(caller, Action::Read, &Target::Conference { involved }).is_allowed()
}

/// One conference.
#[utoipa::path(get, path = "/conferences/{id}", tag = "conferences", operation_id = "readConference",
    params(("id" = String, Path, description = "The conference's id")),
    responses((status = 200, description = "The conference", body = schemas::Conference)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    IdInPath(id): IdInPath,
    query: Query,
) -> Result<Response, Problem> {
    query.settle(&platform, &TABLES).await?;
    let id = OpeningId::from(id);
    let mut conference = platform.reads.conference(&id).await?;
    if conference.is_none() {
        platform.caught_up(&TABLES).await?;
        conference = platform.reads.conference(&id).await?;
    }
    let conference = conference.filter(|conference| sees(&caller, conference)).ok_or_else(nothing_here)?;
    Ok(axum::Json(conference_json(&conference)).into_response())
}
