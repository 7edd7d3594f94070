//! Agents of the pool: who is to take a contact.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use serde_json::Map;
use wac_commands::invite::CODE_UNAVAILABLE;
use wac_events::{Activity, DomainId, StoreError, UserId};
use wac_projections::{PRESENCE, PresenceRow, SELECT_ROWS_MAX, Select, Value};

use crate::Signaling;
use crate::address::is_id;
use crate::ask::Ask;
use crate::failure::{Failure, Refusal};

/// A contact that an agent is wanted for, as an external assigner is asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Assignment {
    /// The room, or the caller if there is none.
    pub channel_id: String,
    /// `voice`.
    pub channel_type: &'static str,
    /// What the caller's application says about the call.
    pub context: Map<String, serde_json::Value>,
}

/// Why an external assigner names nobody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignerError(
    /// For the operator's log.
    pub String,
);

/// Somebody else who picks the agents. The shell asks over HTTP, with its timeout, and checks the
/// answer's form; that the agent is idle is judged when he is assigned.
pub trait ExternalAssigner: Send + Sync + 'static {
    /// The agent to take a contact; `None`: nobody.
    fn assign<'a>(&'a self, contact: &'a Assignment) -> BoxFuture<'a, Result<Option<UserId>, AssignerError>>;
}

impl Signaling {
    /// Agents of a domain who are there and have nothing, those idle longest first. What the
    /// read models say is a proposal: he is assigned only if his own stream agrees.
    pub(crate) async fn idle_agents(&self, domain: &DomainId) -> Result<Vec<UserId>, StoreError> {
        let head = self.handler.log().head().await?.position;
        let agents = self.calls.agents(domain, head).await?;
        let mut there = Vec::new();
        for some in agents.chunks(SELECT_ROWS_MAX) {
            let ids = some.iter().map(|user| Value::from(user.as_str())).collect();
            let rows = self.rows.select(Select::from(&PRESENCE).one_of(PRESENCE.key(), ids)).await?;
            let rows: BTreeMap<UserId, PresenceRow> =
                rows.iter().filter_map(PresenceRow::from_row).map(|row| (row.user.clone(), row)).collect();
            there.extend(some.iter().filter(|user| rows.get(*user).is_some_and(is_available)).cloned());
        }
        Ok(there)
    }
}

fn is_available(presence: &PresenceRow) -> bool {
    presence.online && matches!(presence.activity, Activity::Available | Activity::Unknown)
}

/// Nobody takes it.
pub(crate) fn nobody() -> Refusal {
    Refusal::new(CODE_UNAVAILABLE, "agent_unavailable", "No agent is available.").later()
}

impl Ask<'_> {
    /// Who may take a contact, in the order in which they are to be tried.
    pub(crate) async fn agents(
        &self,
        room: Option<&str>,
        context: Option<&Map<String, serde_json::Value>>,
    ) -> Result<Vec<UserId>, Failure> {
        if !self.settings().agents.enabled {
            return Err(nobody().into());
        }
        let Some(assigner) = &self.signaling.assigner else {
            return Ok(self.signaling.idle_agents(&self.peer.domain).await?);
        };
        // The outside is asked once for a contact, however often its request is sent.
        if self.handler().repeated(&self.ctx).await?.is_some() {
            return Ok(Vec::new());
        }
        let contact = Assignment {
            channel_id: room.unwrap_or(self.peer.user.as_str()).to_owned(),
            channel_type: "voice",
            context: context.cloned().unwrap_or_default(),
        };
        match assigner.assign(&contact).await {
            Ok(agent) => self.of_pool(agent).await,
            Err(AssignerError(reason)) => {
                tracing::warn!(reason, "the external agent assigner named nobody");
                Err(nobody().into())
            }
        }
    }

    /// The agent an assigner has named, if he is a user of the caller's domain.
    async fn of_pool(&self, agent: Option<UserId>) -> Result<Vec<UserId>, Failure> {
        let Some(agent) = agent.filter(|agent| is_id(agent.as_str())) else { return Ok(Vec::new()) };
        let world = self.handler().load(&[agent.stream()]).await?;
        let user = world.user(&agent);
        let known = user.exists() && user.domain == self.peer.domain;
        Ok(known.then_some(agent).into_iter().collect())
    }
}
