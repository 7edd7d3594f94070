//! Every deadline there is, for whoever starts to watch them.

use std::collections::{BTreeMap, BTreeSet};

use wac_commands::{Deadline, Device};
use wac_events::{Position, SessionId, StoreError, Time, UserId};
use wac_projections::{
    CANDIDATES, CandidateRow, CandidateState, INVITES, InviteRow, LOST_DEVICES, LostDeviceRow, NODES, NodeRow,
    PARTICIPANTS, ParticipantRow, SELECT_ROWS_MAX, SESSIONS, Select, SessionRow, TRANSFERS, TransferRow, Value,
};

use super::RowsCalls;

/// The tables deadlines are in.
const TABLES: &[&str] = &["invites", "candidates", "transfers", "sessions", "lost_devices", "participants", "nodes"];

/// Of what should have happened already.
const OVERDUE: Time = Time::EPOCH;

impl RowsCalls {
    /// Deadlines, and the position up to which they are certainly known.
    pub(super) async fn every_deadline(&self) -> Result<(Position, Vec<(Time, Deadline)>), StoreError> {
        let mut position = None;
        for table in TABLES {
            let built = self.rows.position(table).await?;
            position = Some(position.map_or(built, |least: Position| least.min(built)));
        }
        let sessions = self.all(Select::from(&SESSIONS), SessionRow::from_row).await?;
        let lost = self.all(Select::from(&LOST_DEVICES), LostDeviceRow::from_row).await?;
        let invites = self.all(Select::from(&INVITES).equals("ringing", true), InviteRow::from_row).await?;
        let mut deadlines = Vec::new();
        deadlines.extend(sessions.iter().map(|row| (row.expires_at, Deadline::Session(row.id.clone()))));
        for row in &lost {
            let device = Device { user: row.user.clone(), session: row.session.clone() };
            deadlines.push((row.leave_by, Deadline::Seats(device)));
            deadlines.push((row.unring_by, Deadline::Ringing(row.user.clone())));
        }
        deadlines.extend(invites.iter().map(|row| (row.ring_until, Deadline::Invite(row.id.clone()))));
        deadlines.extend(self.transfers_due().await?);
        deadlines.extend(self.nodes_due(&sessions).await?);
        deadlines.extend(self.seats_overdue(&sessions, &lost).await?);
        deadlines.extend(self.ringing_overdue(&sessions, &lost, &invites).await?);
        Ok((position.unwrap_or(Position::START), deadlines))
    }

    async fn transfers_due(&self) -> Result<Vec<(Time, Deadline)>, StoreError> {
        let rows = self.all(Select::from(&TRANSFERS).equals("pending", true), TransferRow::from_row).await?;
        Ok(rows.into_iter().map(|row| (row.until, Deadline::Transfer(row.id))).collect())
    }

    /// Of nodes that have ended and whose devices are not gone yet.
    async fn nodes_due(&self, sessions: &[SessionRow]) -> Result<Vec<(Time, Deadline)>, StoreError> {
        let holding: BTreeSet<_> = sessions.iter().filter_map(|row| row.node.clone()).collect();
        let rows = self.all(Select::from(&NODES).equals("running", false), NodeRow::from_row).await?;
        let due = rows.into_iter().filter(|row| holding.contains(&row.id));
        Ok(due.filter_map(|row| Some((row.devices_by?, Deadline::Node(row.id)))).collect())
    }

    /// Seats of devices that are neither registered nor lost: their sessions have ended.
    async fn seats_overdue(
        &self,
        sessions: &[SessionRow],
        lost: &[LostDeviceRow],
    ) -> Result<Vec<(Time, Deadline)>, StoreError> {
        let registered = sessions.iter().filter(|row| row.node.is_some()).map(|row| &row.id);
        let known: BTreeSet<&SessionId> = registered.chain(lost.iter().map(|row| &row.session)).collect();
        let seats = self.all(Select::from(&PARTICIPANTS).equals("live", true), ParticipantRow::from_row).await?;
        let overdue = seats.into_iter().filter(|row| !known.contains(&row.session));
        let overdue: BTreeSet<Deadline> =
            overdue.map(|row| Deadline::Seats(Device { user: row.user, session: row.session })).collect();
        Ok(overdue.into_iter().map(|deadline| (OVERDUE, deadline)).collect())
    }

    /// Callers without a device, and people who ring without one that can, none of them lost.
    async fn ringing_overdue(
        &self,
        sessions: &[SessionRow],
        lost: &[LostDeviceRow],
        invites: &[InviteRow],
    ) -> Result<Vec<(Time, Deadline)>, StoreError> {
        let mut devices: BTreeMap<&UserId, bool> = BTreeMap::new();
        for row in sessions.iter().filter(|row| row.node.is_some()) {
            *devices.entry(&row.user).or_default() |= row.ringable;
        }
        let lost: BTreeSet<&UserId> = lost.iter().map(|row| &row.user).collect();
        let mut overdue: BTreeSet<UserId> = BTreeSet::new();
        overdue.extend(invites.iter().map(|row| &row.from).filter(|user| !devices.contains_key(user)).cloned());
        for page in invites.chunks(SELECT_ROWS_MAX) {
            let ids = page.iter().map(|row| Value::from(row.id.as_str())).collect();
            let candidates = self.all(Select::from(&CANDIDATES).one_of("invite", ids), CandidateRow::from_row).await?;
            let ringing = candidates.into_iter().filter(|row| row.state == CandidateState::Ringing);
            overdue.extend(ringing.map(|row| row.user).filter(|user| devices.get(user) != Some(&true)));
        }
        let overdue = overdue.into_iter().filter(|user| !lost.contains(user));
        Ok(overdue.map(|user| (OVERDUE, Deadline::Ringing(user))).collect())
    }
}
