//! What events look like, for the OpenAPI document.

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Who did it.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Actor {
    /// `user`, `client` or `system`.
    kind: String,
    /// The user's or client's id, or the name of a part of the platform.
    id: String,
}

/// An event.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(super) struct Event {
    /// Place in the log: 1, 2, 3 … without gaps.
    position: u64,
    /// `<aggregate>-<id>`.
    stream: String,
    /// Place in the stream, from 1.
    version: u64,
    /// UUIDv7.
    id: String,
    /// `user.created`.
    r#type: String,
    /// Version of the schema of `data`.
    schema_version: u32,
    /// The domain's id.
    domain: Option<String>,
    /// When the fact happened. RFC 3339.
    occurred_at: String,
    /// When it was given its position. RFC 3339; never goes back along the log.
    recorded_at: String,
    /// Who did it.
    actor: Actor,
    /// The command that decided it.
    command_id: String,
    /// Equal in everything that follows from one request.
    correlation_id: String,
    /// The event whose handling caused the command.
    causation_id: Option<String>,
    /// W3C trace context.
    traceparent: Option<String>,
    /// The payload. Personal fields are `null` once erased, secrets always.
    data: Map<String, Value>,
    /// `true` if something in `data` has been erased; else not there.
    #[schema(nullable = false)]
    erased: Option<bool>,
}

/// An event as CloudEvents 1.0 (JSON format).
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct CloudEvent {
    /// `1.0`.
    specversion: String,
    /// The event's id.
    id: String,
    /// The log it stands in.
    source: String,
    /// `io.wac.user.created.v2`.
    r#type: String,
    /// `users/<id>`.
    subject: String,
    /// When the fact happened. RFC 3339.
    time: String,
    /// The position, 20 digits.
    sequence: String,
    /// The payload.
    data: Map<String, Value>,
}

/// An event type.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(super) struct EventType {
    /// `user.created`.
    r#type: String,
    /// Version of the schema.
    schema_version: u32,
    /// Whether new events are written in this version.
    newest: bool,
    /// First part of the streams it stands in.
    aggregate: String,
    /// The type of the CloudEvent.
    cloud_events_type: String,
    /// `$id` of the schema.
    schema_id: String,
    /// The Kafka topic it is relayed to, with the default prefix.
    topic: String,
    /// JSON Schema of `data` as it stands in the log.
    schema: Map<String, Value>,
}
