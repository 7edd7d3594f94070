//! People with devices, rooms and invitations, for the tests of calls.

use std::time::Duration;

use wac_events::invite::CancelReason;
use wac_events::presence::DeviceEnd;
use wac_events::room::{LeaveReason, RoomKind};
use wac_events::session::SessionContext;
use wac_events::{Callee, InviteKind, Media, MediaTypes, RoomRef};

use super::*;
use crate::group::{AddGroupUser, CreateGroup};
use crate::invite::*;
use crate::node::StartNode;
use crate::presence::*;
use crate::room::*;
use crate::transfer::*;

/// A user's device; its session has the name `s-<user>`, or what stands behind a slash.
pub(crate) fn device(name: &str) -> Device {
    let (user, session) = name.split_once('/').unwrap_or((name, ""));
    let session = if session.is_empty() { format!("s-{user}") } else { session.to_owned() };
    Device { user: user.into(), session: session.as_str().into() }
}

/// A log-in that opens a session of a day.
pub(crate) fn login(name: &str) -> IssueToken {
    let device = device(name);
    let session = OpenSession { context: SessionContext::default(), expires_at: later(86_400) };
    IssueToken { session: Some(session), ..token(device.session.as_str(), device.user.as_str()) }
}

pub(crate) fn start(node: &str) -> StartNode {
    StartNode { id: node.into(), name: node.to_owned() }
}

pub(crate) fn register_at(node: &str, name: &str) -> RegisterDevice {
    RegisterDevice { device: device(name), node: node.into(), ringable: true, resumed: false }
}

pub(crate) fn register(name: &str) -> RegisterDevice {
    register_at("n1", name)
}

/// Its socket was cut at `lost_at`; seats and ringing are kept for ten seconds.
pub(crate) fn lost(name: &str, lost_at: Time) -> RemoveDevice {
    RemoveDevice {
        device: device(name),
        node: "n1".into(),
        reason: DeviceEnd::Lost,
        lost_at,
        seats_kept: Duration::from_secs(10),
        ringing_kept: Duration::from_secs(10),
    }
}

pub(crate) fn room(id: &str) -> RoomRef {
    RoomRef { domain: "base".into(), id: id.into() }
}

/// The creator opens a room `r`; its opening is `o-r`.
pub(crate) fn opens(by: &str, id: &str) -> CreateRoom {
    CreateRoom {
        room: room(id),
        opening: format!("o-{id}").as_str().into(),
        kind: RoomKind::Call,
        by: device(by),
        acl: Vec::new(),
        record: false,
        rules: RoomRules::default(),
        not_in: None,
    }
}

pub(crate) fn joins(by: &str, id: &str) -> JoinRoom {
    JoinRoom { room: room(id), by: device(by) }
}

pub(crate) fn leaves(by: &str, id: &str) -> LeaveRoom {
    LeaveRoom { room: room(id), device: device(by), reason: LeaveReason::Left, unless_registered: false }
}

pub(crate) fn closes(by: &str, id: &str) -> CloseRoom {
    CloseRoom { room: room(id), by: Some(by.into()), as_admin: false }
}

pub(crate) fn mutes(by: &str, whom: &str, muted: bool) -> MuteParticipant {
    MuteParticipant { room: room("r"), by: by.into(), as_admin: false, user: whom.into(), media: Media::Audio, muted }
}

pub(crate) fn expels(by: &str, whom: &str) -> ExpelParticipant {
    ExpelParticipant { room: room("r"), by: by.into(), as_admin: false, user: whom.into() }
}

pub(crate) fn sound() -> MediaTypes {
    MediaTypes { audio: true, video: false, screen: false }
}

/// An invitation into a room, ringing for thirty seconds.
pub(crate) fn invites_to(by: &str, id: &str, to: Target, into: &str) -> SendInvites {
    SendInvites {
        kind: InviteKind::Invite,
        by: device(by),
        domain: "base".into(),
        room: Some(room(into)),
        invites: vec![TargetedInvite { id: id.into(), to }],
        mediatypes: sound(),
        context: None,
        ring_until: later(30),
        busy: None,
    }
}

/// An invitation into the room `r`.
pub(crate) fn invites(by: &str, id: &str, to: Target) -> SendInvites {
    invites_to(by, id, to, "r")
}

pub(crate) fn calls(by: &str, id: &str, to: &str) -> SendInvites {
    invites(by, id, Target::User(to.into()))
}

pub(crate) fn asks(by: &str, id: &str, to: Target) -> SendInvites {
    SendInvites { kind: InviteKind::InviteRequest, room: None, ..invites(by, id, to) }
}

pub(crate) fn accepts(by: &str, invite: &str) -> AcceptInvite {
    AcceptInvite { invite: invite.into(), by: device(by), room: None, not_in: Vec::new(), decline: Vec::new() }
}

pub(crate) fn lets_in(by: &str, invite: &str, into: &str) -> AcceptInvite {
    AcceptInvite { room: Some(room(into)), ..accepts(by, invite) }
}

pub(crate) fn declines(by: &str, invite: &str) -> DeclineInvite {
    DeclineInvite { invite: invite.into(), by: by.into(), code: CODE_DECLINED }
}

pub(crate) fn cancels(by: &str, invite: &str) -> CancelInvite {
    CancelInvite {
        invite: invite.into(),
        by: Some(by.into()),
        code: CODE_CANCELLED,
        reason: CancelReason::Requested,
        unless: None,
    }
}

pub(crate) fn expires(invite: &str) -> ExpireInvite {
    ExpireInvite { invite: invite.into(), ring_until: later(30) }
}

pub(crate) fn blind(by: &str, id: &str, to: Target) -> BlindTransfer {
    BlindTransfer { id: id.into(), by: device(by), room: room("r"), to, mediatypes: sound(), until: later(20) }
}

pub(crate) fn attended(by: &str, id: &str, into: &str) -> AttendedTransfer {
    AttendedTransfer { id: id.into(), by: device(by), room: room("r"), target_room: room(into), until: later(20) }
}

/// The party agrees; the target is called by the invitation `i-<transfer>`.
pub(crate) fn agrees(by: &str, transfer: &str) -> AcceptTransfer {
    AcceptTransfer {
        transfer: transfer.into(),
        by: device(by),
        invite: format!("i-{transfer}").as_str().into(),
        ring_until: later(30),
        busy: None,
    }
}

/// Who is online in most stories; `dora` is an agent, `gast` has no device.
pub(crate) const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dora"];

/// Everybody is logged in and has a device.
pub(crate) fn online() -> Story {
    let story = given().after(base()).after(child("a")).after(start("n1")).after(user("gast", "base"));
    PEOPLE.iter().fold(story, |story, id| story.after(user(id, "base")).after(login(id)).after(register(id)))
}

/// Alice has opened the room `r`.
pub(crate) fn in_room() -> Story {
    online().after(opens("alice", "r"))
}

/// Alice and Bob talk in the room `r`.
pub(crate) fn talking() -> Story {
    in_room().after(calls("alice", "i", "bob")).after(accepts("bob", "i"))
}

/// Alice's group `g` with Bob, Carol and `gast`.
pub(crate) fn with_group() -> Story {
    let group = CreateGroup { id: "g".into(), domain: "base".into(), name: "Sales".to_owned(), owner: "alice".into() };
    ["bob", "carol", "gast"].iter().fold(in_room().after(group), |story, id| {
        story.after(AddGroupUser { group: "g".into(), by: "alice".into(), as_admin: false, user: (*id).into() })
    })
}

pub(crate) fn group_g() -> Target {
    Target::Group("g".into())
}

pub(crate) fn callee(user: &str) -> Callee {
    Callee::User(user.into())
}

impl Story {
    pub(crate) fn room(&self, id: &str) -> Room {
        let State::Room(room) = self.state(&room(id).stream()) else { unreachable!() };
        room
    }

    pub(crate) fn invite(&self, id: &str) -> Invite {
        let State::Invite(invite) = self.state(&wac_events::InviteId::from(id).stream()) else { unreachable!() };
        invite
    }

    pub(crate) fn transfer(&self, id: &str) -> Transfer {
        let State::Transfer(transfer) = self.state(&wac_events::TransferId::from(id).stream()) else { unreachable!() };
        transfer
    }

    pub(crate) fn presence(&self, id: &str) -> Presence {
        let State::Presence(found) = self.state(&wac_events::UserId::from(id).presence_stream()) else {
            unreachable!()
        };
        found
    }

    pub(crate) fn agent(&self, id: &str) -> Agent {
        let State::Agent(agent) = self.state(&wac_events::UserId::from(id).agent_stream()) else { unreachable!() };
        agent
    }
}
