use wac_events::room::{LeaveReason, RoomKind};
use wac_events::{Media, OpeningId, RoomRef, StreamId, UserId};

use super::seat_reads;
use crate::{Command, Context, Device, Fact, Rejection, World, presence};

/// What rooms are opened with (guide §6.4.7.8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomRules {
    /// `rooms.setOwner`: the creator owns the room.
    pub set_owner: bool,
    /// `rooms.updateRoomWhenOwnerLeaves`: an owner who leaves has a successor.
    pub owner_succeeds: bool,
    /// `rooms.participantsLimit`: most seats, 1 to [`super::ROOM_SEATS_MAX`].
    pub participants_limit: u32,
    /// Greatest bit rate of one video, kbit/s.
    pub bitrate_kbps: u32,
    /// Who was muted by somebody else cannot unmute himself.
    pub hard_mute: bool,
    /// Somebody asks whether people are in a call: seats are told in their users' own streams, too.
    pub counted: bool,
}

impl Default for RoomRules {
    fn default() -> Self {
        Self {
            set_owner: true,
            owner_succeeds: true,
            participants_limit: 100,
            bitrate_kbps: 1024,
            hard_mute: false,
            counted: false,
        }
    }
}

/// Opens a room; its creator sits in it from then on.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateRoom {
    /// The room; its domain is the creator's.
    pub room: RoomRef,
    /// The opening, never used before.
    pub opening: OpeningId,
    /// What for; not [`RoomKind::Quick`].
    pub kind: RoomKind,
    /// Who opens it, on which device.
    pub by: Device,
    /// Who may join without an invitation.
    pub acl: Vec<UserId>,
    /// Whether it is to be recorded.
    pub record: bool,
    /// What rooms are opened with.
    pub rules: RoomRules,
    /// The creator must be in no room (`rooms.notInACall`): those the read models have him in. Seats
    /// they do not know of yet are found by his own stream. `None`: he may.
    pub not_in: Option<Vec<RoomRef>>,
}

/// Takes a seat in a room on whose access list one is. Taking it again changes nothing.
#[derive(Clone, PartialEq, Debug)]
pub struct JoinRoom {
    /// The room.
    pub room: RoomRef,
    /// Who, on which device.
    pub by: Device,
}

/// Takes a seat in a quick conference, and opens it if it is not open.
#[derive(Clone, PartialEq, Debug)]
pub struct EnterQuickConference {
    /// The room: its id is the URI.
    pub room: RoomRef,
    /// The opening, if it has to be opened; never used before.
    pub opening: OpeningId,
    /// Who, on which device.
    pub by: Device,
    /// What rooms are opened with.
    pub rules: RoomRules,
}

/// Changes a room's settings; `None` keeps the old value.
#[derive(Clone, PartialEq, Debug)]
pub struct UpdateRoom {
    /// The room.
    pub room: RoomRef,
    /// Who.
    pub by: UserId,
    /// By the right of an administrator.
    pub as_admin: bool,
    /// The new access list.
    pub acl: Option<Vec<UserId>>,
    /// Whether it is to be recorded.
    pub record: Option<bool>,
}

/// Closes a room; everybody in it leaves.
#[derive(Clone, PartialEq, Debug)]
pub struct CloseRoom {
    /// The room.
    pub room: RoomRef,
    /// Who; `None`: the platform.
    pub by: Option<UserId>,
    /// By the right of an administrator.
    pub as_admin: bool,
}

/// Gives a seat back.
#[derive(Clone, PartialEq, Debug)]
pub struct LeaveRoom {
    /// The room.
    pub room: RoomRef,
    /// Who, on which device.
    pub device: Device,
    /// Why: [`LeaveReason::Left`] or [`LeaveReason::Lost`].
    pub reason: LeaveReason,
    /// Only if the device is still not back (it was lost).
    pub unless_registered: bool,
}

/// Holds, or comes back.
#[derive(Clone, PartialEq, Debug)]
pub struct HoldParticipant {
    /// The room.
    pub room: RoomRef,
    /// Who.
    pub user: UserId,
    /// Held or not.
    pub held: bool,
}

/// Mutes or unmutes one medium of a participant. Who had muted himself is muted by others all the same.
#[derive(Clone, PartialEq, Debug)]
pub struct MuteParticipant {
    /// The room.
    pub room: RoomRef,
    /// Who does it.
    pub by: UserId,
    /// By the right of an administrator.
    pub as_admin: bool,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub media: Media,
    /// Muted or not.
    pub muted: bool,
}

/// Puts a participant out, off the access list too.
#[derive(Clone, PartialEq, Debug)]
pub struct ExpelParticipant {
    /// The room.
    pub room: RoomRef,
    /// Who does it.
    pub by: UserId,
    /// By the right of an administrator.
    pub as_admin: bool,
    /// Whom.
    pub user: UserId,
}

/// A command about a room, which belongs to the opening the room is in, or to the one it is given.
macro_rules! command {
    ($type:ty, $name:literal, |$this:ident, $world:ident| $reads:expr) => {
        command!($type, $name, |$this, $world| $reads, |this, world| &world.room(&this.room).opening);
    };
    ($type:ty, $name:literal, |$this:ident, $world:ident| $reads:expr, |$of:ident, $seen:ident| $opening:expr) => {
        impl Command for $type {
            fn name(&self) -> &'static str {
                $name
            }

            fn reads(&self, $world: &World) -> Vec<StreamId> {
                let $this = self;
                $reads
            }

            fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
                self.facts(world, ctx)
            }

            fn correlation(&self, $seen: &World) -> Option<String> {
                let $of = self;
                Some($opening.to_string())
            }
        }
    };
}

command!(
    CreateRoom,
    "create_room",
    |this, world| {
        let mut streams = vec![this.room.stream(), this.room.domain.stream(), this.by.user.stream(), this.by.stream()];
        streams.extend(this.not_in.iter().flatten().map(RoomRef::stream));
        streams.extend(presence::call_streams(world, &this.by.user));
        streams
    },
    |this, _world| this.opening
);
command!(JoinRoom, "join_room", |this, world| {
    let mut streams = vec![this.room.stream(), this.by.stream()];
    streams.extend(seat_reads(world, &this.room, &this.by.user));
    streams
});
command!(
    EnterQuickConference,
    "enter_quick_conference",
    |this, world| {
        let mut streams = vec![this.room.stream(), this.room.domain.stream(), this.by.user.stream(), this.by.stream()];
        streams.extend(presence::call_streams(world, &this.by.user));
        streams
    },
    |this, world| {
        let room = world.room(&this.room);
        if room.open { &room.opening } else { &this.opening }
    }
);
command!(UpdateRoom, "update_room", |this, _world| vec![this.room.stream()]);
command!(CloseRoom, "close_room", |this, world| this.reads_in(world));
command!(LeaveRoom, "leave_room", |this, world| this.reads_in(world));
command!(HoldParticipant, "hold_participant", |this, _world| vec![this.room.stream()]);
command!(MuteParticipant, "mute_participant", |this, _world| vec![this.room.stream()]);
command!(ExpelParticipant, "expel_participant", |this, world| this.reads_in(world));
