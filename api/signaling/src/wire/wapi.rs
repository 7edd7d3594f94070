use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wac_events::{Activity, Position, UserId};

/// A request over WAPI.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, Debug)]
pub struct WapiRequest {
    /// The client's own id of it; the answer repeats it.
    pub id: String,
    /// The verb.
    pub method: WapiMethod,
    /// The resource, without `/sapi`.
    pub url: String,
    /// The query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qs: Option<Map<String, Value>>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// A write with the same key and content happens once, however often it is sent: `Idempotency-Key`
    /// of SAPI. 1 to 255 visible ASCII characters, the caller's own.
    #[serde(default, rename = "idempotencyKey", skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// A verb of WAPI.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "UPPERCASE")]
pub enum WapiMethod {
    /// Read.
    Get,
    /// Create.
    Post,
    /// Replace.
    Put,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

/// An answer over WAPI.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
pub struct WapiAnswer {
    /// The request's id.
    pub id: String,
    /// HTTP status.
    pub status: u16,
    /// The resource, or the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Of a list that goes on: the `url` of its next page, query and all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Where the change stands in the log, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// A push over WAPI.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
pub struct Push {
    /// What happened to the resource.
    pub method: WapiMethod,
    /// The resource, without `/sapi`.
    pub url: String,
    /// It, or what of it has changed.
    pub body: PushBody,
}

/// A push with its place in the log, as it goes over WAPI.
#[derive(Serialize, JsonSchema, Debug)]
pub struct PushFrame<'a> {
    /// The push.
    #[serde(flatten)]
    pub push: &'a Push,
    /// Where what happened stands in the log.
    pub position: Position,
}

/// What is pushed.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(untagged)]
pub enum PushBody {
    /// `PUT /presence/<user>`.
    Presence(PresencePush),
    /// `POST /conferences`.
    Conference(ConferencePush),
    /// `PUT /conferences/<id>`.
    ConferenceChange(ConferenceChange),
}

/// What has changed of somebody's presence; what has not is left out.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct PresencePush {
    /// Who.
    pub user_id: UserId,
    /// Whether any of his devices can be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    /// What he is doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<Activity>,
    /// A free text; `null`: none any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Option<String>>,
    /// How he feels; `null`: he does not say any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mood: Option<Option<String>>,
}

/// A conference that is over.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ConferencePush {
    /// The opening: 64 hex digits.
    pub id: String,
    /// The room.
    pub room_id: String,
    /// `finished`.
    pub state: String,
    /// When it was opened, milliseconds since the epoch.
    pub created_at: i64,
    /// When it ended, milliseconds since the epoch.
    pub finished_at: i64,
    /// User id of the owner.
    pub owner: Option<UserId>,
    /// Domains, participants, invites and transfers, as `GET /conferences/<id>` shows them: put in by the
    /// socket it goes over, and left out if they cannot be read in time.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub rest: Option<ConferenceRest>,
}

/// The record of a conference has changed: a media session of the recipient's has ended, and its quality is known.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ConferenceChange {
    /// The opening: 64 hex digits.
    pub id: String,
    /// The entry as `GET /conferences/<id>` shows it: put in by the socket it goes over, and left out if it cannot be
    /// read in time.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub rest: Option<ConferenceRest>,
}

/// The rest of a conference's entry.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ConferenceRest {
    /// Names of the domains involved.
    pub domains: Vec<String>,
    /// Who sat in it.
    pub participants: Vec<Value>,
    /// Who was invited.
    pub invites: Vec<Value>,
    /// Who was transferred.
    pub transfers: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fuzz target (CONTRIBUTING.md): what is read of a frame can be written, and read again.
    #[test]
    fn bytes_of_any_kind_are_a_request_or_are_not() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let Ok(request) = serde_json::from_slice::<WapiRequest>(bytes) else { return };
            let written = serde_json::to_vec(&request).expect("a request is plain JSON");
            let again: WapiRequest = serde_json::from_slice(&written).expect("it is read again");
            assert_eq!(again, request);
        });
    }
}
