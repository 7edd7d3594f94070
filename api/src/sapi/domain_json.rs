//! Domains as SAPI shows and takes them.

use serde_json::{Value, json};
use wac_commands::domain::DomainStatus;
use wac_commands::{Domain, DomainChanges};
use wac_events::domain::Services;
use wac_events::{DomainId, Patch};

use super::common::NUMBER_MAX;
use super::user_input::given;
use crate::Problem;
use crate::fields::Fields;
use crate::reads::DomainView;

/// The server's own fields, ignored in a body.
pub(crate) const OWN_FIELDS: [&str; 4] = ["id", "created", "effectiveServices", "closing"];

/// Every field.
pub(crate) fn full(domain: &DomainView) -> Value {
    json!({
        "id": domain.id,
        "parent": domain.parent_name,
        "domain": domain.name,
        "origins": domain.origins,
        "enableAnonymous": domain.enable_anonymous,
        "anonymousExpiration": domain.anonymous_expiration_ms,
        "anonymousCapabilities": domain.anonymous_capabilities,
        "services": domain.services,
        "effectiveServices": domain.effective_services,
        "closing": domain.closing,
        "created": domain.created_at.millis(),
    })
}

/// What guests see of their domain.
pub(crate) fn limited(domain: &DomainView) -> Value {
    json!({
        "id": domain.id,
        "domain": domain.name,
        "services": domain.services,
        "effectiveServices": domain.effective_services,
    })
}

/// A folded state as a view.
pub(crate) fn of_state(domain: &Domain, parent_name: Option<String>, effective_services: Services) -> DomainView {
    DomainView {
        id: domain.id.clone(),
        name: domain.name.clone(),
        parent: domain.parent.clone(),
        parent_name,
        origins: domain.origins.clone(),
        enable_anonymous: domain.enable_anonymous,
        anonymous_expiration_ms: domain.anonymous_expiration_ms,
        anonymous_capabilities: domain.anonymous_capabilities.clone(),
        services: domain.services.clone(),
        effective_services,
        closing: domain.status == DomainStatus::Closing,
        created_at: domain.created_at,
        version: domain.version,
    }
}

/// A domain's body, read but not yet judged. What was left out has its default.
#[derive(Clone, Debug)]
pub(crate) struct DomainInput {
    pub(crate) name: String,
    pub(crate) parent: Option<String>,
    pub(crate) origins: Vec<Option<String>>,
    pub(crate) enable_anonymous: bool,
    pub(crate) anonymous_expiration_ms: u64,
    pub(crate) anonymous_capabilities: Vec<String>,
    pub(crate) services: Option<Services>,
}

impl DomainInput {
    pub(crate) fn read(body: Value) -> Result<Self, Problem> {
        let mut fields = Fields::of_body(body, &OWN_FIELDS)?;
        let input = Self {
            name: fields.required_text("domain"),
            parent: given(fields.optional_text("parent")),
            origins: match fields.optional_texts("origins") {
                Patch::Set(origins) => origins,
                Patch::Keep => vec![None],
            },
            enable_anonymous: given(fields.boolean("enableAnonymous")),
            anonymous_expiration_ms: given(fields.number("anonymousExpiration", NUMBER_MAX)),
            anonymous_capabilities: given(fields.texts("anonymousCapabilities")),
            services: given(fields.services("services")),
        };
        fields.finish()?;
        Ok(input)
    }

    /// The whole object replaced.
    pub(crate) fn into_changes(self, parent: Option<DomainId>) -> DomainChanges {
        DomainChanges {
            name: Some(self.name),
            parent: Some(parent),
            origins: Some(self.origins),
            enable_anonymous: Some(self.enable_anonymous),
            anonymous_expiration_ms: Some(self.anonymous_expiration_ms),
            anonymous_capabilities: Some(self.anonymous_capabilities),
            services: Some(self.services),
        }
    }

    /// Only what differs from `current`.
    pub(crate) fn against(self, current: &DomainView, parent: Option<DomainId>) -> DomainChanges {
        let capabilities = self.anonymous_capabilities;
        let expiration = self.anonymous_expiration_ms;
        DomainChanges {
            name: (self.name != current.name).then_some(self.name),
            parent: (parent != current.parent).then_some(parent),
            origins: (self.origins != current.origins).then_some(self.origins),
            enable_anonymous: (self.enable_anonymous != current.enable_anonymous).then_some(self.enable_anonymous),
            anonymous_expiration_ms: (expiration != current.anonymous_expiration_ms).then_some(expiration),
            anonymous_capabilities: (capabilities != current.anonymous_capabilities).then_some(capabilities),
            services: (self.services != current.services).then_some(self.services),
        }
    }
}
