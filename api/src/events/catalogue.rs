//! `GET /events/types`: every event type with its JSON Schema.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use wac_events::cloudevents::{context_of, schema_uri, topic_of, type_name};

use super::schemas;
use crate::reading::Query;
use crate::{Caller, Platform, Problem};

/// The catalogue, one object a type and version; old versions still stand in logs.
pub(crate) fn types() -> Vec<Value> {
    let entry = |name: &str, aggregate: &str, version: u32, newest: bool, schema: Value| {
        json!({
            "type": name,
            "schemaVersion": version,
            "newest": newest,
            "aggregate": aggregate,
            "cloudEventsType": type_name(name, version),
            "schemaId": schema_uri(name, version),
            "topic": topic_of(wac_events::cloudevents::PRODUCT, context_of(name)),
            "schema": schema,
        })
    };
    wac_events::catalogue()
        .flat_map(|info| {
            let older = info.older_versions.iter().zip(info.older_schemas);
            let older = older.map(move |(version, schema)| (*version, false, schema()));
            older
                .chain([(info.schema_version, true, (info.schema)())])
                .map(move |(version, newest, schema)| entry(info.event_type, info.aggregate, version, newest, schema))
        })
        .collect()
}

/// Every event type there is, with the JSON Schema of its `data` as it stands in the log (sealed).
#[utoipa::path(get, path = "/events/types", tag = "events", operation_id = "listEventTypes",
    responses((status = 200, description = "The types", body = Vec<schemas::EventType>)))]
pub(super) async fn list(State(platform): State<Platform>, _: Caller, query: Query) -> Result<Response, Problem> {
    query.settle(&platform, &[]).await?;
    Ok(axum::Json(types()).into_response())
}
