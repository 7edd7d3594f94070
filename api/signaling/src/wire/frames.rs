use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wac_events::Position;

use super::Event;

/// What every request looks like; its payload is read once its name is known.
#[derive(Deserialize, Debug)]
pub struct RequestFrame<'a> {
    /// Its name.
    #[serde(borrow)]
    pub request: Cow<'a, str>,
    /// The client's own id of it, equal when it is sent again.
    #[serde(rename = "requestID", borrow)]
    pub request_id: Cow<'a, str>,
    /// What it asks for.
    #[serde(borrow, default)]
    pub payload: Option<&'a RawValue>,
}

/// An answer; the request's own fields stand beside these.
#[derive(Serialize, JsonSchema, Debug)]
pub struct AnswerFrame<'a, T> {
    /// The request's name.
    pub answer: &'a str,
    /// The request's id.
    #[serde(rename = "requestID")]
    pub request_id: &'a str,
    /// Where the change stands in the log, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The answer itself.
    #[serde(flatten)]
    pub fields: T,
}

/// A refusal.
#[derive(Clone, PartialEq, Serialize, JsonSchema, Debug)]
pub struct RefusalFrame<'a> {
    /// The request's name; empty if the frame had none.
    pub answer: &'a str,
    /// The request's id; empty if the frame had none.
    #[serde(rename = "requestID")]
    pub request_id: &'a str,
    /// A call code (404, 408, 480, 486, 487, 603), or the HTTP status of the like.
    #[serde(rename = "errorCode")]
    pub error_code: u16,
    /// What and why.
    pub error: ErrorBody,
}

/// What went wrong, in the fields of RFC 9457 that make sense without HTTP.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Debug)]
pub struct ErrorBody {
    /// Where the code is explained, relative to the platform's public address.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in a few words.
    pub title: String,
    /// This occurrence, in a sentence.
    pub detail: String,
    /// Stable; for programs.
    pub code: String,
    /// JSON pointer (RFC 6901) into the payload, if one field is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

/// A notice.
#[derive(Serialize, JsonSchema, Debug)]
pub struct NoticeFrame<'a> {
    /// `event`.
    #[serde(rename = "type")]
    pub kind: NoticeKind,
    /// Where what happened stands in the log.
    pub position: Position,
    /// What happened.
    pub payload: &'a Event,
}

/// The one kind of frame that is no answer.
#[derive(Clone, Copy, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "lowercase")]
pub enum NoticeKind {
    /// It is a notice.
    Event,
}

impl<'a> NoticeFrame<'a> {
    /// The notice of an event at a position.
    pub fn new(position: Position, payload: &'a Event) -> Self {
        Self { kind: NoticeKind::Event, position, payload }
    }
}
