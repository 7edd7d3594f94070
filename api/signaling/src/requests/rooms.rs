use wac_commands::room::{CloseRoom, CreateRoom, EnterQuickConference, JoinRoom, LeaveRoom, ROOM_ACL_MAX, UpdateRoom};
use wac_commands::{CommandError, Executed, Fact, Room, State};
use wac_events::room::{LeaveReason, RoomKind};
use wac_events::{AnyEvent, OpeningId, RoomEvent, RoomId, RoomRef, UserId};

use crate::ask::{Ask, Reply};
use crate::failure::{Failure, Refusal};
use crate::rooms::{may_know, participants};
use crate::wire;

/// The room that was opened or entered.
fn room_of(executed: &Executed) -> Option<RoomRef> {
    executed.facts.iter().find_map(|fact| {
        let id = match &fact.event {
            AnyEvent::Room(RoomEvent::Created(created)) => created.room.clone(),
            AnyEvent::Room(RoomEvent::ParticipantJoined(joined)) => joined.room.clone(),
            _ => return None,
        };
        Some(RoomRef { domain: fact.domain.clone()?, id })
    })
}

/// A room after facts that have not happened.
fn imagined(room: Room, facts: &[Fact]) -> Room {
    let folded = facts.iter().fold(State::Room(room), |state, fact| state.evolve(&fact.event));
    if let State::Room(room) = folded { room } else { Room::default() }
}

impl Ask<'_> {
    fn new_opening(&self) -> OpeningId {
        let mut random = [0u8; 24];
        self.handler().environment().fill(&mut random);
        OpeningId::at(self.ctx.now, random)
    }

    /// The users of an access list.
    async fn acl(&self, entries: &[String]) -> Result<Vec<UserId>, Failure> {
        if entries.len() > ROOM_ACL_MAX {
            return Err(Refusal::new(400, "acl_invalid", "An access list has at most 1,000 entries.")
                .at("/acl")
                .into());
        }
        let mut users = Vec::with_capacity(entries.len());
        for entry in entries {
            let user = self.user(entry).await?;
            if !users.contains(&user) {
                users.push(user);
            }
        }
        Ok(users)
    }

    async fn room_reply(&self, executed: &Executed, room: &RoomRef) -> Result<Reply, Failure> {
        let room = self.room_after(executed, room).await?;
        Ok(self.done(executed, self.room_object(&room).await?))
    }

    pub(crate) async fn create_room(&self, payload: &wire::CreateRoom) -> Result<Reply, Failure> {
        let executed = self.act(self.open_room(payload)).await?;
        let room = room_of(&executed).ok_or_else(|| self.missing())?;
        self.room_reply(&executed, &room).await
    }

    async fn open_room(&self, payload: &wire::CreateRoom) -> Result<Executed, Failure> {
        let settings = &self.settings().rooms;
        let user = &self.peer.user;
        let (id, kind) = if settings.user_id_as_room_id {
            (RoomId::from(user.as_str()), RoomKind::Personal)
        } else {
            (RoomId::from(self.new_id()), RoomKind::Call)
        };
        let not_in = if settings.not_in_a_call { Some(self.rooms_of(user).await?) } else { None };
        let command = CreateRoom {
            room: RoomRef { domain: self.peer.domain.clone(), id },
            opening: self.new_opening(),
            kind,
            by: self.peer.device(),
            acl: self.acl(&payload.acl).await?,
            record: payload.record,
            rules: self.settings().room_rules(),
            not_in,
        };
        self.execute(&command).await
    }

    pub(crate) async fn update_room(&self, payload: &wire::UpdateRoom) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        if payload.dry_run {
            return self.would_update(payload, room).await;
        }
        let change = async { self.execute(&self.update(payload, &room).await?).await };
        let executed = self.act_in(&room, change).await?;
        self.room_reply(&executed, &room).await
    }

    async fn update(&self, payload: &wire::UpdateRoom, room: &RoomRef) -> Result<UpdateRoom, Failure> {
        let acl = match &payload.acl {
            Some(entries) => Some(self.acl(entries).await?),
            None => None,
        };
        let (by, as_admin) = (self.peer.user.clone(), self.peer.is_admin());
        Ok(UpdateRoom { room: room.clone(), by, as_admin, acl, record: payload.record })
    }

    /// What would come of a change: `dryRun`.
    async fn would_update(&self, payload: &wire::UpdateRoom, room: RoomRef) -> Result<Reply, Failure> {
        let command = self.update(payload, &room).await?;
        let world = self.handler().load(&[room.stream()]).await?;
        let now = world.room(&room);
        if !may_know(self.peer, now) {
            return Err(Refusal::room_not_found().into());
        }
        let facts = self.handler().preview(&command, &self.ctx).await?;
        Ok(self.reply(self.room_object_if(&imagined(now.clone(), &facts), false).await?))
    }

    pub(crate) async fn close_room(&self, payload: &wire::OfRoom) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        let (by, as_admin) = (Some(self.peer.user.clone()), self.peer.is_admin());
        let command = CloseRoom { room: room.clone(), by, as_admin };
        let executed = self.act_in(&room, self.execute(&command)).await?;
        Ok(self.done(&executed, wire::Nothing {}))
    }

    pub(crate) async fn join_room(&self, payload: &wire::OfRoom) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        let command = JoinRoom { room: room.clone(), by: self.peer.device() };
        let executed = self.act_in(&room, self.execute(&command)).await?;
        self.room_reply(&executed, &room).await
    }

    pub(crate) async fn leave_room(&self, payload: &wire::OfRoom) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        let command = LeaveRoom {
            room: room.clone(),
            device: self.peer.device(),
            reason: LeaveReason::Left,
            unless_registered: false,
        };
        let executed = self.act_in(&room, self.execute(&command)).await?;
        Ok(self.done(&executed, wire::Nothing {}))
    }

    pub(crate) async fn list_participants(&self, payload: &wire::OfRoom) -> Result<Reply, Failure> {
        let reference = self.room_ref(&payload.room_id).await?;
        let world = self.handler().load(&[reference.stream()]).await?;
        let room = world.room(&reference);
        if !room.open || !may_know(self.peer, room) {
            return Err(Refusal::room_not_found().into());
        }
        if !room.has(&self.peer.user) && !room.admits(&self.peer.user) && !self.peer.is_admin() {
            let error = CommandError::Rejected(wac_commands::Rejection::NotAllowed);
            return Err(error.into());
        }
        Ok(self.reply(wire::Participants { participants: participants(room) }))
    }

    pub(crate) async fn join_quick_conference(&self, payload: &wire::JoinQuickConference) -> Result<Reply, Failure> {
        let executed = self.act(self.enter(&payload.uri)).await?;
        let room = RoomRef { domain: self.peer.domain.clone(), id: payload.uri.as_str().into() };
        self.room_reply(&executed, &room).await
    }

    async fn enter(&self, uri: &str) -> Result<Executed, Failure> {
        // Behind an `@` stands the domain of a room.
        if !self.settings().is_quick_conference(uri) || uri.contains('@') || !crate::address::is_id(uri) {
            return Err(Refusal::new(404, "room_not_found", "This is no quick conference.").at("/uri").into());
        }
        let command = EnterQuickConference {
            room: RoomRef { domain: self.peer.domain.clone(), id: uri.into() },
            opening: self.new_opening(),
            by: self.peer.device(),
            rules: self.settings().room_rules(),
        };
        self.execute(&command).await
    }
}
