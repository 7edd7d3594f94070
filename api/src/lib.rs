//! The interfaces: SAPI (REST), OAuth2, GraphQL and event streams over one [`Platform`].
//!
//! [`router`] makes everything; a binary lays a [`Listener`] over it for each of its listeners,
//! serves it with connection info, and runs [`follow_log`] beside it.

mod allowance;
mod appends;
mod auth;
mod body;
mod caller;
mod config;
mod docs;
mod edge;
pub mod events;
mod failures;
mod fields;
mod form;
pub mod freshness;
pub mod graphql;
mod health;
mod idempotency;
mod json;
mod metrics;
mod oauth;
mod openapi;
mod origin;
mod phone;
mod platform;
pub mod policy;
pub mod problem;
mod reading;
pub mod reads;
mod routes;
mod sapi;
pub mod sockets;
mod tail;
mod waiter;
mod write;

pub use appends::AppendTimes;
pub use auth::{CALLER_IDLE, CALLERS_MAX};
pub use caller::Caller;
pub use config::{ApiConfig, Network, all_services};
pub use edge::{Listener, RequestInfo, TRACEPARENT, X_REQUEST_ID};
pub use health::{CHECK_PATIENCE, HealthCheck};
pub use idempotency::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED};
pub use metrics::{LagSource, Metrics, OPENMETRICS};
pub use oauth::{
    ADDRESS_FAILURES_MAX, FAILURE_WINDOW, HASHES_PARALLEL_MAX, HASHES_WAITING_MAX, NAME_FAILURES_MAX, Pairing,
    access_token, best_domain,
};
pub use platform::{Parts, Platform, Ports};
pub use problem::Problem;
pub use reading::{X_WAC_MIN_POSITION, X_WAC_POSITION};
pub use routes::{metrics_router, openapi_document, router, signaling_router};
pub use sapi::effective_capabilities;
pub use tail::follow_log;
pub use waiter::{Behind, Waiter};
