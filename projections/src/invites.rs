//! The read model `invites`: one row for each invitation, what became of it, and one for each of
//! its candidates.

use serde::{Deserialize, Serialize};
use wac_events::invite::{InviteAccepted, InviteCreated, InviteDeclined};
use wac_events::{
    AnyEvent, Callee, CodecError, DomainId, Event, InviteEvent, InviteId, InviteKind, MediaTypes, OpeningId, Recorded,
    RoomId, RoomRef, SessionId, Time, TransferId, UserId,
};

use crate::fields::{Changes, Fields, int, time, word};
use crate::{Column, Projection, Row, RowChange, Table, Value};

/// Call code of an invitation that was accepted.
const CODE_ACCEPTED: u64 = 200;
/// Call code of an invitation that nobody answered in time.
const CODE_TIMEOUT: u64 = 408;

/// One row for each invitation. `ringing`, `ring_opening` (its opening) and `ring_caller` (its
/// sender) stand as long as somebody may take it.
pub static INVITES: Table = Table {
    name: "invites",
    columns: &[
        Column::text("id"),
        Column::text("domain"),
        Column::text("kind"),
        Column::text("opening"),
        Column::text("room"),
        Column::text("room_domain"),
        Column::text("from_user"),
        Column::text("from_session"),
        Column::text("to_kind"),
        Column::text("to_id"),
        Column::text("state"),
        Column::int("code"),
        Column::bool("audio"),
        Column::bool("video"),
        Column::bool("screen"),
        Column::text("accepted_by"),
        Column::text("accepted_session"),
        Column::text("transfer"),
        Column::int("ring_until"),
        Column::int("created_at"),
        Column::int("ended_at"),
        Column::text("ring_opening"),
        Column::text("ring_caller"),
        Column::bool("ringing"),
    ],
    indexed: &["opening", "ring_opening", "ring_caller", "ringing"],
};

/// One row for each candidate, under `<invite>/<user>`. `live_user` stands until he accepts or
/// declines: whether he may still take it says the invitation's own row. Keys of invitations rise
/// with time, so of a user's rows, newest first, none rings behind one whose `ring_until` is over.
pub static CANDIDATES: Table = Table {
    name: "candidates",
    columns: &[
        Column::text("id"),
        Column::text("invite"),
        Column::text("user"),
        Column::text("state"),
        Column::int("code"),
        Column::int("ring_until"),
        Column::text("live_user"),
    ],
    indexed: &["invite", "user", "live_user"],
};

/// Builds [`INVITES`] and [`CANDIDATES`].
pub struct InvitesProjection;

impl Projection for InvitesProjection {
    fn name(&self) -> &'static str {
        "invites"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&INVITES, &CANDIDATES] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["invite.*"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(changes(event, &InviteEvent::decode_recorded(event)?))
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::Invite(decoded) => Ok(changes(event, decoded)),
            _ => Ok(Vec::new()),
        }
    }
}

/// What an invitation's event does to the rows.
fn changes(event: &Recorded, decoded: &InviteEvent) -> Vec<RowChange> {
    let id = event.stream.id();
    match decoded {
        InviteEvent::Created(created) => sent(created),
        InviteEvent::CandidateAdded(added) => vec![candidate(id, &added.user, CandidateState::Ringing)],
        InviteEvent::CandidateRemoved(removed) => vec![candidate(id, &removed.user, CandidateState::Absent)],
        InviteEvent::Accepted(accepted) => taken(id, accepted),
        InviteEvent::Declined(declined) => refused(id, declined),
        InviteEvent::Cancelled(cancelled) => {
            vec![over(id, InviteState::DeclinedByCreator, cancelled.code.into(), cancelled.at)]
        }
        InviteEvent::Expired(expired) => vec![over(id, InviteState::DeclinedByTimeout, CODE_TIMEOUT, expired.at)],
        InviteEvent::Ended(ended) => vec![over(id, InviteState::Ended, ended.code.into(), ended.at)],
    }
}

/// `user`, `group` or `agent`, and the id.
pub(crate) fn callee(to: &Callee) -> (&'static str, &str) {
    match to {
        Callee::User(user) => ("user", user.as_str()),
        Callee::Group(group) => ("group", group.as_str()),
        Callee::Agent(user) => ("agent", user.as_str()),
    }
}

/// Reads what [`callee`] gave out of the columns `to_kind` and `to_id`.
pub(crate) fn read_callee(fields: &Fields<'_>) -> Option<Callee> {
    match fields.text("to_kind")?.as_str() {
        "user" => Some(Callee::User(fields.id("to_id")?)),
        "group" => Some(Callee::Group(fields.id("to_id")?)),
        "agent" => Some(Callee::Agent(fields.id("to_id")?)),
        _ => None,
    }
}

fn sent(created: &InviteCreated) -> Vec<RowChange> {
    let (to_kind, to_id) = callee(&created.to);
    let opening = created.opening.as_ref().map(OpeningId::as_str);
    let row = Changes::none()
        .column("domain", created.domain.as_str())
        .column("kind", word(&created.kind))
        .column("opening", opening)
        .column("room", created.room.as_ref().map(|room| room.id.as_str()))
        .column("room_domain", created.room.as_ref().map(|room| room.domain.as_str()))
        .column("from_user", created.from.as_str())
        .column("from_session", created.from_session.as_str())
        .column("to_kind", to_kind)
        .column("to_id", to_id)
        .column("state", word(&InviteState::Ringing))
        .column("audio", created.mediatypes.audio)
        .column("video", created.mediatypes.video)
        .column("screen", created.mediatypes.screen)
        .column("transfer", created.transfer.as_ref().map(TransferId::as_str))
        .column("ring_until", time(created.ring_until))
        .column("created_at", time(created.at))
        .column("ring_opening", opening)
        .column("ring_caller", created.from.as_str())
        .column("ringing", true)
        .upsert(&INVITES, created.id.as_str());
    let ringing = created.candidates.iter().map(|user| called(created, user, CandidateState::Ringing));
    let absent = created.absent.iter().map(|user| called(created, user, CandidateState::Absent));
    std::iter::once(row).chain(ringing).chain(absent).collect()
}

fn candidate_key(invite: &str, user: &UserId) -> String {
    format!("{invite}/{user}")
}

fn called(created: &InviteCreated, user: &UserId, state: CandidateState) -> RowChange {
    Changes::none()
        .column("invite", created.id.as_str())
        .column("user", user.as_str())
        .column("state", word(&state))
        .column("ring_until", time(created.ring_until))
        .column("live_user", user.as_str())
        .upsert(&CANDIDATES, candidate_key(created.id.as_str(), user))
}

fn candidate(invite: &str, user: &UserId, state: CandidateState) -> RowChange {
    Changes::none().column("state", word(&state)).patch(&CANDIDATES, candidate_key(invite, user))
}

fn answered(invite: &str, user: &UserId, state: CandidateState, code: u64) -> RowChange {
    Changes::none()
        .column("state", word(&state))
        .column("code", int(code))
        .column("live_user", Value::Null)
        .patch(&CANDIDATES, candidate_key(invite, user))
}

fn ended(state: InviteState, code: u64, at: Time) -> Changes {
    Changes::none()
        .column("state", word(&state))
        .column("code", int(code))
        .column("ended_at", time(at))
        .column("ring_opening", Value::Null)
        .column("ring_caller", Value::Null)
        .column("ringing", false)
}

fn over(invite: &str, state: InviteState, code: u64, at: Time) -> RowChange {
    ended(state, code, at).patch(&INVITES, invite)
}

fn taken(invite: &str, accepted: &InviteAccepted) -> Vec<RowChange> {
    let row = ended(InviteState::Accepted, CODE_ACCEPTED, accepted.at)
        .column("accepted_by", accepted.by.as_str())
        .column("accepted_session", accepted.session.as_str())
        .column("opening", accepted.opening.as_str())
        .column("room", accepted.room.id.as_str())
        .column("room_domain", accepted.room.domain.as_str())
        .patch(&INVITES, invite);
    vec![row, answered(invite, &accepted.by, CandidateState::Accepted, CODE_ACCEPTED)]
}

fn refused(invite: &str, declined: &InviteDeclined) -> Vec<RowChange> {
    let code = declined.code.into();
    let mut rows = vec![answered(invite, &declined.by, CandidateState::Declined, code)];
    if declined.over {
        rows.push(over(invite, InviteState::Declined, code, declined.at));
    }
    rows
}

/// Where an invitation is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteState {
    /// Candidates ring.
    Ringing,
    /// Somebody took it.
    Accepted,
    /// It was refused.
    Declined,
    /// The caller's side gave it up.
    DeclinedByCreator,
    /// Nobody answered in time.
    DeclinedByTimeout,
    /// Nobody was there, or left, to ring.
    Ended,
}

/// What a candidate did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateState {
    /// He has a device that rings, or rang to the end.
    Ringing,
    /// He has, or had in the end, no device.
    Absent,
    /// He took it.
    Accepted,
    /// He refused it.
    Declined,
}

/// An invitation as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct InviteRow {
    /// Its id.
    pub id: InviteId,
    /// The caller's domain.
    pub domain: DomainId,
    /// Who asks whom to come where.
    pub kind: InviteKind,
    /// The opening; of a request only once it is accepted.
    pub opening: Option<OpeningId>,
    /// The room; of a request only once it is accepted.
    pub room: Option<RoomRef>,
    /// The caller.
    pub from: UserId,
    /// The caller's device.
    pub from_session: SessionId,
    /// Whom it is for.
    pub to: Callee,
    /// Where it is in its life.
    pub state: InviteState,
    /// The call code it came to; `None` while it rings.
    pub code: Option<u64>,
    /// The media offered.
    pub mediatypes: MediaTypes,
    /// Who took it.
    pub accepted_by: Option<UserId>,
    /// On which device.
    pub accepted_session: Option<SessionId>,
    /// The transfer it belongs to.
    pub transfer: Option<TransferId>,
    /// When it expires.
    pub ring_until: Time,
    /// When it was sent.
    pub created_at: Time,
    /// When it ceased to ring.
    pub ended_at: Option<Time>,
}

impl InviteRow {
    /// Reads a row of [`INVITES`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        let domain = fields.optional("room_domain", Fields::id)?;
        let room = domain.zip(fields.optional("room", Fields::id::<RoomId>)?);
        Some(Self {
            id: fields.id("id")?,
            domain: fields.id("domain")?,
            kind: fields.word("kind")?,
            opening: fields.optional("opening", Fields::id)?,
            room: room.map(|(domain, id)| RoomRef { domain, id }),
            from: fields.id("from_user")?,
            from_session: fields.id("from_session")?,
            to: read_callee(&fields)?,
            state: fields.word("state")?,
            code: fields.optional("code", Fields::number)?,
            mediatypes: MediaTypes {
                audio: fields.bool("audio")?,
                video: fields.bool("video")?,
                screen: fields.bool("screen")?,
            },
            accepted_by: fields.optional("accepted_by", Fields::id)?,
            accepted_session: fields.optional("accepted_session", Fields::id)?,
            transfer: fields.optional("transfer", Fields::id)?,
            ring_until: fields.time("ring_until")?,
            created_at: fields.time("created_at")?,
            ended_at: fields.optional("ended_at", Fields::time)?,
        })
    }
}

/// A candidate of an invitation as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateRow {
    /// The invitation.
    pub invite: InviteId,
    /// Who.
    pub user: UserId,
    /// What he did.
    pub state: CandidateState,
    /// The call code he answered with; `None`: he has not answered.
    pub code: Option<u64>,
    /// When the invitation expires.
    pub ring_until: Time,
}

impl CandidateRow {
    /// Reads a row of [`CANDIDATES`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            invite: fields.id("invite")?,
            user: fields.id("user")?,
            state: fields.word("state")?,
            code: fields.optional("code", Fields::number)?,
            ring_until: fields.time("ring_until")?,
        })
    }
}
