//! `/livez`, `/readyz`: is it up, and does everything it needs answer.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use futures::future::{BoxFuture, join_all};
use serde_json::{Map, json};

use crate::Platform;

/// How long one dependency may take to answer before it counts as down.
pub const CHECK_PATIENCE: Duration = Duration::from_secs(2);

/// One dependency of the platform: the database, Kafka, a read model …
pub trait HealthCheck: Send + Sync + 'static {
    /// Its name, snake_case.
    fn name(&self) -> &'static str;

    /// Asks it. `Ok` may say something (a version, a lag); `Err` says what is wrong.
    fn check(&self) -> BoxFuture<'_, Result<String, String>>;
}

/// The process runs.
pub(crate) async fn livez() -> Response {
    (StatusCode::OK, [(CACHE_CONTROL, "no-store")], axum::Json(json!({ "status": "ok" }))).into_response()
}

/// Every dependency answers.
pub(crate) async fn readyz(State(platform): State<Platform>) -> Response {
    let checks = join_all(platform.health.iter().map(|check| async move {
        let asked = tokio::time::timeout(CHECK_PATIENCE, check.check()).await;
        (check.name(), asked.unwrap_or_else(|_| Err(format!("no answer within {} ms", CHECK_PATIENCE.as_millis()))))
    }))
    .await;
    let ready = checks.iter().all(|(_, outcome)| outcome.is_ok());
    let mut report = Map::new();
    for (name, outcome) in checks {
        let (status, detail) = match outcome {
            Ok(detail) => ("ok", detail),
            Err(detail) => ("down", detail),
        };
        report.insert(name.to_owned(), json!({ "status": status, "detail": detail }));
    }
    let body = axum::Json(json!({ "status": if ready { "ok" } else { "down" }, "checks": report }));
    if ready {
        (StatusCode::OK, [(CACHE_CONTROL, "no-store")], body).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, [(CACHE_CONTROL, "no-store"), (RETRY_AFTER, "1")], body).into_response()
    }
}
