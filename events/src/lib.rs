//! The platform's facts: identifiers, events, their wire form, and the log they live in.
//!
//! Pure: no clock, no randomness, no I/O. What stores and relays are built against is the port
//! [`EventLog`] (and [`KeyStore`] for the keys that seal personal data); what everything else is
//! built against are the event enums ([`AnyEvent`] holds them all).

pub mod agent;
pub mod alarm;
mod any;
pub mod call_record;
pub mod cloudevents;
mod codec;
pub mod credential;
pub mod domain;
mod envelope;
pub mod group;
mod ids;
pub mod invite;
mod keys;
mod log;
pub mod login;
pub mod media;
pub mod node;
pub mod oauth;
mod opinion;
mod patch;
mod personal;
pub mod presence;
pub mod reservation;
pub mod room;
pub mod session;
mod time;
pub mod transfer;
pub mod user;

pub use agent::AgentEvent;
pub use any::{AnyEvent, catalogue};
pub use codec::{CodecError, Event, EventTypeInfo, PersonalFields, open_for_display};
pub use credential::{CredentialEvent, CredentialKind};
pub use domain::DomainEvent;
pub use envelope::{Actor, Meta, NewEvent, Recorded};
pub use group::GroupEvent;
pub use ids::{
    ClientId, CommandId, CredentialId, DomainId, EventId, GroupId, ID_BYTES_MAX, InviteId, MediaSessionId, NodeId,
    OpeningId, Position, RoomId, SessionId, StreamId, SubjectId, TokenId, TransferId, UserId,
};
pub use invite::{Callee, InviteEvent, InviteKind, MediaTypes};
pub use keys::{KeyState, KeyStore};
pub use log::{
    AppendBatch, AppendError, Appended, COMMAND_EVENTS_MAX, EventFilter, EventLog, ExpectedVersion, Head, Page,
    READ_EVENTS_MAX, ReadRequest, StoreError, StreamAppend, Subscription,
};
pub use login::LoginEvent;
pub use media::MediaEvent;
pub use node::NodeEvent;
pub use oauth::{ClientEvent, GrantKind, TokenEvent};
pub use opinion::estimated_mos;
pub use patch::Patch;
pub use personal::{Cell, MasterKey, OpenError, PERSONAL_TAG, Personal, SECRET_TAG, Secret, SubjectKey, hex};
pub use presence::{Activity, PresenceEvent};
pub use reservation::{ReservationEvent, Reserved};
pub use room::{Media, RoomEvent, RoomRef};
pub use session::SessionEvent;
pub use time::{Environment, Time};
pub use transfer::TransferEvent;
pub use user::{Role, SubjectEvent, UserEvent};
