//! The platform's facts: identifiers, events, their wire form, and the log they live in.
//!
//! Pure: no clock, no randomness, no I/O. What stores and relays are built against is the port
//! [`EventLog`] (and [`KeyStore`] for the keys that seal personal data); what everything else is
//! built against are the event enums ([`AnyEvent`] holds them all).

mod any;
pub mod cloudevents;
mod codec;
pub mod credential;
pub mod domain;
mod envelope;
mod ids;
mod keys;
mod log;
pub mod oauth;
mod patch;
mod personal;
pub mod reservation;
mod time;
pub mod user;

pub use any::{AnyEvent, catalogue};
pub use codec::{CodecError, Event, EventTypeInfo, PersonalFields, open_for_display};
pub use credential::{CredentialEvent, CredentialKind};
pub use domain::DomainEvent;
pub use envelope::{Actor, Meta, NewEvent, Recorded};
pub use ids::{
    ClientId, CommandId, CredentialId, DomainId, EventId, ID_BYTES_MAX, Position, StreamId, SubjectId, TokenId, UserId,
};
pub use keys::{KeyState, KeyStore};
pub use log::{
    AppendBatch, AppendError, Appended, COMMAND_EVENTS_MAX, EventFilter, EventLog, ExpectedVersion, Head, Page,
    READ_EVENTS_MAX, ReadRequest, StoreError, StreamAppend, Subscription,
};
pub use oauth::{ClientEvent, GrantKind, TokenEvent};
pub use patch::Patch;
pub use personal::{Cell, MasterKey, OpenError, PERSONAL_TAG, Personal, SECRET_TAG, Secret, SubjectKey, hex};
pub use reservation::{ReservationEvent, Reserved};
pub use time::{Environment, Time};
pub use user::{Role, SubjectEvent, UserEvent};
