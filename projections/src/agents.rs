//! The read model `agents`: one row for each user who belongs, or belonged, to the agents' pool.

use wac_events::{AgentEvent, AnyEvent, CodecError, DomainId, InviteId, Patch, Recorded, Time, UserEvent, UserId};

use crate::fields::{Changes, Fields, time};
use crate::{Column, Projection, Row, RowChange, Table, Value};

/// The forced capability that makes a user an agent of his domain's pool (guide §6.3.1.4).
const AGENT_CAPABILITY: &str = "+c2cagent";

/// One row for each user who was ever given [`AGENT_CAPABILITY`]; `agent` while he has it.
pub static AGENTS: Table = Table {
    name: "agents",
    columns: &[
        Column::text("user"),
        Column::text("domain"),
        Column::bool("agent"),
        Column::text("invite"),
        Column::int("idle_since"),
    ],
    indexed: &["domain"],
};

/// Builds [`AGENTS`].
pub struct AgentsProjection;

impl Projection for AgentsProjection {
    fn name(&self) -> &'static str {
        "agents"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&AGENTS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["agent.*", "user.*"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        self.apply_decoded(event, &AnyEvent::decode_recorded(event)?)
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        Ok(match decoded {
            AnyEvent::Agent(decoded) => vec![of_agent(decoded)],
            AnyEvent::User(decoded) => of_user(event, decoded).into_iter().collect(),
            _ => Vec::new(),
        })
    }
}

fn of_agent(decoded: &AgentEvent) -> RowChange {
    match decoded {
        AgentEvent::Assigned(assigned) => Changes::none()
            .column("invite", assigned.invite.as_str())
            .column("idle_since", Value::Null)
            .patch(&AGENTS, assigned.user.as_str()),
        AgentEvent::Released(released) => Changes::none()
            .column("invite", Value::Null)
            .column("idle_since", time(released.at))
            .patch(&AGENTS, released.user.as_str()),
    }
}

fn is_agent(capabilities: &[String]) -> bool {
    capabilities.iter().any(|capability| capability == AGENT_CAPABILITY)
}

/// Who becomes an agent has been idle for ever; who ceases to be one keeps his row, so that the
/// contact he has is still known.
fn of_user(event: &Recorded, decoded: &UserEvent) -> Option<RowChange> {
    let key = event.stream.id();
    let joins = |domain: Option<&DomainId>| {
        Changes::none().column("domain", domain.map(DomainId::as_str)).column("agent", true).upsert(&AGENTS, key)
    };
    match decoded {
        UserEvent::Created(created) => is_agent(&created.capabilities).then(|| joins(Some(&created.domain))),
        UserEvent::Changed(changed) => match (&changed.capabilities, &changed.domain) {
            (Patch::Set(capabilities), domain) if is_agent(capabilities) => {
                Some(joins(domain.set().or(event.domain.as_ref())))
            }
            (Patch::Set(_), Patch::Keep) => Some(Changes::none().column("agent", false).patch(&AGENTS, key)),
            (Patch::Set(_), Patch::Set(domain)) => {
                Some(Changes::none().column("agent", false).column("domain", domain.as_str()).patch(&AGENTS, key))
            }
            (Patch::Keep, Patch::Set(domain)) => {
                Some(Changes::none().column("domain", domain.as_str()).patch(&AGENTS, key))
            }
            (Patch::Keep, Patch::Keep) => None,
        },
        UserEvent::Deleted(_) => Some(RowChange::Delete { table: &AGENTS, key: key.to_owned() }),
    }
}

/// An agent as the read model holds him.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentRow {
    /// Who.
    pub user: UserId,
    /// His domain.
    pub domain: DomainId,
    /// Whether he belongs to the pool.
    pub agent: bool,
    /// The invitation he has been given.
    pub invite: Option<InviteId>,
    /// Since when he is idle again; `None`: he has had no contact yet, or has one.
    pub idle_since: Option<Time>,
}

impl AgentRow {
    /// Reads a row of [`AGENTS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            user: fields.id("user")?,
            domain: fields.id("domain")?,
            agent: fields.bool("agent")?,
            invite: fields.optional("invite", Fields::id)?,
            idle_since: fields.optional("idle_since", Fields::time)?,
        })
    }
}
