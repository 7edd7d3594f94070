//! Events of a user, stream `user-<id>`, and of the erasure of a person, stream `subject-<id>`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{Cell, DomainId, Patch, Personal, PersonalFields, StreamId, SubjectId, Time, UserId};

/// What a user may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees and changes everything in every domain.
    Admin,
    /// A subscriber: his own domain, his own record.
    User,
    /// A guest.
    #[default]
    Anonymous,
}

impl Role {
    /// The name on every wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::User => "user",
            Role::Anonymous => "anonymous",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        [Role::Admin, Role::User, Role::Anonymous].into_iter().find(|role| role.as_str() == name)
    }
}

/// A user has come into being.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserCreated {
    /// Its id.
    pub id: UserId,
    /// Its domain.
    pub domain: DomainId,
    /// The name as typed.
    pub username: Personal,
    /// Keyed hash of the folded name in its domain: the id of its reservation.
    pub name_key: String,
    /// What it may do.
    pub role: Role,
    /// Where notices go.
    #[serde(default)]
    pub email: Option<Personal>,
    /// Where text messages go.
    #[serde(default)]
    pub mobile_phones: Vec<Personal>,
    /// A land line.
    #[serde(default)]
    pub land_line_number: Option<Personal>,
    /// Another name; a random UUID unless given.
    pub alias: Personal,
    /// The name others see.
    #[serde(default)]
    pub display_name: Option<Personal>,
    /// `+name` forces a capability, `-name` prunes it.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// When.
    pub at: Time,
}

/// Version 1 of [`UserCreated`]: one mobile phone, no land line, no display name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserCreatedV1 {
    /// Its id.
    pub id: UserId,
    /// Its domain.
    pub domain: DomainId,
    /// The name as typed.
    pub username: Personal,
    /// Keyed hash of the folded name in its domain.
    pub name_key: String,
    /// What it may do.
    pub role: Role,
    /// Where notices go.
    #[serde(default)]
    pub email: Option<Personal>,
    /// Where text messages go. Sealed under the name its successor has.
    #[serde(default)]
    pub mobile_phone: Option<Personal>,
    /// Another name.
    pub alias: Personal,
    /// Forced and pruned capabilities.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// When.
    pub at: Time,
}

impl From<UserCreatedV1> for UserCreated {
    fn from(old: UserCreatedV1) -> Self {
        Self {
            id: old.id,
            domain: old.domain,
            username: old.username,
            name_key: old.name_key,
            role: old.role,
            email: old.email,
            mobile_phones: old.mobile_phone.into_iter().collect(),
            land_line_number: None,
            alias: old.alias,
            display_name: None,
            capabilities: old.capabilities,
            at: old.at,
        }
    }
}

/// Some of a user's fields have changed; those that have not are absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserChanged {
    /// The user.
    pub id: UserId,
    /// New domain.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub domain: Patch<DomainId>,
    /// New name.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub username: Patch<Personal>,
    /// New reservation.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub name_key: Patch<String>,
    /// New role.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub role: Patch<Role>,
    /// New e-mail address, or none.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub email: Patch<Option<Personal>>,
    /// New mobile phones.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub mobile_phones: Patch<Vec<Personal>>,
    /// New land line, or none.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub land_line_number: Patch<Option<Personal>>,
    /// New alias.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub alias: Patch<Personal>,
    /// New display name, or none.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub display_name: Patch<Option<Personal>>,
    /// New capabilities.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub capabilities: Patch<Vec<String>>,
}

impl UserChanged {
    /// A change that changes nothing yet.
    pub fn nothing(id: UserId) -> Self {
        Self {
            id,
            domain: Patch::Keep,
            username: Patch::Keep,
            name_key: Patch::Keep,
            role: Patch::Keep,
            email: Patch::Keep,
            mobile_phones: Patch::Keep,
            land_line_number: Patch::Keep,
            alias: Patch::Keep,
            display_name: Patch::Keep,
            capabilities: Patch::Keep,
        }
    }
}

/// The user is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserDeleted {
    /// The user.
    pub id: UserId,
    /// The domain it was in.
    pub domain: DomainId,
    /// Whether what belongs to it (credentials, tokens …) goes with it.
    pub cascade: bool,
}

/// The person's key is destroyed: no personal data of this subject can be read any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectErased {
    /// Whose.
    pub subject: SubjectId,
    /// When it was asked for.
    pub at: Time,
}

fn each(cells: &mut [Personal], field: &'static str, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
    cells.iter_mut().for_each(|personal| visit(field, &mut personal.0));
}

impl PersonalFields for UserCreated {
    fn subject(&self) -> Option<SubjectId> {
        Some(SubjectId::of_user(&self.id))
    }

    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        visit("username", &mut self.username.0);
        each(self.email.as_mut_slice(), "email", visit);
        each(&mut self.mobile_phones, "mobilePhones", visit);
        each(self.land_line_number.as_mut_slice(), "landLineNumber", visit);
        visit("alias", &mut self.alias.0);
        each(self.display_name.as_mut_slice(), "displayName", visit);
    }
}

impl PersonalFields for UserChanged {
    fn subject(&self) -> Option<SubjectId> {
        Some(SubjectId::of_user(&self.id))
    }

    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        fn one(patch: &mut Patch<Personal>, field: &'static str, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
            if let Patch::Set(personal) = patch {
                visit(field, &mut personal.0);
            }
        }
        fn optional(
            patch: &mut Patch<Option<Personal>>,
            field: &'static str,
            visit: &mut dyn FnMut(&'static str, &mut Cell),
        ) {
            if let Patch::Set(personal) = patch {
                each(personal.as_mut_slice(), field, visit);
            }
        }
        one(&mut self.username, "username", visit);
        optional(&mut self.email, "email", visit);
        if let Patch::Set(phones) = &mut self.mobile_phones {
            each(phones, "mobilePhones", visit);
        }
        optional(&mut self.land_line_number, "landLineNumber", visit);
        one(&mut self.alias, "alias", visit);
        optional(&mut self.display_name, "displayName", visit);
    }
}

impl PersonalFields for UserDeleted {}
impl PersonalFields for SubjectErased {}

aggregate_events! {
    /// What happens to a user.
    pub enum UserEvent in "user" {
        /// See [`UserCreated`].
        Created(UserCreated) = "user.created", 2, upcast 1 => UserCreatedV1;
        /// See [`UserChanged`].
        Changed(UserChanged) = "user.changed", 1;
        /// See [`UserDeleted`].
        Deleted(UserDeleted) = "user.deleted", 1;
    }
}

aggregate_events! {
    /// What happens to a person's data.
    pub enum SubjectEvent in "subject" {
        /// See [`SubjectErased`].
        Erased(SubjectErased) = "subject.erased", 1;
    }
}

impl UserId {
    /// `user-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("user", self.as_str())
    }

    /// `wac-user:<id>`.
    pub fn uri(&self) -> String {
        format!("wac-user:{self}")
    }
}

impl SubjectId {
    /// `subject-<id>`.
    pub fn stream(&self) -> StreamId {
        StreamId::of("subject", self.as_str())
    }
}
