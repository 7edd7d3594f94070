//! Events of a domain (tenant). Stream `domain-<id>`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{DomainId, Patch, PersonalFields, StreamId, Time};

/// Service name → backends, `{"contacts": ["wac", "static"]}`. An absent key is a service that is off.
pub type Services = BTreeMap<String, Vec<String>>;

/// A domain has come into being.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainCreated {
    /// Its id.
    pub id: DomainId,
    /// Its name, lower case.
    pub name: String,
    /// Its parent; `None` only for the base domain.
    pub parent: Option<DomainId>,
    /// Patterns that map an anonymous log-in to this domain; `null` matches nothing.
    #[serde(default)]
    pub origins: Vec<Option<String>>,
    /// Whether guests may log in.
    #[serde(default)]
    pub enable_anonymous: bool,
    /// How long a guest's access token lasts, in milliseconds; 0: the default lifetime.
    #[serde(default)]
    pub anonymous_expiration_ms: u64,
    /// `+name` forces a capability for guests, `-name` prunes it.
    #[serde(default)]
    pub anonymous_capabilities: Vec<String>,
    /// The services given; `None` inherits the parent's.
    #[serde(default)]
    pub services: Option<Services>,
    /// When.
    pub at: Time,
}

/// Some of a domain's fields have changed; those that have not are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainChanged {
    /// New name.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub name: Patch<String>,
    /// New parent.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub parent: Patch<Option<DomainId>>,
    /// New origins.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub origins: Patch<Vec<Option<String>>>,
    /// Guests allowed or not.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub enable_anonymous: Patch<bool>,
    /// New lifetime of guests' tokens, in milliseconds.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub anonymous_expiration_ms: Patch<u64>,
    /// New guest capabilities.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub anonymous_capabilities: Patch<Vec<String>>,
    /// New services; `null` inherits the parent's.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub services: Patch<Option<Services>>,
}

/// The domain is being removed with all that is inside it; nothing new is created in it any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainClosing {
    /// When the removal was asked for.
    pub at: Time,
}

/// The domain is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainDeleted {
    /// The name it had, free again.
    pub name: String,
    /// What it was at the end; absent in events of earlier versions of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainObject>,
}

/// A whole domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainObject {
    /// Its id.
    pub id: DomainId,
    /// Its name, lower case.
    pub name: String,
    /// Its parent.
    pub parent: Option<DomainId>,
    /// Patterns that map an anonymous log-in to this domain; `null` matches nothing.
    pub origins: Vec<Option<String>>,
    /// Whether guests may log in.
    pub enable_anonymous: bool,
    /// How long a guest's access token lasts, in milliseconds; 0: the default lifetime.
    pub anonymous_expiration_ms: u64,
    /// `+name` forces a capability for guests, `-name` prunes it.
    pub anonymous_capabilities: Vec<String>,
    /// The services given; `None` inherits the parent's.
    pub services: Option<Services>,
    /// When it came into being.
    pub created_at: Time,
}

impl PersonalFields for DomainCreated {}
impl PersonalFields for DomainChanged {}
impl PersonalFields for DomainClosing {}
impl PersonalFields for DomainDeleted {}

aggregate_events! {
    /// What happens to a domain.
    pub enum DomainEvent in "domain" {
        /// See [`DomainCreated`].
        Created(DomainCreated) = "domain.created", 1;
        /// See [`DomainChanged`].
        Changed(DomainChanged) = "domain.changed", 1;
        /// See [`DomainClosing`].
        Closing(DomainClosing) = "domain.closing", 1;
        /// See [`DomainDeleted`].
        Deleted(DomainDeleted) = "domain.deleted", 1;
    }
}

impl DomainId {
    /// `domain-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("domain", self.as_str())
    }
}
