//! Presence: who is online, and what people say of themselves.

use std::collections::BTreeMap;

use wac_events::{Activity, SubjectId, Time, UserId};
use wac_projections::{PRESENCE, PresenceRow, SELECT_ROWS_MAX, Select, Value};

use super::{ReadError, Reads, decoded};

/// A user's presence, opened.
#[derive(Clone, PartialEq, Debug)]
pub struct PresenceView {
    /// Whose.
    pub user: UserId,
    /// Whether any device of his can be reached.
    pub online: bool,
    /// What he is doing.
    pub activity: Activity,
    /// A free text; `None` once he is erased.
    pub note: Option<String>,
    /// How he feels.
    pub mood: Option<String>,
    /// When he went online or offline.
    pub since: Option<Time>,
    /// Version of its stream: its `ETag`.
    pub version: u64,
}

impl PresenceView {
    /// That of a user who has never logged in.
    pub fn unknown(user: UserId) -> Self {
        Self { user, online: false, activity: Activity::Unknown, note: None, mood: None, since: None, version: 0 }
    }
}

impl Reads {
    /// Presence of users by id. Those of whom nothing is known are left out.
    pub async fn presence_of(&self, users: &[UserId]) -> Result<BTreeMap<UserId, PresenceView>, ReadError> {
        let mut found = BTreeMap::new();
        for users in users.chunks(SELECT_ROWS_MAX) {
            let keys = users.iter().map(|user| Value::from(user.as_str())).collect();
            let rows = self.rows.select(Select::from(&PRESENCE).one_of("user", keys)).await?;
            let mut rows =
                rows.iter().map(|row| decoded(&PRESENCE, row, PresenceRow::from_row)).collect::<Result<Vec<_>, _>>()?;
            let subjects: Vec<SubjectId> = rows.iter().map(PresenceRow::subject).collect();
            let keys = self.keys.find(&subjects).await?;
            for (row, key) in rows.iter_mut().zip(&keys) {
                row.open(key.key())?;
            }
            found.extend(rows.into_iter().map(|row| (row.user.clone(), view(row))));
        }
        Ok(found)
    }
}

fn view(row: PresenceRow) -> PresenceView {
    PresenceView {
        user: row.user,
        online: row.online,
        activity: row.activity,
        note: row.note.and_then(|note| note.clear().map(str::to_owned)),
        mood: row.mood,
        since: row.since,
        version: row.version,
    }
}
