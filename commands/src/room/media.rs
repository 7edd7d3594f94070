//! Which node the media of a room goes through.

use wac_events::room::MediaAssigned;
use wac_events::{NodeId, OpeningId, RoomRef, StreamId};

use super::seats::Seating;
use crate::{Command, Context, Fact, Rejection, World};

/// Lets the media of an opening go through a node, unless it goes through one that serves. Of several who
/// assign at the same time one is heard: the room's stream has one next version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignMedia {
    /// The room.
    pub room: RoomRef,
    /// The opening.
    pub opening: OpeningId,
    /// The node.
    pub node: NodeId,
}

impl Command for AssignMedia {
    fn name(&self) -> &'static str {
        "assign_media"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let present = world.room(&self.room).media_node.as_ref().map(NodeId::stream);
        [self.room.stream(), self.node.stream()].into_iter().chain(present).collect()
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let mut seating = Seating::open(world, ctx, &self.room)?;
        let room = seating.room();
        if room.opening != self.opening {
            return Err(Rejection::NotFound { what: "room", id: room.id.to_string() });
        }
        let present = room.media_node.clone();
        if present.as_ref().is_some_and(|node| world.node(node).serves_media()) {
            return Ok(Vec::new());
        }
        if !world.node(&self.node).takes_rooms() {
            return Err(Rejection::NodeTakesNoRooms);
        }
        let (room, opening, node) = (room.id.clone(), room.opening.clone(), self.node.clone());
        seating.push(MediaAssigned { room, opening, node, instead_of: present, at: ctx.now });
        Ok(seating.facts())
    }

    fn correlation(&self, _: &World) -> Option<String> {
        Some(self.opening.to_string())
    }
}
