//! The read model `conferences`: who had to do with which opening of a room, so that everybody's
//! own conferences are found, newest first.

use wac_events::{AnyEvent, Callee, CodecError, InviteEvent, OpeningId, Recorded, RoomEvent, UserId};

use crate::fields::{Changes, Fields};
use crate::{Column, Projection, Row, RowChange, Table};

/// One row for each user who sat in an opening, or was invited into it, under `<opening>/<user>`.
/// Keys of openings rise with time.
pub static CONFERENCE_USERS: Table = Table {
    name: "conference_users",
    columns: &[Column::text("id"), Column::text("opening"), Column::text("user")],
    indexed: &["opening", "user"],
};

/// Builds [`CONFERENCE_USERS`].
pub struct ConferencesProjection;

impl Projection for ConferencesProjection {
    fn name(&self) -> &'static str {
        "conferences"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&CONFERENCE_USERS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["room.participant_joined", "invite.created", "invite.accepted"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        self.apply_decoded(event, &AnyEvent::decode_recorded(event)?)
    }

    fn apply_decoded(&self, _: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        Ok(match decoded {
            AnyEvent::Room(RoomEvent::ParticipantJoined(joined)) => vec![involved(&joined.opening, &joined.user)],
            AnyEvent::Invite(InviteEvent::Accepted(accepted)) => vec![involved(&accepted.opening, &accepted.by)],
            AnyEvent::Invite(InviteEvent::Created(created)) => {
                let Some(opening) = &created.opening else { return Ok(Vec::new()) };
                let callee = match &created.to {
                    Callee::User(user) | Callee::Agent(user) => Some(user),
                    Callee::Group(_) => None,
                };
                let users = created.candidates.iter().chain(&created.absent).chain(callee);
                users.chain([&created.from]).map(|user| involved(opening, user)).collect()
            }
            _ => Vec::new(),
        })
    }
}

fn involved(opening: &OpeningId, user: &UserId) -> RowChange {
    Changes::none()
        .column("opening", opening.as_str())
        .column("user", user.as_str())
        .upsert(&CONFERENCE_USERS, format!("{opening}/{user}"))
}

/// Somebody who had to do with an opening, as the read model holds him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConferenceUserRow {
    /// The opening.
    pub opening: OpeningId,
    /// Who.
    pub user: UserId,
}

impl ConferenceUserRow {
    /// Reads a row of [`CONFERENCE_USERS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self { opening: fields.id("opening")?, user: fields.id("user")? })
    }
}
