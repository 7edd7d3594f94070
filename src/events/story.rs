//! A call's whole story: its room, invitations and transfers, and what became of the devices of
//! those who took part, found by what the events say of one another.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use wac_events::{
    AnyEvent, EventFilter, EventLog, OpeningId, Position, READ_EVENTS_MAX, ReadRequest, Recorded, RoomEvent, SessionId,
    StreamId, UserId,
};

use super::PAGE;
use super::links::{Links, Part, Turn, links};

/// What may belong to a call though none of its own streams names it.
const FOLLOWED: [&str; 9] = [
    "invite.created",
    "invite.accepted",
    "transfer.created",
    "agent.*",
    "media.connected",
    "media.refused",
    "presence.device_registered",
    "presence.device_removed",
    "session.closed",
];

/// What is known of a call.
#[derive(Default)]
pub(crate) struct Story {
    events: BTreeMap<Position, Recorded>,
    found: BTreeSet<Position>,
    parts: BTreeSet<Part>,
    unread: Vec<Part>,
    open: BTreeSet<Part>,
    users: BTreeSet<UserId>,
    devices: BTreeSet<SessionId>,
}

impl Story {
    /// The story of the call that `part` belongs to, up to `end`.
    pub(crate) async fn of(part: Part, log: &dyn EventLog, end: Position) -> Result<Self> {
        let mut story = Self::default();
        story.learn(part);
        story.gather(log, end).await?;
        Ok(story)
    }

    /// What has been found since it was taken last, in the log's order.
    pub(crate) fn take(&mut self) -> Vec<Recorded> {
        std::mem::take(&mut self.events).into_values().collect()
    }

    /// Who took part, or was asked to.
    pub(crate) fn users(&self) -> &BTreeSet<UserId> {
        &self.users
    }

    /// What the call is known under: openings of rooms, and invitations.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |part: &Part| match part {
            Part::Opening(_, opening) => Some(opening.to_string()),
            Part::Invite(invite) => Some(invite.to_string()),
            _ => None,
        };
        self.parts.iter().filter_map(name).collect()
    }

    /// Takes a new event in if it belongs to the call, and what it leads to. Devices that come and
    /// go belong to it only while it lasts.
    pub(super) async fn go_on(&mut self, event: Recorded, log: &dyn EventLog) -> Result<()> {
        let at = event.position;
        let only_device = links(&event).own.is_none();
        if !(only_device && self.open.is_empty()) && self.offer(event) && !self.unread.is_empty() {
            self.gather(log, at).await?;
        }
        Ok(())
    }

    /// Reads the streams of every part there is, then what happened meanwhile, until nothing new comes.
    async fn gather(&mut self, log: &dyn EventLog, end: Position) -> Result<()> {
        loop {
            while let Some(part) = self.unread.pop() {
                self.read(&part, log, end).await?;
            }
            let Some((first, last)) = self.span(end) else { return Ok(()) };
            let known = (self.found.len(), self.parts.len());
            self.look_between(first, last, log).await?;
            if (self.found.len(), self.parts.len()) == known {
                return Ok(());
            }
        }
    }

    /// From the first to the last event; to the end while anything goes on.
    fn span(&self, end: Position) -> Option<(Position, Position)> {
        let first = *self.events.keys().next()?;
        let last = *self.events.keys().next_back()?;
        Some((first, if self.open.is_empty() { last } else { end }))
    }

    async fn read(&mut self, part: &Part, log: &dyn EventLog, end: Position) -> Result<()> {
        let stream = part.stream();
        let mut version = 1;
        loop {
            let page = log.read_stream(&stream, version, READ_EVENTS_MAX).await?;
            version += page.len() as u64;
            let at_end = page.len() < READ_EVENTS_MAX;
            for event in page.into_iter().filter(|event| event.position <= end) {
                self.offer(event);
            }
            if at_end {
                return Ok(());
            }
        }
    }

    async fn look_between(&mut self, first: Position, last: Position, log: &dyn EventLog) -> Result<()> {
        let types = FOLLOWED.map(str::to_owned).to_vec();
        let filter = EventFilter { types, ..EventFilter::default() };
        let before = Some(Position(last.0.saturating_add(1)));
        let mut request = ReadRequest { after: Position(first.0.saturating_sub(1)), before, filter, limit: PAGE };
        loop {
            let page = log.read(request.clone()).await?;
            for event in page.events {
                if let Some(room) = self.goes_on_in(&event) {
                    self.learn_opening(room, event.position, log).await?;
                }
                self.offer(event);
            }
            if page.scanned_to <= request.after || page.scanned_to >= last {
                return Ok(());
            }
            request.after = page.scanned_to;
        }
    }

    /// The room in which the call goes on after this transfer of its.
    fn goes_on_in(&self, event: &Recorded) -> Option<StreamId> {
        let links = links(event);
        let room = links.goes_on_in.clone()?;
        self.belongs(event, &links).then_some(room)
    }

    /// Learns the opening a room had at that moment.
    async fn learn_opening(&mut self, room: StreamId, at: Position, log: &dyn EventLog) -> Result<()> {
        let openings = openings(&room, log).await?;
        if let Some((_, opening)) = openings.into_iter().take_while(|(position, _)| *position <= at).last() {
            self.learn(Part::Opening(room, opening));
        }
        Ok(())
    }

    /// Takes an event in if it belongs to the call and is not there yet; whether it was taken.
    fn offer(&mut self, event: Recorded) -> bool {
        let links = links(&event);
        if self.found.contains(&event.position) || !self.belongs(&event, &links) {
            return false;
        }
        self.found.insert(event.position);
        if let Some(own) = &links.own {
            match links.turn {
                Turn::Begins => _ = self.open.insert(own.clone()),
                Turn::Ends => _ = self.open.remove(own),
                Turn::None => {}
            }
        }
        for part in links.own.into_iter().chain(links.parts) {
            self.learn(part);
        }
        self.users.extend(links.users);
        self.devices.extend(links.devices);
        self.events.insert(event.position, event);
        true
    }

    fn belongs(&self, event: &Recorded, links: &Links) -> bool {
        let known = |part: &Part| self.parts.contains(part);
        known(&Part::Room(event.stream.clone()))
            || links.own.iter().chain(&links.parts).any(known)
            || links.goes_on_in.as_ref().is_some_and(|room| self.is_in(room))
            || links.present.as_ref().is_some_and(|user| self.users.contains(user))
            || links.over.as_ref().is_some_and(|session| self.devices.contains(session))
    }

    fn is_in(&self, room: &StreamId) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Opening(stream, _) if stream == room))
    }

    fn learn(&mut self, part: Part) {
        let read_with_its_room =
            matches!(&part, Part::Opening(stream, _) if self.parts.contains(&Part::Room(stream.clone())));
        if self.parts.insert(part.clone()) && !read_with_its_room {
            self.unread.push(part);
        }
    }
}

/// The openings of a room, each with where it began.
async fn openings(room: &StreamId, log: &dyn EventLog) -> Result<Vec<(Position, OpeningId)>> {
    let filter = EventFilter { stream: Some(room.clone()), types: vec!["room.created".into()], domain: None };
    Ok(created(filter, log).await?.into_iter().map(|(position, _, _, opening)| (position, opening)).collect())
}

/// Position, stream, id and opening of every opened room.
async fn created(filter: EventFilter, log: &dyn EventLog) -> Result<Vec<(Position, StreamId, String, OpeningId)>> {
    let mut found = Vec::new();
    let mut request = ReadRequest { after: Position(0), before: None, filter, limit: READ_EVENTS_MAX };
    loop {
        let page = log.read(request.clone()).await?;
        for event in &page.events {
            if let AnyEvent::Room(RoomEvent::Created(room)) = AnyEvent::decode_recorded(event)? {
                found.push((event.position, event.stream.clone(), room.room.to_string(), room.opening));
            }
        }
        if page.scanned_to <= request.after {
            return Ok(found);
        }
        request.after = page.scanned_to;
    }
}

/// The part of a call that `stream` tells.
pub(super) async fn part_of_stream(stream: &str, log: &dyn EventLog) -> Result<Part> {
    let stream = StreamId::from(stream);
    let Some(part) = Part::of_stream(&stream) else {
        bail!(
            "--related goes with a stream of a room, an invitation, a transfer or a media session, not with {stream}"
        );
    };
    if log.read_stream(&stream, 1, 1).await?.is_empty() {
        bail!("there is no stream {stream}");
    }
    Ok(part)
}

/// The part of a call with this id: a stream, an invitation, a transfer, an opening (which is what
/// its events' correlation ids say), or the newest opening of a room.
pub(crate) async fn part_of_call(id: &str, filter: &EventFilter, log: &dyn EventLog) -> Result<Part> {
    let named = [StreamId::from(id), StreamId::of("invite", id), StreamId::of("transfer", id)];
    for (stream, part) in named.iter().filter_map(|stream| Some((stream, Part::of_stream(stream)?))) {
        if !log.read_stream(stream, 1, 1).await?.is_empty() {
            return Ok(part);
        }
    }
    let filter = EventFilter { stream: None, types: vec!["room.created".into()], domain: filter.domain.clone() };
    let mut newest = BTreeMap::new();
    for (_, stream, room, opening) in created(filter, log).await? {
        if opening.as_str() == id {
            return Ok(Part::Opening(stream, opening));
        }
        if room == id {
            newest.insert(stream, opening);
        }
    }
    let rooms: Vec<String> = newest.keys().map(ToString::to_string).collect();
    match newest.pop_first() {
        None => bail!("there is no call, room, invitation or transfer {id:?}"),
        Some((stream, opening)) if newest.is_empty() => Ok(Part::Opening(stream, opening)),
        Some(_) => bail!("{id} is a room in several domains: {}; say which by --domain or --stream", rooms.join(", ")),
    }
}
