//! The read model `users`: one row for each user there is.

use wac_events::oauth::TokenIssued;
use wac_events::{
    AnyEvent, CodecError, DomainId, OpenError, Personal, Recorded, Role, SubjectId, SubjectKey, Time, TokenEvent,
    UserEvent, UserId,
};

use crate::fields::{Changes, Fields, json, personal, personal_or_null, time};
use crate::{Column, Projection, Row, RowChange, Table};

/// One row for each user; personal columns and `capabilities` are JSON text, the personal ones sealed.
pub static USERS: Table = Table {
    name: "users",
    columns: &[
        Column::text("id"),
        Column::text("domain"),
        Column::text("username"),
        Column::text("name_key"),
        Column::text("role"),
        Column::text("email"),
        Column::text("mobile_phones"),
        Column::text("land_line_number"),
        Column::text("alias"),
        Column::text("display_name"),
        Column::text("capabilities"),
        Column::int("created_at"),
        Column::int("last_login"),
        Column::int("version"),
    ],
    indexed: &["domain", "name_key", "role"],
};

/// Builds [`USERS`].
pub struct UsersProjection;

impl Projection for UsersProjection {
    fn name(&self) -> &'static str {
        "users"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&USERS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["user.*", "token.issued"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        self.apply_decoded(event, &AnyEvent::decode_recorded(event)?)
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        match decoded {
            AnyEvent::User(decoded) => Ok(changes(event, decoded)),
            AnyEvent::Token(TokenEvent::Issued(issued)) => Ok(logged_in(issued)),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a user's event does to its row.
fn changes(event: &Recorded, decoded: &UserEvent) -> Vec<RowChange> {
    let table = &USERS;
    let key = event.stream.id().to_owned();
    vec![match decoded {
        UserEvent::Created(created) => RowChange::Upsert {
            table,
            key: created.id.as_str().to_owned(),
            set: Changes::row(table, event.version)
                .column("domain", created.domain.as_str())
                .column("username", personal(&created.username))
                .column("name_key", created.name_key.as_str())
                .column("role", created.role.as_str())
                .column("email", personal_or_null(created.email.as_ref()))
                .column("mobile_phones", json(&created.mobile_phones))
                .column("land_line_number", personal_or_null(created.land_line_number.as_ref()))
                .column("alias", personal(&created.alias))
                .column("display_name", personal_or_null(created.display_name.as_ref()))
                .column("capabilities", json(&created.capabilities))
                .column("created_at", time(created.at))
                .into_set(),
        },
        UserEvent::Changed(changed) => RowChange::Patch {
            table,
            key,
            set: Changes::to_version(event.version)
                .field("domain", &changed.domain, |domain| domain.as_str().into())
                .field("username", &changed.username, personal)
                .field("name_key", &changed.name_key, |name_key| name_key.as_str().into())
                .field("role", &changed.role, |role| role.as_str().into())
                .field("email", &changed.email, |email| personal_or_null(email.as_ref()))
                .field("mobile_phones", &changed.mobile_phones, json)
                .field("land_line_number", &changed.land_line_number, |number| personal_or_null(number.as_ref()))
                .field("alias", &changed.alias, personal)
                .field("display_name", &changed.display_name, |name| personal_or_null(name.as_ref()))
                .field("capabilities", &changed.capabilities, json)
                .into_set(),
        },
        UserEvent::Deleted(_) => RowChange::Delete { table, key },
    }]
}

/// A grant that opened a token family is its user's last log-in; the user's own version stays.
fn logged_in(issued: &TokenIssued) -> Vec<RowChange> {
    let Some(user) = &issued.user else { return Vec::new() };
    let set = vec![("last_login", time(issued.at))];
    vec![RowChange::Patch { table: &USERS, key: user.as_str().to_owned(), set }]
}

/// A user as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRow {
    /// Its id.
    pub id: UserId,
    /// Its domain.
    pub domain: DomainId,
    /// The name as typed.
    pub username: Personal,
    /// Keyed hash of the folded name in its domain.
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
    /// Forced (`+name`) and pruned (`-name`) capabilities.
    pub capabilities: Vec<String>,
    /// When it came into being.
    pub created_at: Time,
    /// When a grant last opened a session for it.
    pub last_login: Option<Time>,
    /// Version of its stream.
    pub version: u64,
}

impl UserRow {
    /// Reads a row of [`USERS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.id("id")?,
            domain: fields.id("domain")?,
            username: fields.json("username")?,
            name_key: fields.text("name_key")?,
            role: Role::parse(&fields.text("role")?)?,
            email: fields.optional_personal("email")?,
            mobile_phones: fields.json("mobile_phones")?,
            land_line_number: fields.optional_personal("land_line_number")?,
            alias: fields.json("alias")?,
            display_name: fields.optional_personal("display_name")?,
            capabilities: fields.json("capabilities")?,
            created_at: fields.time("created_at")?,
            last_login: fields.optional("last_login", Fields::time)?,
            version: fields.number("version")?,
        })
    }

    /// Whose key opens this row.
    pub fn subject(&self) -> SubjectId {
        SubjectId::of_user(&self.id)
    }

    /// Opens every sealed field with the subject's key; without one they all become erased.
    pub fn open(&mut self, key: Option<&SubjectKey>) -> Result<(), OpenError> {
        self.username.0.open("username", key)?;
        self.alias.0.open("alias", key)?;
        for email in self.email.as_mut_slice() {
            email.0.open("email", key)?;
        }
        for phone in &mut self.mobile_phones {
            phone.0.open("mobilePhones", key)?;
        }
        for number in self.land_line_number.as_mut_slice() {
            number.0.open("landLineNumber", key)?;
        }
        for name in self.display_name.as_mut_slice() {
            name.0.open("displayName", key)?;
        }
        Ok(())
    }
}
