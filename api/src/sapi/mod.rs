//! SAPI: the REST interface. One file a resource; what they share is in [`common`].

mod agents;
mod alarms;
mod capabilities;
pub(crate) mod clients;
pub(crate) mod common;
pub(crate) mod conferences;
pub(crate) mod credential_input;
pub(crate) mod credentials;
mod domain_json;
mod domains;
mod export;
mod groups;
mod lists;
mod nodes;
mod presence;
pub(crate) mod reachability;
pub(crate) mod schemas;
mod schemas_calls;
mod schemas_pool;
mod sessions;
mod sip_mappings;
mod timeline;
mod user_cache;
mod user_input;
pub(crate) mod user_json;
mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::Platform;

pub use capabilities::effective_capabilities;
pub(crate) use capabilities::service_capabilities;
pub(crate) use user_cache::{CachedUser, UserCache};

/// Every resource, below `/sapi`.
pub(crate) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
        .merge(domains::routes())
        .merge(users::routes())
        .merge(credentials::routes())
        .merge(sip_mappings::routes())
        .merge(clients::routes())
        .merge(capabilities::routes())
        .merge(sessions::routes())
        .merge(presence::routes())
        .merge(groups::routes())
        .merge(conferences::routes())
        .merge(timeline::routes())
        .merge(reachability::routes())
        .merge(agents::routes())
        .merge(alarms::routes())
        .merge(nodes::routes())
}
