//! Read models as pure functions from events to row changes.
//!
//! A [`Projection`] says what an event does to rows; the runner (crate `wac-runner`) applies it to
//! a database in one transaction with its checkpoint. [`MemTables`] applies the same changes in
//! memory, for reads of the past, for verification and for tests. Each read model is one file:
//! its table, its projection, and the typed row its readers get.

mod agents;
mod call_alarms;
mod clients;
mod conferences;
mod credentials;
mod domains;
mod fields;
mod groups;
mod invites;
mod login_alarms;
mod media;
mod media_sessions;
mod memory;
mod nodes;
mod presence;
mod projection;
mod quality;
mod rooms;
mod rows;
mod select;
mod sessions;
mod steps;
mod table;
mod tokens;
mod transfers;
mod users;

use std::sync::Arc;

pub use agents::{AGENTS, AgentRow, AgentsProjection};
pub use call_alarms::{CALL_ALARMS, CallAlarmRow, CallAlarmsProjection};
pub use clients::{CLIENTS, ClientRow, ClientsProjection};
pub use conferences::{CONFERENCE_USERS, ConferenceUserRow, ConferencesProjection};
pub use credentials::{CREDENTIALS, CredentialRow, CredentialsProjection};
pub use domains::{DOMAINS, DomainRow, DomainsProjection};
pub use groups::{GROUP_USERS, GROUPS, GroupRow, GroupUserRow, GroupsProjection};
pub use invites::{CANDIDATES, CandidateRow, CandidateState, INVITES, InviteRow, InviteState, InvitesProjection};
pub use login_alarms::{LOGIN_ALARMS, LoginAlarmRow, LoginAlarmsProjection};
pub use media::{MEDIA_NODES, MEDIA_ROOMS, MediaNodeRow, MediaProjection, MediaRoomRow};
pub use media_sessions::{MEDIA_SESSIONS, MediaSessionRow, MediaSessionsProjection};
pub use memory::MemTables;
pub use nodes::{NODES, NodeRow, NodesProjection};
pub use presence::{LOST_DEVICES, LostDeviceRow, PRESENCE, PresenceProjection, PresenceRow};
pub use projection::{Projection, is_wanted};
pub use quality::{Mean, Quality};
pub use rooms::{PARTICIPANTS, ParticipantRow, ROOMS, RoomRow, RoomsProjection};
pub use rows::Rows;
pub use select::{Condition, SELECT_ROWS_MAX, Select};
pub use sessions::{SESSIONS, SessionRow, SessionsProjection};
pub use steps::{Step, Whereabouts, media_node_of};
pub use table::{Column, ColumnKind, Row, RowChange, Table, Value};
pub use tokens::{TOKENS, TokenRow, TokensProjection, USED_REFRESH_TOKENS, UsedRefreshTokenRow};
pub use transfers::{TRANSFERS, TransferRow, TransferState, TransfersProjection};
pub use users::{USERS, UserRow, UsersProjection};

/// Every read model of the platform.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(DomainsProjection),
        Arc::new(UsersProjection),
        Arc::new(CredentialsProjection),
        Arc::new(ClientsProjection),
        Arc::new(TokensProjection),
        Arc::new(SessionsProjection),
        Arc::new(PresenceProjection),
        Arc::new(RoomsProjection),
        Arc::new(InvitesProjection),
        Arc::new(TransfersProjection),
        Arc::new(ConferencesProjection),
        Arc::new(GroupsProjection),
        Arc::new(AgentsProjection),
        Arc::new(NodesProjection),
        Arc::new(LoginAlarmsProjection),
        Arc::new(MediaProjection),
        Arc::new(MediaSessionsProjection),
        Arc::new(CallAlarmsProjection),
    ]
}
