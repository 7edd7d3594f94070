//! `/nodes`: the processes of the deployment, what media they serve, and draining them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_commands::node::DrainMedia;
use wac_events::NodeId;

use super::common::IdInPath;
use super::{lists, schemas};
use crate::policy::{Action, Target, allows};
use crate::reading::Query;
use crate::reads::NodeView;
use crate::sockets::Sign;
use crate::write::{Write, not_for_you};
use crate::{Caller, Platform, Problem};

const TABLES: [&str; 3] = ["nodes", "media_nodes", "media_rooms"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(drain, undrain))
}

fn node_json(node: &NodeView, sign: Option<&Sign>) -> Value {
    let media = node.media.as_ref().map(|media| {
        json!({
            "server": media.server,
            "sessionsMax": media.sessions_max,
            "sessions": sign.and_then(|sign| sign.sessions),
            "rooms": media.rooms,
            "seats": media.seats,
            "draining": media.draining,
        })
    });
    json!({
        "id": node.id,
        "name": node.name,
        "role": if media.is_some() { "media" } else { "signaling" },
        "startedAt": node.started_at.millis(),
        "lastSeen": sign.map(|sign| sign.seen_at.millis()),
        "media": media,
    })
}

/// The running processes that others count on: those that hold sockets, and media nodes. A process that is both is
/// listed twice.
#[utoipa::path(get, path = "/nodes", tag = "nodes", operation_id = "listNodes",
    params(
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The nodes", body = Vec<schemas::Node>)))]
async fn list(State(platform): State<Platform>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    if !allows(&caller, Action::List, &Target::Nodes).is_allowed() {
        return Err(not_for_you());
    }
    let original = query.clone();
    let page = query.page()?;
    query.settle(&platform, &TABLES).await?;
    let nodes = platform.reads.nodes(&page).await?;
    let signs = platform.sockets.signs().await?;
    let shown = nodes.iter().map(|node| node_json(node, signs.get(&node.id))).collect();
    let last = nodes.last().map(|node| node.id.to_string());
    Ok(lists::answer(shown, nodes.len(), last, &page, &original))
}

async fn set(platform: &Platform, write: &Write, id: String, draining: bool) -> Result<Response, Problem> {
    write.require(Action::Change, &Target::Nodes)?;
    let command = DrainMedia { id: NodeId::from(id), draining };
    Ok(write.run(platform, &command, &Bytes::new()).await?.answer(StatusCode::NO_CONTENT))
}

/// Lets a media node take no new rooms; those it has go on until they end, or the node does.
#[utoipa::path(post, path = "/nodes/{id}/drain", tag = "nodes", operation_id = "drainNode",
    params(("id" = String, Path, description = "The node's id")),
    responses((status = 204, description = "It takes no new rooms")))]
async fn drain(State(platform): State<Platform>, write: Write, IdInPath(id): IdInPath) -> Result<Response, Problem> {
    set(&platform, &write, id, true).await
}

/// Lets a media node take rooms again.
#[utoipa::path(delete, path = "/nodes/{id}/drain", tag = "nodes", operation_id = "undrainNode",
    params(("id" = String, Path, description = "The node's id")),
    responses((status = 204, description = "It takes rooms again")))]
async fn undrain(State(platform): State<Platform>, write: Write, IdInPath(id): IdInPath) -> Result<Response, Problem> {
    set(&platform, &write, id, false).await
}
