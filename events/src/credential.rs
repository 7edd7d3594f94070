//! Events of a credential. Stream `credential-<id>`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::codec::aggregate_events;
use crate::{
    Cell, CredentialId, DomainId, Patch, Personal, PersonalFields, Secret, StreamId, SubjectId, Time, TokenId, UserId,
};

/// What a credential opens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// A password for this platform; at most one a user.
    Basic,
    /// A SIP identity of a user or group.
    SipMapping,
    /// An account at a third-party SIP-over-WebSocket gateway.
    Ims,
    /// An account at a gateway of this platform's own making.
    WacIms,
    /// An account at an external OAuth2 provider.
    Oauth2,
    /// A token for an external service.
    Token,
}

impl CredentialKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [CredentialKind; 6] = [
        CredentialKind::Basic,
        CredentialKind::SipMapping,
        CredentialKind::Ims,
        CredentialKind::WacIms,
        CredentialKind::Oauth2,
        CredentialKind::Token,
    ];

    /// The name on every wire.
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialKind::Basic => "basic",
            CredentialKind::SipMapping => "sip-mapping",
            CredentialKind::Ims => "ims",
            CredentialKind::WacIms => "wac-ims",
            CredentialKind::Oauth2 => "oauth2",
            CredentialKind::Token => "token",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A credential has come into being.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialCreated {
    /// Its id.
    pub id: CredentialId,
    /// What it opens.
    pub kind: CredentialKind,
    /// Who gave it out; `wac` for this platform.
    pub source: String,
    /// Free data of the application, the JSON of an object; absent if there is none. In clear only where the
    /// first version of this event wrote it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Personal>,
    /// Its domain.
    pub domain: DomainId,
    /// Its owner; `None`: the domain's anonymous pool.
    #[serde(default)]
    pub user: Option<UserId>,
    /// Of a `sip-mapping`: keyed hash of its identity in the domain, the id of its reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_key: Option<String>,
    /// For `basic` the Argon2id hash (PHC string) of the password, else the JSON of `data`.
    pub data: Secret,
    /// Registration lifetime in seconds; 0 leaves it to the gateway.
    #[serde(default)]
    pub lease_s: u64,
    /// When.
    pub at: Time,
}

/// Some of a credential's fields have changed; those that have not are absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialChanged {
    /// Whose key seals `data` and `context`.
    pub subject: SubjectId,
    /// New source.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub source: Patch<String>,
    /// New context, the JSON of an object. In clear only where the first version of this event wrote it so.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub context: Patch<Personal>,
    /// New reservation of a `sip-mapping`'s identity.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub identity_key: Patch<String>,
    /// New secret.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub data: Patch<Secret>,
    /// New lifetime in seconds.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub lease_s: Patch<u64>,
}

/// [`CredentialCreated`] as version 1 wrote it: the application's data in clear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialCreatedV1 {
    /// Its id.
    pub id: CredentialId,
    /// What it opens.
    pub kind: CredentialKind,
    /// Who gave it out; `wac` for this platform.
    pub source: String,
    /// Free data of the application.
    #[serde(default)]
    pub context: Map<String, Value>,
    /// Its domain.
    pub domain: DomainId,
    /// Its owner; `None`: the domain's anonymous pool.
    #[serde(default)]
    pub user: Option<UserId>,
    /// Of a `sip-mapping`: keyed hash of its identity in the domain, the id of its reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_key: Option<String>,
    /// For `basic` the Argon2id hash (PHC string) of the password, else the JSON of `data`.
    pub data: Secret,
    /// Registration lifetime in seconds; 0 leaves it to the gateway.
    #[serde(default)]
    pub lease_s: u64,
    /// When.
    pub at: Time,
}

impl From<CredentialCreatedV1> for CredentialCreated {
    fn from(old: CredentialCreatedV1) -> Self {
        Self {
            id: old.id,
            kind: old.kind,
            source: old.source,
            context: (!old.context.is_empty()).then(|| free_data(&old.context)),
            domain: old.domain,
            user: old.user,
            identity_key: old.identity_key,
            data: old.data,
            lease_s: old.lease_s,
            at: old.at,
        }
    }
}

/// [`CredentialChanged`] as version 1 wrote it: the application's data in clear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialChangedV1 {
    /// Whose key seals `data`.
    pub subject: SubjectId,
    /// New source.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub source: Patch<String>,
    /// New context.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub context: Patch<Map<String, Value>>,
    /// New reservation of a `sip-mapping`'s identity.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub identity_key: Patch<String>,
    /// New secret.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub data: Patch<Secret>,
    /// New lifetime in seconds.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub lease_s: Patch<u64>,
}

impl From<CredentialChangedV1> for CredentialChanged {
    fn from(old: CredentialChangedV1) -> Self {
        Self {
            subject: old.subject,
            source: old.source,
            context: old.context.set().map_or(Patch::Keep, |context| Patch::Set(free_data(context))),
            identity_key: old.identity_key,
            data: old.data,
            lease_s: old.lease_s,
        }
    }
}

/// An application's free data as a personal field, the JSON of the object; in clear.
pub fn free_data(context: &Map<String, Value>) -> Personal {
    Personal::new(serde_json::to_string(context).expect("a JSON object is JSON"))
}

/// The free data in an opened field; nothing once it has been erased.
pub fn read_free_data(context: &Personal) -> Map<String, Value> {
    context.clear().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Why a credential was revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// Somebody asked for it.
    Requested,
    /// Its owner was deleted.
    OwnerDeleted,
    /// Its domain was deleted.
    DomainDeleted,
    /// Its owner moved to a domain in which somebody else has its SIP identity.
    IdentityTaken,
}

/// The credential is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialRevoked {
    /// Why.
    pub reason: RevocationReason,
}

/// The credential has followed its owner into another domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialMoved {
    /// Its domain from now on.
    pub domain: DomainId,
    /// Of a `sip-mapping`: keyed hash of its identity in that domain, the id of its reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_key: Option<String>,
}

/// A pool credential serves one guest until `until`, or until it is given back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialLeased {
    /// The guest's token family.
    pub holder: TokenId,
    /// When the lease ends by itself.
    pub until: Time,
}

/// A pool credential is free again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialLeaseReleased {
    /// Who had it.
    pub holder: TokenId,
}

impl CredentialCreated {
    /// Whose key seals what is protected: the owner's, or the domain's for pool credentials.
    pub fn owner_subject(&self) -> SubjectId {
        match &self.user {
            Some(user) => SubjectId::of_user(user),
            None => SubjectId::of_domain(&self.domain),
        }
    }
}

impl PersonalFields for CredentialCreated {
    fn subject(&self) -> Option<SubjectId> {
        Some(self.owner_subject())
    }

    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        visit("data", &mut self.data.0);
        if let Some(context) = &mut self.context {
            visit("context", &mut context.0);
        }
    }
}

impl PersonalFields for CredentialChanged {
    fn subject(&self) -> Option<SubjectId> {
        Some(self.subject.clone())
    }

    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        if let Patch::Set(data) = &mut self.data {
            visit("data", &mut data.0);
        }
        if let Patch::Set(context) = &mut self.context {
            visit("context", &mut context.0);
        }
    }
}

impl PersonalFields for CredentialRevoked {}
impl PersonalFields for CredentialMoved {}
impl PersonalFields for CredentialLeased {}
impl PersonalFields for CredentialLeaseReleased {}

aggregate_events! {
    /// What happens to a credential.
    pub enum CredentialEvent in "credential" {
        /// See [`CredentialCreated`].
        Created(CredentialCreated) = "credential.created", 2, upcast 1 => CredentialCreatedV1;
        /// See [`CredentialChanged`].
        Changed(CredentialChanged) = "credential.changed", 2, upcast 1 => CredentialChangedV1;
        /// See [`CredentialRevoked`].
        Revoked(CredentialRevoked) = "credential.revoked", 1;
        /// See [`CredentialLeased`].
        Leased(CredentialLeased) = "credential.leased", 1;
        /// See [`CredentialLeaseReleased`].
        LeaseReleased(CredentialLeaseReleased) = "credential.lease_released", 1;
        /// See [`CredentialMoved`].
        Moved(CredentialMoved) = "credential.moved", 1;
    }
}

impl CredentialId {
    /// `credential-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("credential", self.as_str())
    }
}
