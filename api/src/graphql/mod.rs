//! GraphQL.

use axum::Router;

use crate::Platform;

/// The routes.
pub(crate) fn routes(_: &Platform) -> Router<Platform> {
    Router::new()
}
