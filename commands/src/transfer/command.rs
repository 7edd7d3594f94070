use std::collections::BTreeSet;

use wac_events::{InviteId, MediaTypes, RoomRef, StreamId, Time, TransferId, UserId};

use super::decide;
use crate::invite::Target;
use crate::{Command, Context, Device, Fact, Rejection, World};

/// Asks the other party of a room to call somebody else.
#[derive(Clone, PartialEq, Debug)]
pub struct BlindTransfer {
    /// Its id, never used before.
    pub id: TransferId,
    /// The transferor; his device sits in the room.
    pub by: Device,
    /// The room, in which exactly one other person is.
    pub room: RoomRef,
    /// Whom the party is to call.
    pub to: Target,
    /// The media of the call to be made.
    pub mediatypes: MediaTypes,
    /// When it fails unless it has been completed.
    pub until: Time,
}

/// Asks the other party of a room to come into another one, in which the transferor is too.
#[derive(Clone, PartialEq, Debug)]
pub struct AttendedTransfer {
    /// Its id, never used before.
    pub id: TransferId,
    /// The transferor; he is in both rooms.
    pub by: Device,
    /// The room, in which exactly one other person is.
    pub room: RoomRef,
    /// Where the party is to go.
    pub target_room: RoomRef,
    /// When it fails unless it has been completed.
    pub until: Time,
}

/// The party agrees: it calls the target (blind), or moves (attended) in this append.
#[derive(Clone, PartialEq, Debug)]
pub struct AcceptTransfer {
    /// Which.
    pub transfer: TransferId,
    /// The party; its device sits in the room.
    pub by: Device,
    /// Id of the invitation to the target, never used before (blind).
    pub invite: InviteId,
    /// When that invitation expires.
    pub ring_until: Time,
    /// Who is in a call and therefore not to be rung.
    pub busy: Option<BTreeSet<UserId>>,
}

/// The party does not agree.
#[derive(Clone, PartialEq, Debug)]
pub struct DeclineTransfer {
    /// Which.
    pub transfer: TransferId,
    /// The party.
    pub by: UserId,
    /// Call code, 400 to 699.
    pub code: u16,
}

/// The platform gives a transfer up. Nothing happens if it is over already; while the target rings
/// its deadline is the invitation's.
#[derive(Clone, PartialEq, Debug)]
pub struct FailTransfer {
    /// Which.
    pub transfer: TransferId,
    /// Call code.
    pub code: u16,
    /// Only once its deadline has come.
    pub when_due: bool,
}

/// The correlation id of a transfer: that of the call it starts from.
fn correlation(world: &World, transfer: &TransferId) -> Option<String> {
    Some(world.transfer(transfer).opening.to_string())
}

impl Command for BlindTransfer {
    fn name(&self) -> &'static str {
        "blind_transfer"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let mut streams = vec![self.id.stream(), self.room.stream(), self.by.stream()];
        crate::invite::target_reads(world, &self.to, &mut streams);
        streams
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        decide::blind(self, world, ctx)
    }

    fn correlation(&self, world: &World) -> Option<String> {
        Some(world.room(&self.room).opening.to_string())
    }
}

impl Command for AttendedTransfer {
    fn name(&self) -> &'static str {
        "attended_transfer"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream(), self.room.stream(), self.target_room.stream(), self.by.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        decide::attended(self, world, ctx)
    }

    fn correlation(&self, world: &World) -> Option<String> {
        Some(world.room(&self.room).opening.to_string())
    }
}

impl Command for AcceptTransfer {
    fn name(&self) -> &'static str {
        "accept_transfer"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        decide::reads(self, world)
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        decide::accept(self, world, ctx)
    }

    fn correlation(&self, world: &World) -> Option<String> {
        correlation(world, &self.transfer)
    }
}

impl Command for DeclineTransfer {
    fn name(&self) -> &'static str {
        "decline_transfer"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.transfer.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        decide::decline(self, world, ctx)
    }

    fn correlation(&self, world: &World) -> Option<String> {
        correlation(world, &self.transfer)
    }
}

impl Command for FailTransfer {
    fn name(&self) -> &'static str {
        "fail_transfer"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        decide::reads_to_fail(self, world)
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        Ok(decide::fail(self, world, ctx))
    }

    fn correlation(&self, world: &World) -> Option<String> {
        correlation(world, &self.transfer)
    }
}
