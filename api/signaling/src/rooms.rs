//! Rooms on the wire: what they are called, and what is shown of them.

use wac_commands::room::Seat;
use wac_commands::{Room, name_key};
use wac_events::room::RoomKind;
use wac_events::{DomainId, Reserved, RoomId, RoomRef, StoreError, UserId};

use crate::Peer;
use crate::address::is_id;
use crate::ask::Ask;
use crate::failure::{Failure, Refusal};
use crate::wire::{MutedMedia, Participant, RoomMedia, RoomObject};

/// Why a device that is not in a room gets no media of it.
const NO_SEAT: &str = "this device is not in the room";

/// A room of another domain: `<id>@<domain>`.
pub(crate) fn qualified(id: &str, domain: &DomainId) -> String {
    format!("{id}@{domain}")
}

/// A room's id for a peer of this domain.
pub(crate) fn wire_id(id: &str, room: &DomainId, own: &DomainId) -> String {
    if room == own && !id.contains('@') { id.to_owned() } else { qualified(id, room) }
}

/// A room by its id on the wire, seen from a domain; `None` if no room can have it.
fn parse(text: &str, own: &DomainId) -> Option<RoomRef> {
    let (id, domain) = match text.rsplit_once('@') {
        Some((id, domain)) => (id, DomainId::from(domain)),
        None => (text, own.clone()),
    };
    (is_id(id) && is_id(domain.as_str())).then(|| RoomRef { domain, id: id.into() })
}

impl Ask<'_> {
    /// The room a request names.
    pub(crate) async fn room_ref(&self, text: &str) -> Result<RoomRef, Failure> {
        let mut room = parse(text, &self.peer.domain).ok_or_else(Refusal::room_not_found)?;
        if self.settings().rooms.user_id_as_room_id
            && let Some(user) = self.named_in(&room).await?
        {
            room.id = RoomId::from(user.as_str());
        }
        Ok(room)
    }

    /// The user by whose name a room is known.
    async fn named_in(&self, room: &RoomRef) -> Result<Option<UserId>, StoreError> {
        let Ok(key) = name_key(&**self.handler().keys(), &room.domain, room.id.as_str()) else { return Ok(None) };
        let reserved = Reserved::Username(key);
        let world = self.handler().load(&[reserved.stream()]).await?;
        Ok(world.reservation(&reserved).holder.as_deref().map(UserId::from))
    }

    /// What a room is called.
    pub(crate) async fn room_id(&self, room: &Room) -> Result<String, StoreError> {
        let mut id = room.id.to_string();
        if room.kind == RoomKind::Personal && self.settings().rooms.user_id_as_room_id {
            let world = self.handler().recall(&[room.creator.stream()]).await?;
            if let Some(name) = world.user(&room.creator).username.clear() {
                id = name.to_owned();
            }
        }
        Ok(wire_id(&id, &room.domain, &self.peer.domain))
    }

    /// What is shown of a room.
    pub(crate) async fn room_object(&self, room: &Room) -> Result<RoomObject, StoreError> {
        self.room_object_if(room, true).await
    }

    /// The same; nothing happens unless `real`: else a room without a media node would get one.
    pub(crate) async fn room_object_if(&self, room: &Room, real: bool) -> Result<RoomObject, StoreError> {
        let door = match room.seats.contains_key(&self.peer.session) {
            true => self.signaling.media.door(room, &self.peer.device(), real).await,
            false => Err(NO_SEAT.to_owned()),
        };
        let media = RoomMedia { available: door.is_ok(), reason: door.as_ref().err().cloned() };
        let door = door.ok();
        Ok(RoomObject {
            id: self.room_id(room).await?,
            uuid: room.opening.to_string(),
            room: room.opening.to_string(),
            owner: room.owner.clone(),
            record: room.record,
            acl: room.acl.clone(),
            number: String::new(),
            sip_uri: String::new(),
            bitrate: room.bitrate_kbps,
            server_uuid: door.as_ref().map(|door| door.node.clone()).unwrap_or_default(),
            server: door.as_ref().map(|door| door.server.clone()).unwrap_or_default(),
            participants_limit: room.participants_limit,
            ice: door.as_ref().map(|door| door.ice.clone()).unwrap_or_default(),
            token: door.map(|door| door.token).unwrap_or_default(),
            participants: people(room),
            timestamp: room.created_at.millis(),
            media,
        })
    }
}

/// The people in a room, those of longest standing first.
fn people(room: &Room) -> Vec<UserId> {
    let mut seats: Vec<&Seat> = room.seats.values().collect();
    seats.sort_unstable_by_key(|seat| seat.number);
    let mut people: Vec<UserId> = Vec::new();
    for seat in seats {
        if !people.contains(&seat.user) {
            people.push(seat.user.clone());
        }
    }
    people
}

/// The people in a room and how they are there.
pub(crate) fn participants(room: &Room) -> Vec<Participant> {
    let participant = |user: UserId| {
        let person = room.people.get(&user).copied().unwrap_or_default();
        Participant {
            owner: room.owner.as_ref() == Some(&user),
            held: person.held,
            muted: MutedMedia { audio: person.audio_muted, video: person.video_muted },
            devices: room.seats_of(&user).count(),
            user_id: user,
        }
    };
    people(room).into_iter().map(participant).collect()
}

/// Whether a peer may know that a room of another domain exists.
pub(crate) fn may_know(peer: &Peer, room: &Room) -> bool {
    room.domain == peer.domain || room.admits(&peer.user) || room.has(&peer.user) || peer.is_admin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_of_another_domain_is_named_with_its_domain() {
        let (own, other) = (DomainId::from("a"), DomainId::from("b"));
        assert_eq!(wire_id("r", &own, &own), "r");
        assert_eq!(wire_id("r", &other, &own), "r@b");
        assert_eq!(parse("r", &own), Some(RoomRef { domain: own.clone(), id: "r".into() }));
        assert_eq!(parse("r@b", &own), Some(RoomRef { domain: other, id: "r".into() }));
        assert_eq!(parse("", &own), None);
        assert_eq!(parse("r@", &own), None);
        assert_eq!(parse("r\0", &own), None);
    }

    #[test]
    fn a_person_on_two_devices_is_listed_once() {
        let seat = |number: u64, user: &str| Seat {
            number,
            user: user.into(),
            via: wac_events::room::JoinReason::Joined,
            invite: None,
            joined_at: wac_events::Time::EPOCH,
        };
        let mut room = Room { owner: Some("u".into()), ..Room::default() };
        room.seats.insert("s3".into(), seat(1, "v"));
        room.seats.insert("s1".into(), seat(2, "u"));
        room.seats.insert("s2".into(), seat(3, "u"));
        let listed = participants(&room);
        let shown: Vec<_> = listed.iter().map(|one| (one.user_id.as_str(), one.owner, one.devices)).collect();
        assert_eq!(shown, [("v", false, 1), ("u", true, 2)]);
    }
}
