//! What a node says about the media of rooms, and what is said to it.

use std::collections::BTreeMap;

use wac_events::node::{MediaDraining, MediaOffered, MediaWithdrawn, NodeStarted};
use wac_events::{AnyEvent, NodeEvent, NodeId, StreamId};

use super::MediaOffer;
use crate::{Command, Context, Fact, Rejection, World};

/// Most media sessions a node may offer.
pub const SESSIONS_MAX: u32 = 1_000_000;
/// Most addresses a node may have.
const ADDRESSES_MAX: usize = 8;
/// Longest of them, in bytes.
const ADDRESS_BYTES_MAX: usize = 1_024;

/// A node takes rooms; one that has not started begins with it. Told twice it is noted once. A node that
/// is being drained goes on being drained until somebody lets it take rooms again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfferMedia {
    /// The node.
    pub id: NodeId,
    /// The name it was given, for people.
    pub name: String,
    /// Its addresses by protocol, as clients are told.
    pub server: BTreeMap<String, String>,
    /// Most media sessions, 1 to [`SESSIONS_MAX`].
    pub sessions_max: u32,
}

/// A node takes no new rooms, or takes them again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DrainMedia {
    /// The node.
    pub id: NodeId,
    /// Whether it is to take none.
    pub draining: bool,
}

/// A node serves no media any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WithdrawMedia {
    /// The node.
    pub id: NodeId,
}

fn fact(id: &NodeId, event: impl Into<NodeEvent>) -> Fact {
    Fact { stream: id.stream(), domain: None, event: AnyEvent::from(event.into()) }
}

impl OfferMedia {
    fn check(&self) -> Result<(), Rejection> {
        let sound = |address: &String| address.len() <= ADDRESS_BYTES_MAX && address.contains("://");
        if self.server.is_empty() || self.server.len() > ADDRESSES_MAX || !self.server.values().all(sound) {
            return Err(Rejection::invalid(
                "server_invalid",
                "/server",
                "a media node has 1 to 8 addresses with a scheme",
            ));
        }
        if !(1..=SESSIONS_MAX).contains(&self.sessions_max) {
            let detail = "a media node takes 1 to 1,000,000 media sessions";
            return Err(Rejection::invalid("sessions_max_invalid", "/sessionsMax", detail));
        }
        Ok(())
    }
}

impl Command for OfferMedia {
    fn name(&self) -> &'static str {
        "offer_media"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.check()?;
        let node = world.node(&self.id);
        if node.devices_by.is_some() {
            return Err(Rejection::NodeStopped);
        }
        let same = |media: &MediaOffer| media.server == self.server && media.sessions_max == self.sessions_max;
        if node.media.as_ref().is_some_and(same) {
            return Ok(Vec::new());
        }
        let mut facts = Vec::new();
        if !node.started {
            facts.push(fact(&self.id, NodeStarted { id: self.id.clone(), name: self.name.clone(), at: ctx.now }));
        }
        let (id, server) = (self.id.clone(), self.server.clone());
        facts.push(fact(&self.id, MediaOffered { id, server, sessions_max: self.sessions_max, at: ctx.now }));
        if node.media.as_ref().is_some_and(|media| media.draining) {
            facts.push(fact(&self.id, MediaDraining { id: self.id.clone(), at: ctx.now }));
        }
        Ok(facts)
    }
}

impl Command for DrainMedia {
    fn name(&self) -> &'static str {
        "drain_media"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let node = world.node(&self.id);
        let Some(media) = node.media.as_ref().filter(|_| node.is_running()) else {
            return Err(Rejection::NotFound { what: "node", id: self.id.to_string() });
        };
        let id = self.id.clone();
        Ok(match (media.draining, self.draining) {
            (false, true) => vec![fact(&self.id, MediaDraining { id, at: ctx.now })],
            (true, false) => {
                let (server, sessions_max) = (media.server.clone(), media.sessions_max);
                vec![fact(&self.id, MediaOffered { id, server, sessions_max, at: ctx.now })]
            }
            (true, true) | (false, false) => Vec::new(),
        })
    }
}

impl Command for WithdrawMedia {
    fn name(&self) -> &'static str {
        "withdraw_media"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let withdrawn = || vec![fact(&self.id, MediaWithdrawn { id: self.id.clone(), at: ctx.now })];
        Ok(if world.node(&self.id).media.is_some() { withdrawn() } else { Vec::new() })
    }
}
