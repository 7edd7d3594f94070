//! The event stream for people without Kafka.

use utoipa_axum::router::OpenApiRouter;

use crate::Platform;

/// The routes, below `/sapi`.
pub(crate) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new()
}
