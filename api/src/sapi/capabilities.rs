//! `/capabilities`: what the caller can do.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_events::domain::Services;
use wac_events::{GrantKind, Role};

use super::schemas;
use crate::reading::Query;
use crate::write::nothing_here;
use crate::{Caller, Platform, Problem};

/// Capabilities every platform has, whatever services a domain is given (guide 5.1.4.4.2, "core").
const CORE: [&str; 2] = ["credentials", "sessions"];

/// What each service makes possible (guide 5.1.4.4.2).
const OF_SERVICES: [(&str, &[&str]); 15] = [
    ("callalarms", &["alarms", "call-alarms"]),
    ("callcontrol", &["callcontrol", "call-history"]),
    ("chat", &["chat"]),
    ("contacts", &["contacts"]),
    ("datapipe", &["datapipe"]),
    ("filetransfer", &["filetransfer"]),
    ("forms", &["forms"]),
    ("login", &["login"]),
    ("meetings", &["meetings"]),
    ("oauth2client", &["login-token"]),
    ("presence", &["presence"]),
    ("recording", &["recording"]),
    ("remotelog", &["log"]),
    ("stats", &["stats"]),
    ("usersettings", &["settings"]),
];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(read))
}

/// Capabilities that follow from the services that hold in a domain, in alphabetical order.
pub(crate) fn service_capabilities(services: &Services) -> Vec<String> {
    let mut names: BTreeSet<&str> = CORE.into();
    for (service, capabilities) in OF_SERVICES {
        if services.contains_key(service) {
            names.extend(capabilities);
        }
    }
    // Files are sent inside chats.
    if !names.contains("chat") {
        names.remove("filetransfer");
    }
    names.into_iter().map(str::to_owned).collect()
}

/// What results from a domain's capabilities and a user's entries: `+name` adds, `-name` removes,
/// and removing wins.
pub fn effective_capabilities(domain: &[String], entries: &[String]) -> Vec<String> {
    let mut names: BTreeSet<&str> = domain.iter().map(String::as_str).collect();
    names.extend(entries.iter().filter_map(|entry| entry.strip_prefix('+')));
    for pruned in entries.iter().filter_map(|entry| entry.strip_prefix('-')) {
        names.remove(pruned);
    }
    names.into_iter().map(str::to_owned).collect()
}

/// The caller's capabilities: of his domain's services, forced and pruned ones, and what results.
#[utoipa::path(get, path = "/capabilities", tag = "capabilities", operation_id = "readCapabilities",
    responses((status = 200, description = "The capabilities", body = schemas::Capabilities)))]
async fn read(State(platform): State<Platform>, caller: Caller, query: Query) -> Result<Response, Problem> {
    const TABLES: [&str; 2] = ["users", "domains"];
    query.settle(&platform, &TABLES).await?;
    let mut domain = platform.reads.domain(&caller.domain).await?;
    if domain.is_none() {
        platform.caught_up(&TABLES).await?;
        domain = platform.reads.domain(&caller.domain).await?;
    }
    let domain = domain.ok_or_else(nothing_here)?;
    let of_domain = service_capabilities(&domain.effective_services);
    let mut entries = match &caller.user {
        Some(user) => {
            let world = platform.handler.load(&[user.stream()]).await?;
            world.user(user).capabilities.clone()
        }
        None => Vec::new(),
    };
    if caller.role == Role::Anonymous && caller.grant == GrantKind::Anonymous && entries.is_empty() {
        entries = domain.anonymous_capabilities;
    }
    let effective = effective_capabilities(&of_domain, &entries);
    Ok(axum::Json(json!({ "domain": of_domain, "user": entries, "effective": effective })).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn forced_capabilities_are_added_and_pruned_ones_removed() {
        let effective = effective_capabilities(&names(&["chat", "contacts"]), &names(&["+caller-extra-info", "-chat"]));
        assert_eq!(effective, names(&["caller-extra-info", "contacts"]));
    }

    #[test]
    fn files_are_sent_only_where_there_is_chat() {
        let services = |list: &[&str]| list.iter().map(|name| ((*name).to_owned(), Vec::new())).collect::<Services>();
        assert_eq!(service_capabilities(&services(&["filetransfer"])), names(&["credentials", "sessions"]));
        let both = service_capabilities(&services(&["chat", "filetransfer"]));
        assert_eq!(both, names(&["chat", "credentials", "filetransfer", "sessions"]));
    }
}
