//! The event stream for people without Kafka: pages, a live stream, and the catalogue of types.

mod catalogue;
mod feed;
mod live;
mod pages;
mod schemas;
mod scope;
mod shown;
mod watch;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Platform;

pub(crate) use catalogue::types as catalogue_types;
pub use feed::{FEED_PAGE_EVENTS, WATCH_INTERVAL};
pub(crate) use feed::{Feed, FeedEnd};
pub(crate) use live::LivePlaces;
pub use live::{KEEP_ALIVE, LIVE_STREAMS_MAX};
pub use pages::PAGE_EVENTS_MAX;
pub(crate) use scope::{Wanted, scope};
pub(crate) use shown::{Keys, Shown, keys_of, show, shown};
pub(crate) use watch::Watch;

/// The routes, below `/sapi`.
pub(crate) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(pages::list)).routes(routes!(live::stream)).routes(routes!(catalogue::list))
}
