use std::collections::BTreeSet;

use wac_events::invite::CancelReason;
use wac_events::{DomainId, GroupId, InviteId, InviteKind, MediaTypes, RoomRef, StreamId, Time, UserId};

use super::{answer, outcome, send, target};
use crate::{Command, Context, Device, Fact, Rejection, World};

/// Whom somebody wants to reach.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// The holder of a username in a domain, by the name's [`crate::name_key`].
    Name {
        /// The domain.
        domain: DomainId,
        /// The key.
        key: String,
    },
    /// A user.
    User(UserId),
    /// Every member of a group.
    Group(GroupId),
    /// This agent of the pool, if he is idle.
    Agent(UserId),
}

/// One invitation of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetedInvite {
    /// Its id, never used before.
    pub id: InviteId,
    /// Whom it is for.
    pub to: Target,
}

/// Sends invitations: all of them or, if one cannot be, none.
#[derive(Clone, PartialEq, Debug)]
pub struct SendInvites {
    /// Who asks whom to come where.
    pub kind: InviteKind,
    /// The caller, on which device.
    pub by: Device,
    /// The caller's domain.
    pub domain: DomainId,
    /// The room; given for [`InviteKind::Invite`], in which the caller must sit, and for no other.
    pub room: Option<RoomRef>,
    /// At least one, at most [`super::INVITE_TARGETS_MAX`].
    pub invites: Vec<TargetedInvite>,
    /// The media offered.
    pub mediatypes: MediaTypes,
    /// A JSON object, at most [`super::INVITE_CONTEXT_BYTES_MAX`] bytes.
    pub context: Option<String>,
    /// When they expire.
    pub ring_until: Time,
    /// Who is in a call is not to be rung (`conferenceState.allowInvitesWhileInCall` false): those of
    /// whom the read models say so. Seats they do not know of yet are found by people's own streams.
    /// `None`: everybody is rung.
    pub busy: Option<BTreeSet<UserId>>,
}

/// Takes an invitation: who accepted sits in the room, in the same append.
#[derive(Clone, PartialEq, Debug)]
pub struct AcceptInvite {
    /// Which.
    pub invite: InviteId,
    /// Who, on which device.
    pub by: Device,
    /// The room it is for, as the invitation says; of a request the room the caller is let into.
    pub room: Option<RoomRef>,
    /// Rooms he must not be in on another device (`invites.onlyOneDeviceWithInvitations`).
    pub not_in: Vec<RoomRef>,
    /// His other pending invitations, to be declined as busy (`invites.onlyOneDeviceWithInvitations`).
    pub decline: Vec<InviteId>,
}

/// Refuses an invitation, for all of one's devices.
#[derive(Clone, PartialEq, Debug)]
pub struct DeclineInvite {
    /// Which.
    pub invite: InviteId,
    /// Who.
    pub by: UserId,
    /// Call code, 400 to 699.
    pub code: u16,
}

/// Gives an invitation up.
#[derive(Clone, PartialEq, Debug)]
pub struct CancelInvite {
    /// Which.
    pub invite: InviteId,
    /// The caller; `None`: the platform.
    pub by: Option<UserId>,
    /// Call code, 400 to 699.
    pub code: u16,
    /// Why.
    pub reason: CancelReason,
    /// What keeps it from being given up.
    pub unless: Option<Unless>,
}

/// What the caller must not have (again), if the platform is to give his invitation up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unless {
    /// A device: he was lost.
    Registered,
    /// A seat in the room: he left it.
    Seated,
}

/// The deadline of an invitation has come. Nothing happens if it is over, or was never that one.
#[derive(Clone, PartialEq, Debug)]
pub struct ExpireInvite {
    /// Which.
    pub invite: InviteId,
    /// The deadline.
    pub ring_until: Time,
}

/// Somebody who may take it has registered a device.
#[derive(Clone, PartialEq, Debug)]
pub struct AddCandidate {
    /// Which.
    pub invite: InviteId,
    /// Who, which device.
    pub device: Device,
}

/// Somebody who rang may have no device any more.
#[derive(Clone, PartialEq, Debug)]
pub struct RemoveCandidate {
    /// Which.
    pub invite: InviteId,
    /// Who.
    pub user: UserId,
}

/// The correlation id of an invitation: that of the call, which is the room's opening.
fn correlation(world: &World, invite: &InviteId) -> Option<String> {
    let state = world.invite(invite);
    Some(state.opening.as_ref().map_or_else(|| invite.to_string(), ToString::to_string))
}

impl Command for SendInvites {
    fn name(&self) -> &'static str {
        "send_invites"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let mut streams = vec![self.by.stream(), self.domain.stream()];
        streams.extend(self.room.as_ref().map(RoomRef::stream));
        for invite in &self.invites {
            streams.push(invite.id.stream());
            target::reads(world, &invite.to, &mut streams);
        }
        streams
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        send::decide(self, world, ctx)
    }

    fn correlation(&self, world: &World) -> Option<String> {
        match &self.room {
            Some(room) => Some(world.room(room).opening.to_string()),
            None => self.invites.first().map(|invite| invite.id.to_string()),
        }
    }
}

impl Command for AcceptInvite {
    fn name(&self) -> &'static str {
        "accept_invite"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        answer::reads(self, world)
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        answer::accept(self, world, ctx)
    }

    fn correlation(&self, world: &World) -> Option<String> {
        correlation(world, &self.invite)
    }
}

macro_rules! command {
    ($type:ty, $name:literal, |$this:ident| $also:expr, $decide:path) => {
        impl Command for $type {
            fn name(&self) -> &'static str {
                $name
            }

            fn reads(&self, world: &World) -> Vec<StreamId> {
                let $this = self;
                let mut streams = outcome::reads(world, &self.invite);
                streams.extend($also);
                streams
            }

            fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
                $decide(self, world, ctx)
            }

            fn correlation(&self, world: &World) -> Option<String> {
                correlation(world, &self.invite)
            }
        }
    };
}

command!(DeclineInvite, "decline_invite", |_this| None::<StreamId>, answer::decline);
command!(ExpireInvite, "expire_invite", |_this| None::<StreamId>, answer::expire);
command!(AddCandidate, "add_candidate", |this| [this.device.stream()], answer::add);
command!(RemoveCandidate, "remove_candidate", |this| [this.user.presence_stream()], answer::remove);

impl Command for CancelInvite {
    fn name(&self) -> &'static str {
        "cancel_invite"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let mut streams = outcome::reads(world, &self.invite);
        let invite = world.invite(&self.invite);
        match self.unless {
            Some(Unless::Registered) => streams.push(invite.from.presence_stream()),
            Some(Unless::Seated) => streams.extend(invite.room.as_ref().map(RoomRef::stream)),
            None => {}
        }
        streams
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        answer::cancel(self, world, ctx)
    }

    fn correlation(&self, world: &World) -> Option<String> {
        correlation(world, &self.invite)
    }
}
