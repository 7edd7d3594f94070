use wac_commands::room::{ExpelParticipant, HoldParticipant, MuteParticipant};
use wac_events::{RoomRef, UserId};

use crate::address::{Resolved, is_id, resolve, user_of};
use crate::ask::{Ask, Reply};
use crate::failure::{Failure, Refusal};
use crate::wire;

impl Ask<'_> {
    /// The user of an address; a text without a domain may be his id as well.
    pub(super) async fn user(&self, text: &str) -> Result<UserId, Failure> {
        let found = match resolve(self.handler(), &self.peer.domain, text).await {
            Ok(Resolved::Target(target)) => user_of(self.handler(), &target).await?,
            Ok(Resolved::Pool) | Err(_) => None,
        };
        if let Some(user) = found {
            return Ok(user);
        }
        if is_id(text) && !text.contains('@') {
            let user = UserId::from(text);
            if self.handler().recall(&[user.stream()]).await?.user(&user).exists() {
                return Ok(user);
            }
        }
        Err(Refusal::new(404, "user_not_found", "There is no such user.").into())
    }

    /// Somebody in a room, by his id or by an address.
    async fn participant(&self, room: &RoomRef, text: &str) -> Result<UserId, Failure> {
        let user = UserId::from(text);
        if self.room_now(room).await?.has(&user) { Ok(user) } else { self.user(text).await }
    }

    pub(crate) async fn hold(&self, payload: &wire::OfRoom, held: bool) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        let command = HoldParticipant { room: room.clone(), user: self.peer.user.clone(), held };
        let executed = self.act_in(&room, self.execute(&command)).await?;
        Ok(self.done(&executed, wire::Nothing {}))
    }

    pub(crate) async fn mute(&self, payload: &wire::Mute) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        let command = MuteParticipant {
            room: room.clone(),
            by: self.peer.user.clone(),
            as_admin: false,
            user: self.peer.user.clone(),
            media: payload.media,
            muted: payload.muted,
        };
        let executed = self.act_in(&room, self.execute(&command)).await?;
        Ok(self.done(&executed, wire::Nothing {}))
    }

    pub(crate) async fn mute_participant(&self, payload: &wire::MuteParticipant) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        let change = async {
            let command = MuteParticipant {
                room: room.clone(),
                by: self.peer.user.clone(),
                as_admin: self.peer.is_admin(),
                user: self.participant(&room, &payload.to).await?,
                media: payload.media,
                muted: payload.muted,
            };
            self.execute(&command).await
        };
        let executed = self.act_in(&room, change).await?;
        Ok(self.done(&executed, wire::Nothing {}))
    }

    pub(crate) async fn expel(&self, payload: &wire::ExpelParticipant) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        let change = async {
            let command = ExpelParticipant {
                room: room.clone(),
                by: self.peer.user.clone(),
                as_admin: self.peer.is_admin(),
                user: self.participant(&room, &payload.user_id).await?,
            };
            self.execute(&command).await
        };
        let executed = self.act_in(&room, change).await?;
        Ok(self.done(&executed, wire::Nothing {}))
    }
}
