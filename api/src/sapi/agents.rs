//! `/agents`: who belongs to the agents' pools, and what each of them has (guide §6.3.1).

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_events::{Role, Time};

use super::{lists, schemas};
use crate::policy::{Action, Target, allows};
use crate::reading::Query;
use crate::reads::{AgentFilter, AgentView};
use crate::{Caller, Platform, Problem};

const TABLES: [&str; 3] = ["agents", "presence", "domains"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(list))
}

fn agent_json(agent: &AgentView) -> Value {
    json!({
        "user": agent.user,
        "uri": agent.user.uri(),
        "domain": agent.domain_name,
        "state": agent.state().as_str(),
        "online": agent.presence.online,
        "activity": agent.presence.activity,
        "inviteId": agent.invite,
        "idleSince": agent.idle_since.map(Time::millis),
    })
}

/// Agents: all for administrators, else the caller himself if he is one. In which order they would be
/// tried is told by `/reachability/wac-agent`.
#[utoipa::path(get, path = "/agents", tag = "agents", operation_id = "listAgents",
    params(
        ("domain" = Option<String>, Query, description = "Only those of this domain (name or id)"),
        ("limit" = Option<u64>, Query, description = "At most this many", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page starts, from a `Link` header"),
    ),
    responses((status = 200, description = "The agents", body = Vec<schemas::Agent>)))]
async fn list(State(platform): State<Platform>, caller: Caller, mut query: Query) -> Result<Response, Problem> {
    let original = query.clone();
    let page = query.page()?;
    let domain = query.take("domain")?;
    query.settle(&platform, &TABLES).await?;
    let mut filter = AgentFilter::default();
    let mut nothing = false;
    if let Some(domain) = domain {
        filter.domain = platform.find_domain(&domain).await?;
        nothing = filter.domain.is_none();
    }
    if caller.role != Role::Admin {
        nothing |= caller.user.is_none();
        filter.user.clone_from(&caller.user);
    }
    let agents = if nothing { Vec::new() } else { platform.reads.agents(&filter, &page).await? };
    let last = agents.last().map(|agent| agent.user.to_string());
    let seen = agents.iter().filter(|agent| allows(&caller, Action::Read, &Target::Agent(&agent.user)).is_allowed());
    Ok(lists::answer(seen.map(agent_json).collect(), agents.len(), last, &page, &original))
}
