//! GraphQL: what SAPI has, and what only the log can give — events, the history of any object, and
//! every query asked of the past.
//!
//! Queries run over the same typed reads as SAPI ([`crate::reads`]), over rows of the present or
//! over tables folded from the log (`asOf`); mutations are SAPI's own writes; who may see what is
//! for [`crate::policy`].

mod enums;
mod errors;
mod events;
mod history;
mod http;
mod inputs;
mod lists;
mod lists_calls;
mod moment;
mod mutation;
mod mutation_calls;
mod objects;
mod order;
mod page;
mod past;
mod query;
mod query_calls;
mod sapi;
mod scalars;
mod session;
mod socket;
mod subscription;
mod views;

use async_graphql::{MergedObject, Schema, SchemaBuilder};
use axum::routing::get;
use axum::{Extension, Router};

use crate::Platform;
use mutation::PlatformMutation;
use mutation_calls::CallsMutation;
use query::PlatformQuery;
use query_calls::CallsQuery;
use subscription::Subscription;

pub use events::CAUSE_SCAN_EVENTS_MAX;
pub use history::{HISTORY_ENTRIES_MAX, HISTORY_EVENTS_MAX};
pub use lists::FIRST_MAX;
pub use past::{AS_OF_PATIENCE, AS_OF_POSITION_MAX, SNAPSHOTS_MAX};
pub use socket::{INIT_PATIENCE, SEND_PATIENCE};

/// Deepest nesting of fields in one operation. What tools ask for to learn the schema needs 14.
pub const DEPTH_MAX: usize = 16;
/// Most one operation may cost: each field costs 1, fields of a list as often as it has places.
pub const COMPLEXITY_MAX: usize = 25_000;
/// Most operations of one batch.
pub const BATCH_MAX: usize = 10;
/// Most operations one socket runs at once, subscriptions among them.
pub const OPERATIONS_PER_SOCKET_MAX: usize = 32;

/// What can be asked. `asOf` asks it of the past.
#[derive(MergedObject)]
struct Query(PlatformQuery, CallsQuery);

/// What can be changed. `idempotencyKey` makes a mutation happen once however often it is sent
/// (the header `Idempotency-Key` does so for a whole request); `ifVersion` refuses it if the object
/// is at another version.
#[derive(MergedObject)]
struct Mutation(PlatformMutation, CallsMutation);

/// The schema.
type ApiSchema = Schema<Query, Mutation, Subscription>;

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    let (query, mutation) = (Query(PlatformQuery, CallsQuery), Mutation(PlatformMutation, CallsMutation));
    Schema::build(query, mutation, Subscription).limit_depth(DEPTH_MAX).limit_complexity(COMPLEXITY_MAX)
}

/// The schema in its definition language, as committed in `docs/schema.graphql`.
pub fn sdl() -> String {
    builder().finish().sdl()
}

/// The routes.
pub(crate) fn routes(platform: &Platform) -> Router<Platform> {
    let schema = builder().data(platform.clone()).data(past::Past::default()).data(sapi::Sapi::new(platform)).finish();
    Router::new()
        .route("/graphql", get(http::get).post(http::post))
        .route("/graphql/assets/{name}", get(page::asset))
        .layer(Extension(schema))
}
