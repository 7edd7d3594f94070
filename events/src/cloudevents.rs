//! How an event looks outside: CloudEvents 1.0 attributes, the contexts that topics are named
//! after, and the names of types and schemas.

use serde_json::{Map, Value};

use crate::{Actor, Recorded};

/// First part of every topic name, and of every outer type name behind `io.`.
pub const PRODUCT: &str = "wac";
/// Major version of the topics: raised when the meaning of keys, partitions or headers changes.
pub const TOPICS_MAJOR: u32 = 1;
/// Every context, with what it holds.
pub const CONTEXTS: [(&str, &str); 10] = [
    ("domains", "Domains (tenants): created, changed, closing, deleted."),
    ("users", "Users, their credentials, and the erasure of persons."),
    ("auth", "OAuth2 clients and token families (hashes only, never tokens)."),
    ("sessions", "Sessions, presence, failed log-ins."),
    ("rooms", "Rooms: opened, participants, holds, mutes, closed."),
    ("calls", "Invitations, transfers and the assignment of agents."),
    ("media", "Media sessions: connected, tracks, quality, ended."),
    ("groups", "Users groups and their participants."),
    ("system", "Reservations of names, nodes, and other bookkeeping of the platform."),
    ("other", "Event types this version of the relay does not know; relayed as they are."),
];

/// The context an event type belongs to; `other` if this binary does not know its aggregate.
pub fn context_of(event_type: &str) -> &'static str {
    match event_type.split_once('.').map_or(event_type, |(aggregate, _)| aggregate) {
        "domain" => "domains",
        "user" | "subject" | "credential" => "users",
        "client" | "token" => "auth",
        "session" | "presence" | "login" => "sessions",
        "room" => "rooms",
        "invite" | "transfer" | "agent" => "calls",
        "media" => "media",
        "group" => "groups",
        "reservation" | "node" => "system",
        _ => "other",
    }
}

/// `<product>.<context>.events.v<major>`.
pub fn topic_of(product: &str, context: &str) -> String {
    format!("{product}.{context}.events.v{TOPICS_MAJOR}")
}

/// The outer type name, `io.wac.user.created.v2`.
pub fn type_name(event_type: &str, schema_version: u32) -> String {
    format!("io.{PRODUCT}.{event_type}.v{schema_version}")
}

/// The URI that names a payload's JSON Schema, `urn:wac:schema:user.created:v2`; it is the `$id` of
/// the committed schema.
pub fn schema_uri(event_type: &str, schema_version: u32) -> String {
    format!("urn:{PRODUCT}:schema:{event_type}:v{schema_version}")
}

/// The source a log's events come from; sequences are comparable within one source only.
pub fn source_of(cluster: &str, log: &str) -> String {
    format!("/clusters/{cluster}/logs/{log}")
}

/// The context attributes and extensions of one event, without `datacontenttype` and data.
/// Metadata that does not decode is left out.
pub fn attributes(recorded: &Recorded, source: &str) -> Vec<(&'static str, String)> {
    let stream = &recorded.stream;
    let mut attributes = vec![
        ("specversion", "1.0".to_owned()),
        ("id", recorded.event_id.to_string()),
        ("source", source.to_owned()),
        ("type", type_name(&recorded.event_type, recorded.schema_version)),
        ("subject", format!("{}s/{}", stream.aggregate(), stream.id())),
        ("time", recorded.occurred_at.to_string()),
        ("dataschema", schema_uri(&recorded.event_type, recorded.schema_version)),
        ("sequence", format!("{:020}", recorded.position.0)),
        ("partitionkey", stream.to_string()),
        ("streamversion", recorded.version.to_string()),
        ("recordedtime", recorded.recorded_at.to_string()),
    ];
    attributes.extend(recorded.domain.as_ref().map(|domain| ("tenantid", domain.to_string())));
    let Ok(meta) = recorded.meta() else { return attributes };
    let (kind, id) = match meta.actor {
        Actor::User(id) => ("user", id),
        Actor::Client(id) => ("service_account", id),
        Actor::System(name) => ("system", name),
    };
    attributes.extend([
        ("authtype", kind.to_owned()),
        ("authid", id),
        ("commandid", meta.command_id.to_string()),
        ("correlationid", meta.correlation_id),
    ]);
    attributes.extend(meta.causation_id.map(|id| ("causationid", id.to_string())));
    attributes.extend(meta.session.map(|id| ("sessionid", id.to_string())));
    attributes.extend(meta.traceparent.map(|parent| ("traceparent", parent)));
    attributes
}

/// One event in structured mode (`application/cloudevents+json`); `data` is its payload as it may
/// be shown to whoever asks.
pub fn to_json(recorded: &Recorded, source: &str, data: Value) -> Value {
    let attributes = attributes(recorded, source).into_iter();
    let mut event: Map<String, Value> = attributes.map(|(name, value)| (name.to_owned(), value.into())).collect();
    event.insert("datacontenttype".to_owned(), "application/json".into());
    event.insert("data".to_owned(), data);
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_catalogue_has_a_context() {
        for info in crate::catalogue() {
            assert_ne!(context_of(info.event_type), "other", "{} needs a context", info.event_type);
        }
    }

    #[test]
    fn an_unknown_aggregate_is_in_the_context_other() {
        assert_eq!(context_of("meteor.seen"), "other");
        assert!(CONTEXTS.iter().any(|(context, _)| *context == "other"));
    }
}
