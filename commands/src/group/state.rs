use wac_events::{DomainId, GroupEvent, GroupId, Time, UserId};

/// A group's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Events so far.
    pub version: u64,
    /// Whether it was created and not removed.
    pub present: bool,
    /// Its id; empty while absent.
    pub id: GroupId,
    /// Its domain.
    pub domain: DomainId,
    /// Its name.
    pub name: String,
    /// Who manages it.
    pub owner: UserId,
    /// Its participants, those of longest standing first.
    pub users: Vec<UserId>,
    /// When it was created.
    pub created_at: Time,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            version: 0,
            present: false,
            id: GroupId::new(""),
            domain: DomainId::new(""),
            name: String::new(),
            owner: UserId::new(""),
            users: Vec::new(),
            created_at: Time::EPOCH,
        }
    }
}

impl Group {
    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.present
    }

    /// Whether the user is a participant.
    pub fn has(&self, user: &UserId) -> bool {
        self.users.contains(user)
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Group, event: &GroupEvent) -> Group {
    state.version += 1;
    match event {
        GroupEvent::Created(created) => {
            let created = created.clone();
            state.present = true;
            state.id = created.id;
            state.domain = created.domain;
            state.name = created.name;
            state.users = vec![created.owner.clone()];
            state.owner = created.owner;
            state.created_at = created.at;
        }
        GroupEvent::Renamed(renamed) => state.name = renamed.name.clone(),
        GroupEvent::OwnerChanged(changed) => state.owner = changed.owner.clone(),
        GroupEvent::UserJoined(joined) => state.users.push(joined.user.clone()),
        GroupEvent::UserLeft(left) => state.users.retain(|user| *user != left.user),
        GroupEvent::Removed(_) => {
            state.present = false;
            state.users.clear();
        }
    }
    state
}
