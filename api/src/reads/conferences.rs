//! The conference log: openings of rooms with everybody who sat in them or was invited to them.

use std::collections::{BTreeMap, BTreeSet};

use wac_events::{DomainId, OpeningId, Time, UserId};
use wac_projections::{
    CANDIDATES, CONFERENCE_USERS, CandidateRow, ConferenceUserRow, INVITES, InviteRow, MEDIA_SESSIONS, MediaSessionRow,
    PARTICIPANTS, ParticipantRow, Quality, ROOMS, RoomRow, Row, SELECT_ROWS_MAX, Select, TRANSFERS, Table, TransferRow,
    USERS, Value,
};

use super::{ReadError, Reads, decoded};

/// A conference: one opening of a room.
#[derive(Clone, PartialEq, Debug)]
pub struct ConferenceView {
    /// The opening.
    pub room: RoomRow,
    /// Its seats in the order in which they were taken.
    pub participants: Vec<ParticipantRow>,
    /// Invitations into it, oldest first, each with its candidates.
    pub invites: Vec<(InviteRow, Vec<CandidateRow>)>,
    /// Transfers out of it.
    pub transfers: Vec<TransferRow>,
    /// Media sessions of its participants, oldest first.
    pub media: Vec<MediaSessionRow>,
    /// Names of the domains involved: the room's, the callers', and those of everybody who sat in it or was called.
    pub domains: BTreeSet<String>,
    /// Name of the room's domain.
    pub domain: String,
}

impl ConferenceView {
    /// Whether somebody sat in it or was invited to it.
    pub fn involves(&self, user: &UserId) -> bool {
        let invited = |(invite, candidates): &(InviteRow, Vec<CandidateRow>)| {
            invite.from == *user || candidates.iter().any(|candidate| candidate.user == *user)
        };
        self.participants.iter().any(|seat| seat.user == *user) || self.invites.iter().any(invited)
    }

    /// The media sessions of one stay.
    pub fn media_of(&self, seat: &ParticipantRow) -> impl Iterator<Item = &MediaSessionRow> {
        let (session, from, until) = (seat.session.clone(), seat.joined_at, seat.left_at);
        self.media.iter().filter(move |it| {
            let at = it.connected_at;
            it.session == session && at >= from && until.is_none_or(|until| at <= until)
        })
    }

    /// How well media went for one stay; `None`: there was none, or nothing has been measured.
    pub fn quality_of(&self, seat: &ParticipantRow) -> Option<Quality> {
        measured(self.media_of(seat))
    }

    /// How well media went for all together.
    pub fn quality(&self) -> Option<Quality> {
        measured(self.media.iter())
    }
}

fn measured<'a>(sessions: impl Iterator<Item = &'a MediaSessionRow>) -> Option<Quality> {
    let quality = Quality::of(sessions.map(|session| &session.quality));
    (quality.measured_ms > 0).then_some(quality)
}

/// Which conferences, newest first. Every condition given must hold.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ConferenceFilter {
    /// Only those that somebody sat in or was invited to.
    pub user: Option<UserId>,
    /// Only those of rooms of this domain.
    pub domain: Option<DomainId>,
    /// Only those opened after this, in whole milliseconds.
    pub after: Option<Time>,
    /// Only those opened before this, in whole milliseconds.
    pub before: Option<Time>,
}

impl ConferenceFilter {
    fn admits(&self, room: &RoomRow) -> bool {
        self.domain.as_ref().is_none_or(|domain| room.room.domain == *domain)
            && self.after.is_none_or(|after| room.created_at.millis() > after.millis())
            && self.before.is_none_or(|before| room.created_at.millis() < before.millis())
    }
}

/// A page of conferences.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct ConferencePage {
    /// The conferences.
    pub conferences: Vec<ConferenceView>,
    /// Where the next page starts; `None`: there is none.
    pub next: Option<String>,
}

/// The millisecond a time lies in begins here.
fn whole_millis(time: Time) -> Time {
    Time::from_millis(time.millis())
}

impl Reads {
    /// One conference, by its opening.
    pub async fn conference(&self, id: &OpeningId) -> Result<Option<ConferenceView>, ReadError> {
        let rooms = self.all(Select::key(&ROOMS, id.as_str()), RoomRow::from_row).await?;
        Ok(self.conference_views(rooms).await?.pop())
    }

    /// Conferences, newest first. `cursor` is a former page's `next`; `limit` is at most
    /// [`SELECT_ROWS_MAX`]. A page may be shorter than `limit` and still have a successor.
    pub async fn conferences(
        &self,
        filter: &ConferenceFilter,
        cursor: Option<String>,
        limit: usize,
    ) -> Result<ConferencePage, ReadError> {
        let from = filter.before.map(|before| OpeningId::least_at(whole_millis(before)));
        let from = match (cursor, from) {
            (Some(cursor), Some(from)) => Some(cursor.min(from)),
            (cursor, from) => cursor.or(from),
        };
        let (rooms, last) = match &filter.user {
            Some(user) => self.rooms_of(user, from, limit).await?,
            None => self.rooms_in(filter.domain.as_ref(), from, limit).await?,
        };
        let floor = filter.after.map(|after| OpeningId::least_at(whole_millis(after)));
        let next = last.filter(|last| floor.is_none_or(|floor| *last > floor));
        let rooms = rooms.into_iter().filter(|room| filter.admits(room)).collect();
        Ok(ConferencePage { conferences: self.conference_views(rooms).await?, next })
    }

    async fn rooms_in(
        &self,
        domain: Option<&DomainId>,
        from: Option<String>,
        limit: usize,
    ) -> Result<(Vec<RoomRow>, Option<String>), ReadError> {
        let mut select = Select { descending: true, ..Select::from(&ROOMS) }.after(from).limit(limit);
        if let Some(domain) = domain {
            select = select.equals("domain", domain.as_str());
        }
        let rooms = self.page_of(select, RoomRow::from_row).await?;
        let last = rooms.last().filter(|_| rooms.len() >= limit).map(|room| room.opening.to_string());
        Ok((rooms, last))
    }

    async fn rooms_of(
        &self,
        user: &UserId,
        from: Option<String>,
        limit: usize,
    ) -> Result<(Vec<RoomRow>, Option<String>), ReadError> {
        let select = Select { descending: true, ..Select::from(&CONFERENCE_USERS) }
            .equals("user", user.as_str())
            .after(from)
            .limit(limit);
        let found = self.page_of(select, ConferenceUserRow::from_row).await?;
        let last = found.last().filter(|_| found.len() >= limit).map(|row| row.opening.to_string());
        let keys = found.iter().map(|row| Value::from(row.opening.as_str())).collect();
        let mut rooms = self.all(Select::from(&ROOMS).one_of("opening", keys), RoomRow::from_row).await?;
        rooms.sort_by(|a, b| b.opening.cmp(&a.opening));
        Ok((rooms, last))
    }

    async fn conference_views(&self, rooms: Vec<RoomRow>) -> Result<Vec<ConferenceView>, ReadError> {
        let openings: Vec<Value> = rooms.iter().map(|room| Value::from(room.opening.as_str())).collect();
        let within = |table: &'static Table| Select::from(table).one_of("opening", openings.clone());
        let participants = self.all(within(&PARTICIPANTS), ParticipantRow::from_row).await?;
        let invites = self.all(within(&INVITES), InviteRow::from_row).await?;
        let transfers = self.all(within(&TRANSFERS), TransferRow::from_row).await?;
        let media = self.all(within(&MEDIA_SESSIONS), MediaSessionRow::from_row).await?;
        let mut candidates: Vec<CandidateRow> = Vec::new();
        for invites in invites.chunks(SELECT_ROWS_MAX) {
            let ids = invites.iter().map(|invite| Value::from(invite.id.as_str())).collect();
            candidates.extend(self.all(Select::from(&CANDIDATES).one_of("invite", ids), CandidateRow::from_row).await?);
        }
        let people = participants.iter().map(|seat| &seat.user).chain(candidates.iter().map(|row| &row.user));
        let homes = self.homes(people).await?;
        let of_rooms = rooms.iter().map(|room| &room.room.domain);
        let of_invites = invites.iter().map(|invite| &invite.domain);
        let names = self.domain_names(of_rooms.chain(of_invites).chain(homes.values())).await?;
        let name = |id: &DomainId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
        let view = |room: RoomRow| {
            let mut seats: Vec<_> = participants.iter().filter(|seat| seat.opening == room.opening).cloned().collect();
            seats.sort_by_key(|seat| seat.seat);
            let into = invites.iter().filter(|invite| invite.opening.as_ref() == Some(&room.opening));
            let mut domains = BTreeSet::from([name(&room.room.domain)]);
            domains.extend(into.clone().map(|invite| name(&invite.domain)));
            let called = into.clone().flat_map(|invite| candidates.iter().filter(|row| row.invite == invite.id));
            let people = seats.iter().map(|seat| &seat.user).chain(called.map(|row| &row.user));
            domains.extend(people.filter_map(|user| homes.get(user)).map(name));
            let mut media: Vec<_> = media.iter().filter(|it| it.opening == room.opening).cloned().collect();
            media.sort_by_key(|session| session.connected_at);
            let of = |invite: &InviteRow| candidates.iter().filter(|row| row.invite == invite.id).cloned().collect();
            ConferenceView {
                participants: seats,
                invites: into.map(|invite| (invite.clone(), of(invite))).collect(),
                transfers: transfers.iter().filter(|row| row.opening == room.opening).cloned().collect(),
                media,
                domains,
                domain: name(&room.room.domain),
                room,
            }
        };
        Ok(rooms.into_iter().map(view).collect())
    }

    /// The domains that users belong to; of those who are gone none.
    async fn homes<'a>(
        &self,
        users: impl Iterator<Item = &'a UserId>,
    ) -> Result<BTreeMap<UserId, DomainId>, ReadError> {
        let users: Vec<&UserId> = users.collect::<BTreeSet<_>>().into_iter().collect();
        let mut homes = BTreeMap::new();
        for some in users.chunks(SELECT_ROWS_MAX) {
            let ids = some.iter().map(|user| Value::from(user.as_str())).collect();
            for row in self.rows.select(Select::from(&USERS).one_of(USERS.key(), ids)).await? {
                let text = |column| row.get(column).and_then(Value::as_text);
                if let (Some(user), Some(domain)) = (text(USERS.key()), text("domain")) {
                    homes.insert(UserId::from(user), DomainId::from(domain));
                }
            }
        }
        Ok(homes)
    }

    async fn page_of<T>(&self, select: Select, read: impl Fn(&Row) -> Option<T>) -> Result<Vec<T>, ReadError> {
        let table = select.table;
        self.rows.select(select).await?.iter().map(|row| decoded(table, row, &read)).collect()
    }

    /// Every row a select names, page after page.
    async fn all<T>(&self, select: Select, read: impl Fn(&Row) -> Option<T>) -> Result<Vec<T>, ReadError> {
        let table = select.table;
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let rows = self.rows.select(select.clone().after(after.take())).await?;
            for row in &rows {
                found.push(decoded(table, row, &read)?);
            }
            let last = rows.last().and_then(|row| row.get(table.key())?.as_text().map(str::to_owned));
            match last.filter(|_| rows.len() >= select.limit && select.limit > 1) {
                Some(last) => after = Some(last),
                None => return Ok(found),
            }
        }
    }
}
