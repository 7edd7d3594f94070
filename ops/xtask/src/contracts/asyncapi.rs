//! The AsyncAPI 3.0 document of the Kafka topics.

use serde_json::{Map, Value, json};
use wac_events::call_record::{CALL_RECORD_TYPE, CALL_RECORD_VERSION};
use wac_events::cloudevents::{CONTEXTS, PRODUCT, TOPICS_MAJOR, context_of, topic_of, type_name};
use wac_events::{EventTypeInfo, catalogue};

/// Partitions of every topic unless configured otherwise; part of the topics' major version.
const PARTITIONS: u32 = 8;

pub(super) fn generate() -> Value {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "wac event stream",
            "version": format!("{TOPICS_MAJOR}.0.0"),
            "description": "Every fact of the platform, in the order of its log, as CloudEvents 1.0 in Kafka's binary \
                mode. See event-stream.md for the rules a consumer follows.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{brokers}",
                "protocol": "kafka",
                "variables": { "brokers": { "description": "Bootstrap servers of the deployment.", "default": "localhost:9092" } }
            }
        },
        "channels": channels(),
        "operations": operations(),
        "components": {
            "messages": messages(),
            "messageTraits": { "cloudEvent": cloud_event() }
        }
    })
}

fn keyed(entries: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(entries.collect::<Map<_, _>>())
}

fn versions(info: &'static EventTypeInfo) -> impl Iterator<Item = u32> {
    info.older_versions.iter().copied().chain([info.schema_version])
}

/// Keys of AsyncAPI components: letters, digits, `.`, `-`, `_`.
fn message_key(info: &EventTypeInfo, version: u32) -> String {
    format!("{}.v{version}", info.event_type)
}

fn messages_of(context: &str) -> Value {
    let known = catalogue().filter(|info| context_of(info.event_type) == context);
    keyed(known.flat_map(|info| versions(info).map(|version| message_key(info, version))).map(|key| {
        let reference = json!({ "$ref": format!("#/components/messages/{key}") });
        (key, reference)
    }))
}

fn channels() -> Value {
    let events = CONTEXTS.iter().map(|(context, holds)| {
        let channel = channel(&topic_of(PRODUCT, context), holds, &messages_of(context));
        ((*context).to_owned(), channel)
    });
    let record = record_key();
    let messages = keyed([(record.clone(), json!({ "$ref": format!("#/components/messages/{record}") }))].into_iter());
    let holds = "Flat records of calls, one for each leg that is over; the key is the call. See cdr.md.";
    let records = channel(&format!("{PRODUCT}.cdr.records.v{TOPICS_MAJOR}"), holds, &messages);
    keyed(events.chain([("call-records".to_owned(), records)]))
}

fn record_key() -> String {
    format!("{CALL_RECORD_TYPE}.v{CALL_RECORD_VERSION}")
}

fn channel(topic: &str, holds: &str, messages: &Value) -> Value {
    json!({
        "address": topic,
        "description": holds,
        "servers": [{ "$ref": "#/servers/kafka" }],
        "messages": messages,
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": PARTITIONS,
                "topicConfiguration": { "cleanup.policy": ["delete"], "retention.ms": -1 },
                "bindingVersion": "0.5.0"
            }
        }
    })
}

fn operations() -> Value {
    let events = CONTEXTS.iter().map(|(context, _)| {
        let operation = json!({
            "action": "send",
            "channel": { "$ref": format!("#/channels/{context}") },
            "summary": format!("The relay publishes the events of the context `{context}`.")
        });
        (format!("publish-{context}"), operation)
    });
    let records = json!({
        "action": "send",
        "channel": { "$ref": "#/channels/call-records" },
        "summary": "The relay publishes a record for each leg of a call that is over."
    });
    keyed(events.chain([("publish-call-records".to_owned(), records)]))
}

fn messages() -> Value {
    let record = json!({
        "name": format!("io.{PRODUCT}.{}", record_key()),
        "title": CALL_RECORD_TYPE,
        "contentType": "application/json",
        "headers": record_headers(),
        "payload": { "$ref": format!("../events/schemas/{}.json", record_key()) }
    });
    let events = catalogue().flat_map(|info| {
        versions(info).map(|version| {
            let message = json!({
                "name": type_name(info.event_type, version),
                "title": info.event_type,
                "contentType": "application/json",
                "traits": [{ "$ref": "#/components/messageTraits/cloudEvent" }],
                "payload": { "$ref": format!("../events/schemas/{}.v{version}.json", info.event_type) }
            });
            (message_key(info, version), message)
        })
    });
    keyed(events.chain([(record_key(), record)]))
}

/// Headers of a call record.
fn record_headers() -> Value {
    let names = [
        "content-type",
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_subject",
        "ce_time",
        "ce_dataschema",
        "ce_sequence",
        "ce_partitionkey",
        "ce_tenantid",
    ];
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": names,
        "properties": names.map(|name| (name.to_owned(), text.clone())).into_iter().collect::<Map<_, _>>()
    })
}

/// Headers and key that every message has.
fn cloud_event() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let time = |description: &str| json!({ "type": "string", "format": "date-time", "description": description });
    let uuid = |description: &str| json!({ "type": "string", "format": "uuid", "description": description });
    let digits = "^[0-9]{20}$";
    json!({
        "name": "cloudEvent",
        "headers": {
            "type": "object",
            "required": [
                "content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time",
                "ce_dataschema", "ce_sequence", "ce_partitionkey", "ce_streamversion", "ce_recordedtime"
            ],
            "properties": {
                "content-type": { "type": "string", "const": "application/json" },
                "ce_specversion": { "type": "string", "const": "1.0" },
                "ce_id": uuid("The event's id; UUIDv7."),
                "ce_source": text("`/clusters/<cluster>/logs/<log>`; sequences compare within one source."),
                "ce_type": text("`io.wac.<type>.v<schema version>`."),
                "ce_subject": text("What it happened to, `users/<id>`."),
                "ce_time": time("When it happened."),
                "ce_dataschema": text("`$id` of the payload's JSON Schema in events/schemas."),
                "ce_sequence": {
                    "type": "string", "pattern": digits,
                    "description": "Position in the log, 20 digits; the guard rule compares it."
                },
                "ce_partitionkey": text("The Kafka key: the stream, `user-<id>`."),
                "ce_streamversion": text("Place in the stream, from 1, without gaps."),
                "ce_recordedtime": time("When it was committed; never goes back along the log."),
                "ce_tenantid": text("The domain it belongs to, if any."),
                "ce_authtype": {
                    "type": "string", "enum": ["user", "service_account", "system"],
                    "description": "What kind of actor did it."
                },
                "ce_authid": text("Who did it."),
                "ce_commandid": uuid("The command that decided it."),
                "ce_correlationid": text("Equal in everything that follows from one request."),
                "ce_causationid": uuid("The event that caused the command, if one did."),
                "ce_traceparent": text("W3C trace context of the request."),
            }
        },
        "bindings": {
            "kafka": {
                "key": { "type": "string", "description": "The stream's id, UTF-8; partition by Java's default (murmur2)." },
                "bindingVersion": "0.5.0"
            }
        }
    })
}
