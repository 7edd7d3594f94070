//! What is sent to a token endpoint: JSON or a form, the same parameters.

use std::net::IpAddr;

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::error::OauthError;
use crate::edge::RequestInfo;
use crate::{Platform, body, form};

/// The parameters of a request, each at most once.
pub(crate) struct OauthRequest {
    parameters: Vec<(String, String)>,
    /// Client id and secret of an `Authorization: Basic` header.
    pub(crate) basic: Option<(String, String)>,
    /// What else is known of the request.
    pub(crate) info: RequestInfo,
    /// The request's headers.
    pub(crate) headers: HeaderMap,
}

impl OauthRequest {
    /// A parameter that is not empty; an empty one counts as left out (RFC 6749 §3.2).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub(crate) fn require(&self, name: &str) -> Result<&str, OauthError> {
        self.get(name).ok_or_else(|| OauthError::invalid_request(format!("`{name}` is required.")))
    }

    /// The address to count failures for.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.info.client
    }
}

impl FromRequest<Platform> for OauthRequest {
    type Rejection = OauthError;

    async fn from_request(request: Request, platform: &Platform) -> Result<Self, OauthError> {
        let info = request.extensions().get::<RequestInfo>().cloned();
        let info = info.ok_or_else(|| OauthError::invalid_request("The request did not pass the edge."))?;
        if !info.secure {
            return Err(OauthError::invalid_request("Tokens are not issued over plain HTTP; use the HTTPS address."));
        }
        let headers = request.headers().clone();
        let basic = basic(&headers)?;
        let media_type = body::media_type(&headers);
        let bytes = body::bytes(platform, request).await?;
        let parameters = match media_type.as_deref() {
            Some("application/json") => of_json(&bytes)?,
            Some("application/x-www-form-urlencoded") => form::pairs(&bytes),
            _ => return Err(body::unsupported("application/x-www-form-urlencoded or application/json").into()),
        };
        for (index, (name, _)) in parameters.iter().enumerate() {
            if parameters[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(OauthError::invalid_request(format!("`{name}` is given more than once.")));
            }
        }
        Ok(Self { parameters, basic, info, headers })
    }
}

fn of_json(bytes: &[u8]) -> Result<Vec<(String, String)>, OauthError> {
    let Value::Object(map) = body::parse(bytes)? else {
        return Err(OauthError::invalid_request("The body must be a JSON object."));
    };
    let mut parameters = Vec::with_capacity(map.len());
    for (name, value) in map {
        match value {
            Value::String(text) => parameters.push((name, text)),
            Value::Null => {}
            _ => return Err(OauthError::invalid_request(format!("`{name}` must be a string."))),
        }
    }
    Ok(parameters)
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they go into the header.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, OauthError> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let Some((scheme, encoded)) = text.split_once(' ') else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let (id, secret) = pair.ok_or_else(OauthError::invalid_client)?;
    Ok(Some((form::decode(id.as_bytes()), form::decode(secret.as_bytes()))))
}
