//! Request bodies: bounded, JSON, and told what is wrong with them.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use serde_json::Value;

use crate::json::Unambiguous;
use crate::{Platform, Problem};

/// A JSON body, its bytes kept for the request's fingerprint.
pub(crate) struct JsonBody {
    /// As it came.
    pub(crate) bytes: Bytes,
    /// What it says.
    pub(crate) value: Value,
}

/// The media type of a body, without parameters, lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// 415, naming what is accepted.
pub(crate) fn unsupported(accepted: &str) -> Problem {
    let detail = format!("Send the body as {accepted}.");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

/// Reads a body up to the platform's limit.
pub(crate) async fn bytes(platform: &Platform, request: Request) -> Result<Bytes, Problem> {
    let limit = platform.config.body_bytes_max;
    to_bytes(request.into_body(), limit).await.map_err(|error| {
        let mut source: Option<&dyn std::error::Error> = Some(&error);
        while let Some(cause) = source {
            if cause.to_string().contains("length limit exceeded") {
                let detail = format!("A body has at most {limit} bytes.");
                return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail);
            }
            source = cause.source();
        }
        Problem::invalid("malformed_json", "The body broke off.")
    })
}

/// Reads JSON, and says where it is not.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let Unambiguous(value) = serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Problem::invalid("malformed_json", format!("The body is not JSON at {place}: {error}."))
    })?;
    if holds_nul(&value) {
        return Err(Problem::invalid("malformed_json", "The character U+0000 is not accepted in a body."));
    }
    Ok(value)
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(map) => map.iter().any(|(name, item)| name.contains('\0') || holds_nul(item)),
        _ => false,
    }
}

impl FromRequest<Platform> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, platform: &Platform) -> Result<Self, Problem> {
        let accepted = match media_type(request.headers()).as_deref() {
            Some("application/json") => true,
            Some("application/merge-patch+json") => *request.method() == Method::PATCH,
            _ => false,
        };
        if !accepted {
            return Err(match *request.method() {
                Method::PATCH => unsupported("application/merge-patch+json or application/json"),
                _ => unsupported("application/json"),
            });
        }
        let bytes = bytes(platform, request).await?;
        let value = parse(&bytes)?;
        Ok(Self { bytes, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_is_named_by_its_place() {
        let problem = parse(b"{\n \"mobilePhone\": ['1111111']\n}").expect_err("single quotes are not JSON");
        assert_eq!(problem.code, "malformed_json");
        assert!(problem.detail.contains("line 2, column 18"), "{}", problem.detail);
    }

    #[test]
    fn the_nul_character_is_refused_wherever_it_stands() {
        parse(br#"{"context": {"a": ["x\u0000"]}}"#).expect_err("a value");
        parse(br#"{"context": {"a\u0000": 1}}"#).expect_err("a name");
        parse(br#"{"context": {"a": "\\u0000"}}"#).expect("an escaped backslash");
    }
}
