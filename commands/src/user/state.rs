use wac_events::{DomainId, Personal, Role, Time, UserEvent, UserId};

/// Where a user is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UserStatus {
    /// There has never been one.
    #[default]
    Absent,
    /// In use.
    Active,
    /// Gone.
    Deleted,
}

/// A user's state. Personal fields are clear, or erased.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Events so far.
    pub version: u64,
    /// Where it is in its life; the other fields keep their last values.
    pub status: UserStatus,
    /// Its id; empty while absent.
    pub id: UserId,
    /// Its domain.
    pub domain: DomainId,
    /// The name as typed.
    pub username: Personal,
    /// The name's reservation.
    pub name_key: String,
    /// What it may do.
    pub role: Role,
    /// Where notices go.
    pub email: Option<Personal>,
    /// Where text messages go.
    pub mobile_phones: Vec<Personal>,
    /// A land line.
    pub land_line_number: Option<Personal>,
    /// Another name.
    pub alias: Personal,
    /// The name others see.
    pub display_name: Option<Personal>,
    /// Forced and pruned capabilities.
    pub capabilities: Vec<String>,
    /// When it was created.
    pub created_at: Time,
}

impl Default for User {
    fn default() -> Self {
        Self {
            version: 0,
            status: UserStatus::Absent,
            id: UserId::new(""),
            domain: DomainId::new(""),
            username: Personal::new(""),
            name_key: String::new(),
            role: Role::Anonymous,
            email: None,
            mobile_phones: Vec::new(),
            land_line_number: None,
            alias: Personal::new(""),
            display_name: None,
            capabilities: Vec::new(),
            created_at: Time::EPOCH,
        }
    }
}

impl User {
    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.status == UserStatus::Active
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: User, event: &UserEvent) -> User {
    state.version += 1;
    match event {
        UserEvent::Created(created) => {
            let created = created.clone();
            state.status = UserStatus::Active;
            state.id = created.id;
            state.domain = created.domain;
            state.username = created.username;
            state.name_key = created.name_key;
            state.role = created.role;
            state.email = created.email;
            state.mobile_phones = created.mobile_phones;
            state.land_line_number = created.land_line_number;
            state.alias = created.alias;
            state.display_name = created.display_name;
            state.capabilities = created.capabilities;
            state.created_at = created.at;
        }
        UserEvent::Changed(changed) => {
            let changed = changed.clone();
            changed.domain.apply(&mut state.domain);
            changed.username.apply(&mut state.username);
            changed.name_key.apply(&mut state.name_key);
            changed.role.apply(&mut state.role);
            changed.email.apply(&mut state.email);
            changed.mobile_phones.apply(&mut state.mobile_phones);
            changed.land_line_number.apply(&mut state.land_line_number);
            changed.alias.apply(&mut state.alias);
            changed.display_name.apply(&mut state.display_name);
            changed.capabilities.apply(&mut state.capabilities);
        }
        UserEvent::Deleted(_) => state.status = UserStatus::Deleted,
    }
    state
}
