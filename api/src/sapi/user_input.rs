//! Users on their way in.

use serde_json::Value;
use wac_commands::{UserChanges, UserName};
use wac_events::{Patch, Role};

use super::user_json::OWN_FIELDS;
use crate::Problem;
use crate::fields::Fields;
use crate::problem::FieldError;
use crate::reads::UserView;

/// A user's body, read but not yet judged.
#[derive(Clone, Debug)]
pub(crate) struct UserInput {
    pub(crate) username: String,
    pub(crate) domain: Option<String>,
    pub(crate) role: Option<Role>,
    pub(crate) email: Option<String>,
    pub(crate) mobile_phones: Vec<String>,
    pub(crate) land_line_number: Option<String>,
    pub(crate) alias: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) capabilities: Option<Vec<String>>,
}

/// What a patch sets; its default if it keeps.
pub(crate) fn given<T: Default>(patch: Patch<T>) -> T {
    match patch {
        Patch::Keep => T::default(),
        Patch::Set(value) => value,
    }
}

/// What a patch sets, if it does.
pub(crate) fn set<T>(patch: Patch<T>) -> Option<T> {
    match patch {
        Patch::Keep => None,
        Patch::Set(value) => Some(value),
    }
}

impl UserInput {
    pub(crate) fn read(body: Value) -> Result<Self, Problem> {
        let mut fields = Fields::of_body(body, &OWN_FIELDS)?;
        let role = set(fields.text("role"));
        let parsed = role.as_deref().map(Role::parse);
        if parsed == Some(None) {
            fields.wrong("role", "role_unknown", "`role` is admin, user or anonymous.");
        }
        let input = Self {
            username: fields.required_text("username"),
            domain: given(fields.optional_text("domain")),
            role: parsed.flatten(),
            email: given(fields.optional_text("email")),
            mobile_phones: given(fields.texts("mobilePhone")),
            land_line_number: given(fields.optional_text("landLineNumber")),
            alias: set(fields.text("alias")),
            display_name: given(fields.optional_text("displayName")),
            capabilities: set(fields.texts("capabilities")),
        };
        fields.finish()?;
        Ok(input)
    }

    /// The whole object replaced: what was left out has its default, but `alias`.
    pub(crate) fn into_changes(self, name: UserName) -> UserChanges {
        UserChanges {
            name: Some(name),
            role: Some(self.role.unwrap_or_default()),
            email: Some(self.email),
            mobile_phones: Some(self.mobile_phones),
            land_line_number: Some(self.land_line_number),
            alias: self.alias,
            display_name: Some(self.display_name),
            capabilities: Some(self.capabilities.unwrap_or_default()),
            credentials: Vec::new(),
        }
    }

    /// Only what differs from `current`, so that nothing else is touched.
    pub(crate) fn against(self, current: &UserView, name: UserName) -> UserChanges {
        let renamed = name.domain != current.domain || Some(&name.username) != current.username.as_ref();
        let role = self.role.unwrap_or_default();
        let capabilities = self.capabilities.unwrap_or_default();
        UserChanges {
            name: renamed.then_some(name),
            role: (role != current.role).then_some(role),
            email: (self.email != current.email).then_some(self.email),
            mobile_phones: (self.mobile_phones != current.mobile_phones).then_some(self.mobile_phones),
            land_line_number: (self.land_line_number != current.land_line_number).then_some(self.land_line_number),
            alias: self.alias.filter(|alias| Some(alias) != current.alias.as_ref()),
            display_name: (self.display_name != current.display_name).then_some(self.display_name),
            capabilities: (capabilities != current.capabilities).then_some(capabilities),
            credentials: Vec::new(),
        }
    }
}

/// What a user may change of his own record; 403 naming each field that is not his to change.
/// Fields left out that are not his stay as they are.
pub(crate) fn changes_of_own(current: &UserView, input: &UserInput, name: &UserName) -> Result<UserChanges, Problem> {
    let mut foreign = Vec::new();
    let mut keep = |differs: bool, pointer: &str| {
        if differs {
            let detail = "An administrator changes this field.".to_owned();
            foreign.push(FieldError { pointer: pointer.to_owned(), code: "forbidden".into(), detail });
        }
    };
    keep(Some(&name.username) != current.username.as_ref(), "/username");
    keep(name.domain != current.domain, "/domain");
    keep(input.role.is_some_and(|role| role != current.role), "/role");
    keep(input.alias.is_some() && input.alias != current.alias, "/alias");
    keep(input.capabilities.as_ref().is_some_and(|given| *given != current.capabilities), "/capabilities");
    if !foreign.is_empty() {
        let problem = Problem::forbidden("You may change your e-mail address, phones and display name.");
        return Err(Problem { errors: foreign, ..problem });
    }
    Ok(UserChanges {
        email: Some(input.email.clone()),
        mobile_phones: Some(input.mobile_phones.clone()),
        land_line_number: Some(input.land_line_number.clone()),
        display_name: Some(input.display_name.clone()),
        ..UserChanges::default()
    })
}
