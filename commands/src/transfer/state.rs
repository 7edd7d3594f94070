use wac_events::transfer::TransferKind;
use wac_events::{
    Callee, DomainId, InviteId, MediaTypes, OpeningId, RoomRef, SessionId, Time, TransferEvent, TransferId, UserId,
};

/// Where a transfer is in its life.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum TransferStatus {
    /// There has never been one.
    #[default]
    Absent,
    /// The party is asked.
    Asked,
    /// The party calls the target (blind).
    Calling(InviteId),
    /// The party is with the target.
    Completed,
    /// It came to nothing, with this call code.
    Failed(u16),
}

/// A transfer's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// Events so far.
    pub version: u64,
    /// Where it is in its life; the other fields keep their last values.
    pub status: TransferStatus,
    /// Its id; empty while absent.
    pub id: TransferId,
    /// The domain of the room.
    pub domain: DomainId,
    /// Blind or attended.
    pub kind: TransferKind,
    /// The transferor.
    pub by: UserId,
    /// The transferor's device.
    pub by_session: SessionId,
    /// Who is to be transferred.
    pub party: UserId,
    /// The room transferor and party are in.
    pub room: RoomRef,
    /// Its opening.
    pub opening: OpeningId,
    /// Whom the party is to call (blind).
    pub to: Option<Callee>,
    /// Where the party is to go (attended).
    pub target_room: Option<RoomRef>,
    /// The media of the call to be made.
    pub mediatypes: MediaTypes,
    /// When it fails unless it has been completed.
    pub until: Time,
}

impl Default for Transfer {
    fn default() -> Self {
        Self {
            version: 0,
            status: TransferStatus::Absent,
            id: TransferId::new(""),
            domain: DomainId::new(""),
            kind: TransferKind::Blind,
            by: UserId::new(""),
            by_session: SessionId::new(""),
            party: UserId::new(""),
            room: RoomRef { domain: DomainId::new(""), id: "".into() },
            opening: OpeningId::new(""),
            to: None,
            target_room: None,
            mediatypes: MediaTypes::default(),
            until: Time::EPOCH,
        }
    }
}

impl Transfer {
    /// Whether it can still be completed.
    pub fn is_pending(&self) -> bool {
        matches!(self.status, TransferStatus::Asked | TransferStatus::Calling(_))
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Transfer, event: &TransferEvent) -> Transfer {
    state.version += 1;
    match event {
        TransferEvent::Created(created) => {
            let created = created.clone();
            state = Transfer {
                version: state.version,
                status: TransferStatus::Asked,
                id: created.id,
                domain: created.domain,
                kind: created.kind,
                by: created.by,
                by_session: created.by_session,
                party: created.party,
                room: created.room,
                opening: created.opening,
                to: created.to,
                target_room: created.target_room,
                mediatypes: created.mediatypes,
                until: created.until,
            };
        }
        TransferEvent::Accepted(accepted) => {
            if let Some(invite) = &accepted.invite {
                state.status = TransferStatus::Calling(invite.clone());
            }
        }
        TransferEvent::Declined(declined) => state.status = TransferStatus::Failed(declined.code),
        TransferEvent::Completed(_) => state.status = TransferStatus::Completed,
        TransferEvent::Failed(failed) => state.status = TransferStatus::Failed(failed.code),
    }
    state
}
