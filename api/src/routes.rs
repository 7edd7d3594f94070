//! Every route there is.

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn_with_state, map_request};
use axum::routing::get;
use serde_json::Value;
use tower::Layer;
use utoipa_axum::router::OpenApiRouter;

use crate::{Platform, Problem, docs, edge, events, graphql, health, metrics, oauth, openapi, phone, sapi, sockets};

/// Schemas that only the general answers name.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(sapi::schemas::Problem, sapi::schemas::FieldError, sapi::schemas::OauthError)))]
struct Common;

fn described() -> OpenApiRouter<Platform> {
    let below = OpenApiRouter::new().merge(sapi::routes()).merge(oauth::routes()).merge(events::routes());
    OpenApiRouter::with_openapi(<Common as utoipa::OpenApi>::openapi()).nest("/sapi", below)
}

/// The OpenAPI document of this version.
pub fn openapi_document(public_url: &str) -> Value {
    openapi::complete(&described().into_openapi(), public_url)
}

/// Everything, ready to be served.
pub fn router(platform: Platform) -> Router {
    let resources = resources(platform.clone());
    let sockets = if platform.sockets.enabled { sockets::routes(resources.clone()) } else { Router::new() };
    let sockets = around(sockets, platform);
    normalised(sockets.fallback_service(resources))
}

/// What the signaling port serves: sockets.
pub fn signaling_router(platform: Platform) -> Router {
    let resources = resources(platform.clone());
    around(sockets::port_routes(resources).merge(probes()).fallback(nothing), platform)
}

/// Health and metrics, for a port of their own.
pub fn metrics_router(platform: Platform) -> Router {
    around(probes().route("/metrics", get(metrics::metrics)).fallback(nothing), platform)
}

fn probes() -> Router<Platform> {
    Router::new().route("/livez", get(health::livez)).route("/readyz", get(health::readyz))
}

/// The edge around some routes.
fn around(routes: Router<Platform>, platform: Platform) -> Router {
    routes.layer(from_fn_with_state(platform.clone(), edge::edge)).with_state(platform)
}

/// Everything but sockets.
fn resources(platform: Platform) -> Router {
    let (routes, generated) = described().split_for_parts();
    let document = openapi::complete(&generated, &platform.config.public_url);
    let all = routes
        .merge(docs::routes(document))
        .merge(graphql::routes(&platform))
        .merge(phone::routes(&platform))
        .merge(probes())
        .route("/metrics", get(metrics::metrics))
        .fallback(nothing)
        .method_not_allowed_fallback(method_not_allowed);
    around(all, platform)
}

/// Paths are brought into their normal form before they are matched, so this lies around the router.
fn normalised(inner: Router) -> Router {
    let normalised = map_request(|request: Request| async move { edge::normalise(request) }).layer(inner);
    Router::new().fallback_service(normalised)
}

async fn nothing() -> Problem {
    Problem::not_found("There is nothing at this address.")
}

async fn method_not_allowed(method: Method) -> Problem {
    let detail = format!("{method} is not offered at this address.");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
