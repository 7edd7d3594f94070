//! Users as SAPI shows them.

use serde_json::{Value, json};
use wac_commands::User;
use wac_events::{Personal, Time};

use crate::reads::UserView;

/// The server's own fields, ignored in a body.
pub(crate) const OWN_FIELDS: [&str; 4] = ["id", "uri", "created", "lastLogin"];

/// Every field.
pub(crate) fn full(user: &UserView) -> Value {
    json!({
        "id": user.id,
        "uri": user.id.uri(),
        "domain": user.domain_name,
        "username": user.username,
        "role": user.role.as_str(),
        "email": user.email,
        "mobilePhone": user.mobile_phones,
        "landLineNumber": user.land_line_number,
        "alias": user.alias,
        "displayName": user.display_name,
        "capabilities": user.capabilities,
        "created": user.created_at.millis(),
        "lastLogin": user.last_login.map(Time::millis),
    })
}

/// What others of the same domain see.
pub(crate) fn limited(user: &UserView) -> Value {
    json!({
        "id": user.id,
        "uri": user.id.uri(),
        "domain": user.domain_name,
        "username": user.username,
        "alias": user.alias,
        "displayName": user.display_name,
    })
}

/// A folded state as a view.
pub(crate) fn of_state(user: &User, domain_name: String, last_login: Option<Time>) -> UserView {
    let text = |personal: &Personal| personal.clear().map(str::to_owned);
    UserView {
        id: user.id.clone(),
        domain: user.domain.clone(),
        domain_name,
        username: text(&user.username),
        role: user.role,
        email: user.email.as_ref().and_then(text),
        mobile_phones: user.mobile_phones.iter().filter_map(text).collect(),
        land_line_number: user.land_line_number.as_ref().and_then(text),
        alias: text(&user.alias),
        display_name: user.display_name.as_ref().and_then(text),
        capabilities: user.capabilities.clone(),
        created_at: user.created_at,
        last_login,
        version: user.version,
        erased: user.username.clear().is_none(),
    }
}
