//! The read model `groups`: one row for each users group, and one for each of its participants.

use wac_events::group::GroupCreated;
use wac_events::{AnyEvent, CodecError, DomainId, Event, GroupEvent, GroupId, Recorded, Time, UserId};

use crate::fields::{Changes, Fields, int, time};
use crate::{Column, Projection, Row, RowChange, Table};

/// One row for each group there is.
pub static GROUPS: Table = Table {
    name: "groups",
    columns: &[
        Column::text("id"),
        Column::text("domain"),
        Column::text("name"),
        Column::text("owner"),
        Column::int("created_at"),
        Column::int("version"),
    ],
    indexed: &["domain", "owner"],
};

/// One row for each participant, under `<group>/<user>`; `place` rises with his standing, the
/// eldest has the smallest. Rows of a group that has been removed may stay: they count only beside
/// a row of [`GROUPS`].
pub static GROUP_USERS: Table = Table {
    name: "group_users",
    columns: &[
        Column::text("id"),
        Column::text("group"),
        Column::text("user"),
        Column::int("joined_at"),
        Column::int("place"),
    ],
    indexed: &["group", "user"],
};

/// Builds [`GROUPS`] and [`GROUP_USERS`].
pub struct GroupsProjection;

impl Projection for GroupsProjection {
    fn name(&self) -> &'static str {
        "groups"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&GROUPS, &GROUP_USERS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["group.*"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        Ok(changes(event, &GroupEvent::decode_recorded(event)?))
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::Group(decoded) => Ok(changes(event, decoded)),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a group's event does to the rows.
fn changes(event: &Recorded, decoded: &GroupEvent) -> Vec<RowChange> {
    let id = event.stream.id();
    let changes = Changes::to_version(event.version);
    match decoded {
        GroupEvent::Created(created) => created_rows(event, created),
        GroupEvent::Renamed(renamed) => vec![changes.column("name", renamed.name.as_str()).patch(&GROUPS, id)],
        GroupEvent::OwnerChanged(changed) => vec![changes.column("owner", changed.owner.as_str()).patch(&GROUPS, id)],
        GroupEvent::UserJoined(joined) => {
            vec![changes.patch(&GROUPS, id), member(event, id, &joined.user, joined.at)]
        }
        GroupEvent::UserLeft(left) => {
            vec![changes.patch(&GROUPS, id), RowChange::Delete { table: &GROUP_USERS, key: member_key(id, &left.user) }]
        }
        GroupEvent::Removed(_) => vec![RowChange::Delete { table: &GROUPS, key: id.to_owned() }],
    }
}

fn created_rows(event: &Recorded, created: &GroupCreated) -> Vec<RowChange> {
    let row = Changes::to_version(event.version)
        .column("domain", created.domain.as_str())
        .column("name", created.name.as_str())
        .column("owner", created.owner.as_str())
        .column("created_at", time(created.at))
        .upsert(&GROUPS, created.id.as_str());
    vec![row, member(event, created.id.as_str(), &created.owner, created.at)]
}

fn member_key(group: &str, user: &UserId) -> String {
    format!("{group}/{user}")
}

fn member(event: &Recorded, group: &str, user: &UserId, at: Time) -> RowChange {
    Changes::none()
        .column("group", group)
        .column("user", user.as_str())
        .column("joined_at", time(at))
        .column("place", int(event.version))
        .upsert(&GROUP_USERS, member_key(group, user))
}

/// A users group as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRow {
    /// Its id.
    pub id: GroupId,
    /// Its domain.
    pub domain: DomainId,
    /// Its name.
    pub name: String,
    /// Who manages it.
    pub owner: UserId,
    /// When it came into being.
    pub created_at: Time,
    /// Version of its stream.
    pub version: u64,
}

impl GroupRow {
    /// Reads a row of [`GROUPS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.id("id")?,
            domain: fields.id("domain")?,
            name: fields.text("name")?,
            owner: fields.id("owner")?,
            created_at: fields.time("created_at")?,
            version: fields.number("version")?,
        })
    }
}

/// A participant of a group as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupUserRow {
    /// The group.
    pub group: GroupId,
    /// Who.
    pub user: UserId,
    /// When he became one.
    pub joined_at: Time,
    /// Rises with every participant who joins.
    pub place: u64,
}

impl GroupUserRow {
    /// Reads a row of [`GROUP_USERS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            group: fields.id("group")?,
            user: fields.id("user")?,
            joined_at: fields.time("joined_at")?,
            place: fields.number("place")?,
        })
    }
}
