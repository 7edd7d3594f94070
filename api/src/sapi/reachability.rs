//! `/reachability`: who would ring if an address were called now (guide §6.3.3).

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wac_events::{DomainId, StreamId, UserId};
use wac_signaling::{Addressee, Reachability, Reachable, Refusal};

use super::schemas;
use crate::failures::STORE_RETRY;
use crate::policy::{Action, Decision, Target, allows};
use crate::reading::Query;
use crate::write::nothing_here;
use crate::{Caller, Platform, Problem};

const TABLES: [&str; 2] = ["agents", "presence"];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Platform> {
    OpenApiRouter::new().routes(routes!(read))
}

/// A device of a candidate as a caller may see it.
pub(crate) struct ShownDevice {
    /// The device.
    pub(crate) device: Reachable,
    /// Whether the caller may see which session it is.
    pub(crate) whole: bool,
}

/// Who would ring, as far as the caller may see them.
pub(crate) struct ShownReachability {
    /// What was found out, without its candidates.
    pub(crate) found: Reachability,
    /// The candidates, in the order in which they would be tried.
    pub(crate) candidates: Vec<ShownDevice>,
}

fn device_json(shown: &ShownDevice) -> Value {
    json!({
        "userId": shown.device.user_id,
        "sessionId": shown.whole.then_some(&shown.device.session_id),
        "transport": shown.device.transport,
    })
}

fn reachability_json(shown: &ShownReachability) -> Value {
    json!({
        "address": shown.found.address,
        "reachable": shown.found.reachable,
        "candidates": shown.candidates.iter().map(device_json).collect::<Vec<_>>(),
        "unreached": shown.found.unreached,
        "errorCode": shown.found.error_code,
    })
}

/// Who would ring if an address were called now: the devices in the order in which they would be
/// tried, and who else is meant.
#[utoipa::path(get, path = "/reachability/{address}", tag = "reachability", operation_id = "readReachability",
    params(
        ("address" = String, Path, description = "A username, `name@domain`, `wac-user:<id>`, `wac-group:<id>`, or `wac-agent`"),
        ("domain" = Option<String>, Query, description = "The domain (name or id) in which it is called; left out: the caller's own"),
    ),
    responses((status = 200, description = "Who would ring", body = schemas::Reachability)))]
async fn read(
    State(platform): State<Platform>,
    caller: Caller,
    Path(address): Path<String>,
    mut query: Query,
) -> Result<Response, Problem> {
    let domain = query.take("domain")?;
    query.settle(&platform, &TABLES).await?;
    let domain = match domain {
        Some(domain) => platform.find_domain(&domain).await?.ok_or_else(nothing_here)?,
        None => caller.domain.clone(),
    };
    let shown = platform.reachability_for(&caller, &domain, &address).await?;
    Ok(axum::Json(reachability_json(&shown)).into_response())
}

fn target(addressee: &Addressee) -> Target<'_> {
    match addressee {
        Addressee::User { id, domain } => Target::User { id, domain },
        Addressee::Group { owner, domain, .. } => Target::Group { owner, domain },
        Addressee::Agents(domain) => Target::Pool(domain),
    }
}

fn problem_of(refusal: &Refusal) -> Problem {
    if refusal.error_code == 404 {
        return nothing_here();
    }
    Problem::unavailable("store_unavailable", "The database did not answer.", STORE_RETRY)
}

impl Platform {
    /// Who would ring if somebody of `domain` called `address` now, as far as the caller may see it;
    /// 404 if nobody has the address, or nobody the caller may see.
    pub(crate) async fn reachability_for(
        &self,
        caller: &Caller,
        domain: &DomainId,
        address: &str,
    ) -> Result<ShownReachability, Problem> {
        let signaling = &self.sockets.signaling;
        let addressee = signaling.addressee(domain, address).await.map_err(|refusal| problem_of(&refusal))?;
        if !allows(caller, Action::Read, &target(&addressee)).is_allowed() {
            return Err(nothing_here());
        }
        let found = signaling.reachability_of(address, &addressee).await;
        let mut found = found.map_err(|refusal| problem_of(&refusal))?;
        let candidates = found.candidates.iter().map(|device| &device.user_id);
        let people = candidates.chain(found.unreached.iter().map(|who| &who.user_id));
        let streams: BTreeSet<StreamId> = people.map(UserId::stream).collect();
        let world = self.handler.load(&streams.into_iter().collect::<Vec<_>>()).await?;
        let decide = |id: &UserId| allows(caller, Action::Read, &Target::User { id, domain: &world.user(id).domain });
        found.unreached.retain(|who| decide(&who.user_id).is_allowed());
        let shown = std::mem::take(&mut found.candidates).into_iter().filter_map(|device| {
            let decision = decide(&device.user_id);
            decision.is_allowed().then_some(ShownDevice { device, whole: decision == Decision::Full })
        });
        Ok(ShownReachability { candidates: shown.collect(), found })
    }
}
