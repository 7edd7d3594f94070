//! The read model `sessions`: one row for each open session, and where its device can be reached.

use wac_events::session::SessionContext;
use wac_events::{
    AnyEvent, ClientId, CodecError, DomainId, GrantKind, NodeId, OpenError, PresenceEvent, Recorded, Role,
    SessionEvent, SessionId, SubjectId, SubjectKey, Time, UserId,
};

use crate::fields::{Changes, Fields, json, time};
use crate::{Column, Projection, Row, RowChange, Table, Value};

/// One row for each open session; `context` is JSON text whose every part is sealed. `node` is NULL
/// unless its device is registered. Rows of sessions that have ended are gone.
pub static SESSIONS: Table = Table {
    name: "sessions",
    columns: &[
        Column::text("id"),
        Column::text("user"),
        Column::text("domain"),
        Column::text("role"),
        Column::text("grant"),
        Column::text("client"),
        Column::text("context"),
        Column::text("push_type"),
        Column::int("expires_at"),
        Column::int("opened_at"),
        Column::text("node"),
        Column::bool("ringable"),
        Column::int("registered_at"),
        Column::text("live_user"),
        Column::int("version"),
    ],
    indexed: &["live_user", "domain", "node"],
};

/// Builds [`SESSIONS`].
pub struct SessionsProjection;

impl Projection for SessionsProjection {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static Table] {
        const { &[&SESSIONS] }
    }

    fn wants(&self) -> &'static [&'static str] {
        &["session.*", "presence.device_registered", "presence.device_removed"]
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        self.apply_decoded(event, &AnyEvent::decode_recorded(event)?)
    }

    fn apply_decoded(&self, event: &Recorded, decoded: &AnyEvent) -> Result<Vec<RowChange>, CodecError> {
        Ok(match decoded {
            AnyEvent::Session(decoded) => vec![changes(event, decoded)],
            AnyEvent::Presence(decoded) => reachability(decoded).into_iter().collect(),
            _ => Vec::new(),
        })
    }
}

/// What a session's event does to its row.
fn changes(event: &Recorded, decoded: &SessionEvent) -> RowChange {
    let table = &SESSIONS;
    let key = event.stream.id();
    let changes = Changes::to_version(event.version);
    match decoded {
        SessionEvent::Opened(opened) => changes
            .column("user", opened.user.as_str())
            .column("domain", opened.domain.as_str())
            .column("role", opened.role.as_str())
            .column("grant", opened.grant.as_str())
            .column("client", opened.client.as_ref().map(ClientId::as_str))
            .column("context", json(&opened.context))
            .column("expires_at", time(opened.expires_at))
            .column("opened_at", time(opened.at))
            .column("ringable", false)
            .column("live_user", opened.user.as_str())
            .upsert(table, opened.id.as_str()),
        SessionEvent::ContextChanged(changed) => changes.column("context", json(&changed.context)).patch(table, key),
        SessionEvent::Extended(extended) => changes.column("expires_at", time(extended.expires_at)).patch(table, key),
        SessionEvent::PushTokenSet(set) => changes.column("push_type", set.token_type.as_str()).patch(table, key),
        SessionEvent::PushTokenRemoved(_) => changes.column("push_type", Value::Null).patch(table, key),
        SessionEvent::Closed(_) => RowChange::Delete { table, key: key.to_owned() },
    }
}

/// Where the session's device can be reached; the session's own version stays.
fn reachability(decoded: &PresenceEvent) -> Option<RowChange> {
    match decoded {
        PresenceEvent::DeviceRegistered(registered) => Some(
            Changes::none()
                .column("node", registered.node.as_str())
                .column("ringable", registered.ringable)
                .column("registered_at", time(registered.at))
                .patch(&SESSIONS, registered.session.as_str()),
        ),
        PresenceEvent::DeviceRemoved(removed) => Some(
            Changes::none()
                .column("node", Value::Null)
                .column("ringable", false)
                .column("registered_at", Value::Null)
                .patch(&SESSIONS, removed.session.as_str()),
        ),
        PresenceEvent::LoggedIn(_)
        | PresenceEvent::FirstLogin(_)
        | PresenceEvent::LoggedOut(_)
        | PresenceEvent::LastLogout(_)
        | PresenceEvent::Online(_)
        | PresenceEvent::Offline(_)
        | PresenceEvent::CallEntered(_)
        | PresenceEvent::Changed(_) => None,
    }
}

/// An open session as the read model holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The user's domain.
    pub domain: DomainId,
    /// The user's role.
    pub role: Role,
    /// How it was opened.
    pub grant: GrantKind,
    /// The client that asked; `None`: the built-in first-party client.
    pub client: Option<ClientId>,
    /// Where from.
    pub context: SessionContext,
    /// The service that can wake its device, if any.
    pub push_type: Option<String>,
    /// When it ends unless it is used.
    pub expires_at: Time,
    /// When it was opened.
    pub opened_at: Time,
    /// The node that holds its sockets; `None`: it has none.
    pub node: Option<NodeId>,
    /// Whether one of them is a signaling socket, so that it can ring.
    pub ringable: bool,
    /// When its device registered.
    pub registered_at: Option<Time>,
    /// Version of its stream.
    pub version: u64,
}

impl SessionRow {
    /// Reads a row of [`SESSIONS`]; `None` if it is not one.
    pub fn from_row(row: &Row) -> Option<Self> {
        let fields = Fields(row);
        Some(Self {
            id: fields.id("id")?,
            user: fields.id("user")?,
            domain: fields.id("domain")?,
            role: Role::parse(&fields.text("role")?)?,
            grant: GrantKind::parse(&fields.text("grant")?)?,
            client: fields.optional("client", Fields::id)?,
            context: fields.json("context")?,
            push_type: fields.optional("push_type", Fields::text)?,
            expires_at: fields.time("expires_at")?,
            opened_at: fields.time("opened_at")?,
            node: fields.optional("node", Fields::id)?,
            ringable: fields.bool("ringable")?,
            registered_at: fields.optional("registered_at", Fields::time)?,
            version: fields.number("version")?,
        })
    }

    /// Whose key opens this row.
    pub fn subject(&self) -> SubjectId {
        SubjectId::of_user(&self.user)
    }

    /// Opens every sealed field with the subject's key; without one they all become erased.
    pub fn open(&mut self, key: Option<&SubjectKey>) -> Result<(), OpenError> {
        let context = &mut self.context;
        let fields = [
            ("src", &mut context.src),
            ("useragent", &mut context.useragent),
            ("language", &mut context.language),
            ("location", &mut context.location),
            ("platform", &mut context.platform),
            ("vendor", &mut context.vendor),
            ("deviceId", &mut context.device_id),
        ];
        for (name, field) in fields {
            for personal in field.as_mut_slice() {
                personal.0.open(name, key)?;
            }
        }
        Ok(())
    }
}
