//! Events of an agent of the pool, stream `agent-<user>`: he has one contact at a time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{InviteId, PersonalFields, StreamId, Time, UserId};

/// A contact has been given to the agent; nobody else gets him until he is released.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentAssigned {
    /// The agent.
    pub user: UserId,
    /// The invitation.
    pub invite: InviteId,
    /// When.
    pub at: Time,
}

/// The agent is idle again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentReleased {
    /// The agent.
    pub user: UserId,
    /// The invitation he had.
    pub invite: InviteId,
    /// When.
    pub at: Time,
}

impl PersonalFields for AgentAssigned {}
impl PersonalFields for AgentReleased {}

aggregate_events! {
    /// What happens to an agent.
    pub enum AgentEvent in "agent" {
        /// See [`AgentAssigned`].
        Assigned(AgentAssigned) = "agent.assigned", 1;
        /// See [`AgentReleased`].
        Released(AgentReleased) = "agent.released", 1;
    }
}

impl UserId {
    /// `agent-<user>`.
    pub fn agent_stream(&self) -> StreamId {
        StreamId::of("agent", self.as_str())
    }
}
