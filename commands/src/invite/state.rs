use std::collections::BTreeMap;

use wac_events::{
    Callee, DomainId, InviteEvent, InviteId, InviteKind, MediaTypes, OpeningId, Personal, RoomRef, SessionId, Time,
    TransferId, UserId,
};

use super::CODE_TIMEOUT;
use crate::Device;

/// Where an invitation is in its life.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum InviteStatus {
    /// There has never been one.
    #[default]
    Absent,
    /// Candidates ring.
    Ringing,
    /// Somebody took it.
    Accepted(Device),
    /// It came to nothing, with this call code.
    Over(u16),
}

/// What a candidate does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Candidate {
    /// Has a device that rings.
    Ringing,
    /// Has no device at the moment.
    Absent,
    /// Has refused it, with this call code.
    Declined(u16),
}

/// An invitation's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Invite {
    /// Events so far.
    pub version: u64,
    /// Where it is in its life; the other fields keep their last values.
    pub status: InviteStatus,
    /// Its id; empty while absent.
    pub id: InviteId,
    /// The caller's domain.
    pub domain: DomainId,
    /// Who asks whom to come where.
    pub kind: InviteKind,
    /// The room; of a request only once it is accepted.
    pub room: Option<RoomRef>,
    /// The room's opening.
    pub opening: Option<OpeningId>,
    /// The caller.
    pub from: UserId,
    /// The caller's device.
    pub from_session: SessionId,
    /// Whom it is for.
    pub to: Callee,
    /// Who may take it.
    pub candidates: BTreeMap<UserId, Candidate>,
    /// The media offered.
    pub mediatypes: MediaTypes,
    /// What the caller's application says about the call: a JSON object.
    pub context: Option<Personal>,
    /// When it expires.
    pub ring_until: Time,
    /// The transfer it belongs to.
    pub transfer: Option<TransferId>,
    /// When it was sent.
    pub created_at: Time,
}

impl Default for Invite {
    fn default() -> Self {
        Self {
            version: 0,
            status: InviteStatus::Absent,
            id: InviteId::new(""),
            domain: DomainId::new(""),
            kind: InviteKind::Invite,
            room: None,
            opening: None,
            from: UserId::new(""),
            from_session: SessionId::new(""),
            to: Callee::User(UserId::new("")),
            candidates: BTreeMap::new(),
            mediatypes: MediaTypes::default(),
            context: None,
            ring_until: Time::EPOCH,
            transfer: None,
            created_at: Time::EPOCH,
        }
    }
}

impl Invite {
    /// Whether somebody may still take it.
    pub fn is_ringing(&self) -> bool {
        self.status == InviteStatus::Ringing
    }

    /// Whether any candidate has a device that rings.
    pub fn has_ringing(&self) -> bool {
        self.candidates.values().any(|candidate| *candidate == Candidate::Ringing)
    }

    /// Whether it is for a group: what one member does is then no outcome.
    pub fn is_for_group(&self) -> bool {
        matches!(self.to, Callee::Group(_))
    }

    /// The caller on the device that called.
    pub fn caller(&self) -> Device {
        Device { user: self.from.clone(), session: self.from_session.clone() }
    }

    /// The agent it was assigned to.
    pub fn agent(&self) -> Option<&UserId> {
        if let Callee::Agent(agent) = &self.to { Some(agent) } else { None }
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Invite, event: &InviteEvent) -> Invite {
    state.version += 1;
    match event {
        InviteEvent::Created(created) => {
            let created = created.clone();
            let ringing = created.candidates.into_iter().map(|user| (user, Candidate::Ringing));
            let absent = created.absent.into_iter().map(|user| (user, Candidate::Absent));
            state = Invite {
                version: state.version,
                status: InviteStatus::Ringing,
                id: created.id,
                domain: created.domain,
                kind: created.kind,
                room: created.room,
                opening: created.opening,
                from: created.from,
                from_session: created.from_session,
                to: created.to,
                candidates: ringing.chain(absent).collect(),
                mediatypes: created.mediatypes,
                context: created.context,
                ring_until: created.ring_until,
                transfer: created.transfer,
                created_at: created.at,
            };
        }
        InviteEvent::CandidateAdded(added) => {
            state.candidates.insert(added.user.clone(), Candidate::Ringing);
        }
        InviteEvent::CandidateRemoved(removed) => {
            state.candidates.insert(removed.user.clone(), Candidate::Absent);
        }
        InviteEvent::Accepted(accepted) => {
            state.status =
                InviteStatus::Accepted(Device { user: accepted.by.clone(), session: accepted.session.clone() });
            state.room = Some(accepted.room.clone());
            state.opening = Some(accepted.opening.clone());
        }
        InviteEvent::Declined(declined) => {
            state.candidates.insert(declined.by.clone(), Candidate::Declined(declined.code));
            if !state.is_for_group() {
                state.status = InviteStatus::Over(declined.code);
            }
        }
        InviteEvent::Cancelled(cancelled) => state.status = InviteStatus::Over(cancelled.code),
        InviteEvent::Expired(_) => state.status = InviteStatus::Over(CODE_TIMEOUT),
        InviteEvent::Ended(ended) => state.status = InviteStatus::Over(ended.code),
    }
    state
}
