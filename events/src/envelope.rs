//! What surrounds an event's payload: where it stands, who caused it, and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CommandId, DomainId, EventId, Position, SessionId, StreamId, SubjectId, Time};

/// Who did it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// A signed-in user (anonymous guests too), by user id.
    User(String),
    /// An OAuth2 client in its own name, by client id.
    Client(String),
    /// A part of the platform: a process manager, the seed, a command line; by its name.
    System(String),
}

/// Everything about an event's origin; stored beside the payload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Who did it.
    pub actor: Actor,
    /// The command that decided it.
    pub command_id: CommandId,
    /// Equal in everything that follows from one request.
    pub correlation_id: String,
    /// The event whose handling caused the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<EventId>,
    /// W3C trace context (`traceparent`) of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The device he did it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The subject whose key seals the payload's protected fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<SubjectId>,
    /// Fingerprint of the request behind an `Idempotency-Key`, so that the key's reuse for another
    /// request is noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// An event on its way into the log, already encoded and sealed.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Chosen by the writer, unique for ever.
    pub event_id: EventId,
    /// Wire name, `user.created`.
    pub event_type: &'static str,
    /// Version of the payload's schema.
    pub schema_version: u32,
    /// Tenant, for filters; `None` for what belongs to no domain.
    pub domain: Option<DomainId>,
    /// JSON object.
    pub data: String,
    /// JSON of [`Meta`].
    pub meta: String,
    /// When the fact happened, by the writer's clock.
    pub occurred_at: Time,
}

/// An event as it stands in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// Place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Place in the stream, from 1.
    pub version: u64,
    /// Its id.
    pub event_id: EventId,
    /// Wire name.
    pub event_type: std::sync::Arc<str>,
    /// Version of the payload's schema as it was written.
    pub schema_version: u32,
    /// Tenant.
    pub domain: Option<DomainId>,
    /// JSON object; protected fields sealed.
    pub data: String,
    /// JSON of [`Meta`].
    pub meta: String,
    /// When the fact happened.
    pub occurred_at: Time,
    /// When it was given its position; never goes back along the log.
    pub recorded_at: Time,
}

impl Recorded {
    /// Decodes the metadata.
    pub fn meta(&self) -> Result<Meta, serde_json::Error> {
        serde_json::from_str(&self.meta)
    }
}
