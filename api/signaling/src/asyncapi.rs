//! The AsyncAPI 3 document of the two sockets, made from the same types as [`crate::wire::schemas`].

use serde_json::{Map, Value, json};

use crate::wire::Request;

/// Version of the protocol, as `hello` says it.
pub const PROTOCOL_VERSION: u32 = 1;

/// Where the schemas are, seen from the document.
const SCHEMAS: &str = "signaling.schema.json#/$defs";

/// What a socket is closed with, and what it means.
pub const CLOSE_CODES: &[(u16, &str)] = &[
    (1000, "normal"),
    (1012, "this node is stopping; come back"),
    (4400, "malformed frames"),
    (4401, "the session has ended"),
    (4403, "origin or rights"),
    (4408, "idle"),
    (4409, "too slow; resync"),
    (4410, "too far back; resync"),
    (4413, "frame too large"),
    (4429, "too many requests"),
];

/// The document.
pub fn document() -> Value {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "wac signaling",
            "version": format!("{PROTOCOL_VERSION}.0.0"),
            "description": "Calls between people: the signaling socket (QSS) and WAPI. signaling.md says what it means.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "defaultContentType": "application/json",
        "servers": {
            "public": { "host": "{host}", "protocol": "wss", "description": "The public interface." },
            "qss": { "host": "{host}:8118", "protocol": "wss", "description": "The signaling port; the signaling socket is at `/`." }
        },
        "channels": {
            "qss": channel("/qss", "The signaling socket. One frame is one JSON text.", &["request", "answer", "refusal", "notice"]),
            "wapi": channel("/wapi", "SAPI over a socket, with pushes.", &["wapiRequest", "wapiAnswer", "push"])
        },
        "operations": operations(),
        "components": { "messages": messages() }
    })
}

fn channel(address: &str, description: &str, messages: &[&str]) -> Value {
    let messages: Map<String, Value> = messages
        .iter()
        .map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    let closes: Map<String, Value> =
        CLOSE_CODES.iter().map(|(code, meaning)| (code.to_string(), json!(meaning))).collect();
    json!({
        "address": address,
        "description": description,
        "messages": messages,
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {
                    "type": "object",
                    "properties": { "position": { "type": "integer", "description": "Go on after this position." } }
                },
                "headers": {
                    "type": "object",
                    "properties": {
                        "Authorization": { "type": "string", "description": "`Bearer <access token>`." },
                        "Sec-WebSocket-Protocol": {
                            "type": "string",
                            "description": "From browsers: `jt, bearer.<access token>` (signaling) or `wapi, bearer.<access token>`."
                        }
                    }
                },
                "bindingVersion": "0.1.0"
            }
        },
        "x-close-codes": closes
    })
}

fn operations() -> Value {
    let operation = |action: &str, channel: &str, message: &str, reply: Option<&[&str]>| {
        let named = |name: &str| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") });
        let mut operation = json!({
            "action": action,
            "channel": { "$ref": format!("#/channels/{channel}") },
            "messages": [named(message)]
        });
        if let Some(replies) = reply {
            let messages: Vec<Value> = replies.iter().map(|name| named(name)).collect();
            operation["reply"] =
                json!({ "channel": { "$ref": format!("#/channels/{channel}") }, "messages": messages });
        }
        operation
    };
    json!({
        "ask": operation("receive", "qss", "request", Some(&["answer", "refusal"])),
        "tell": operation("send", "qss", "notice", None),
        "call": operation("receive", "wapi", "wapiRequest", Some(&["wapiAnswer"])),
        "push": operation("send", "wapi", "push", None)
    })
}

fn messages() -> Value {
    let message = |title: &str, schema: &str| json!({ "name": schema, "title": title, "payload": { "$ref": format!("{SCHEMAS}/{schema}") } });
    let requests = format!("A request: {}.", Request::NAMES.join(", "));
    json!({
        "request": message(&requests, "Request"),
        "answer": message("An answer; beside these fields stand those of the request's own answer.", "AnswerFrame"),
        "refusal": message("A refusal.", "RefusalFrame"),
        "notice": message("Something has happened.", "NoticeFrame"),
        "wapiRequest": message("A request over WAPI.", "WapiRequest"),
        "wapiAnswer": message("An answer over WAPI.", "WapiAnswer"),
        "push": message("Something has happened to a resource.", "PushFrame")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_it_refers_to_is_there() {
        let definitions = crate::wire::schemas();
        for message in document()["components"]["messages"].as_object().unwrap().values() {
            let name = message["name"].as_str().unwrap();
            assert!(definitions["$defs"].get(name).is_some(), "{name}");
        }
    }
}
