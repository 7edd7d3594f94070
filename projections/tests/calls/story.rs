//! A log in memory that gives rows, and the events several tests begin with.

use std::collections::BTreeMap;

use wac_events::group::*;
use wac_events::invite::*;
use wac_events::presence::*;
use wac_events::room::*;
use wac_events::session::*;
use wac_events::transfer::*;
use wac_events::user::*;
use wac_events::*;
use wac_projections::*;

struct FixedEnv;

impl Environment for FixedEnv {
    fn now(&self) -> Time {
        Time::EPOCH
    }

    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

pub(crate) fn key() -> SubjectKey {
    SubjectKey::generate(SubjectId::from("u1"), &FixedEnv)
}

pub(crate) fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

/// A log in memory that seals what it takes, and the rows it gives.
#[derive(Clone, Default)]
pub(crate) struct Story {
    pub(crate) rows: MemTables,
    versions: BTreeMap<StreamId, u64>,
    position: u64,
}

impl Story {
    pub(crate) fn then(mut self, stream: StreamId, event: impl Into<AnyEvent>) -> Self {
        let mut event = event.into();
        event.seal(&key(), &FixedEnv);
        let version = self.versions.entry(stream.clone()).or_default();
        *version += 1;
        self.position += 1;
        let recorded = Recorded {
            position: Position(self.position),
            version: *version,
            event_id: EventId(uuid::Uuid::from_u128(self.position.into())),
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            domain: Some("d1".into()),
            data: event.encode().unwrap(),
            meta: "{}".to_owned(),
            occurred_at: at(0),
            recorded_at: at(0),
            stream,
        };
        let all = all();
        let projections: Vec<&dyn Projection> = all.iter().map(|projection| &**projection).collect();
        self.rows.apply_event(&projections, &recorded).unwrap();
        self
    }

    pub(crate) fn session(self, event: impl Into<SessionEvent>) -> Self {
        self.then(SessionId::from("s1").stream(), event.into())
    }

    pub(crate) fn presence(self, event: impl Into<PresenceEvent>) -> Self {
        self.then(UserId::from("u1").presence_stream(), event.into())
    }

    pub(crate) fn room(self, event: impl Into<RoomEvent>) -> Self {
        self.then(room().stream(), event.into())
    }

    pub(crate) fn invite(self, event: impl Into<InviteEvent>) -> Self {
        self.then(InviteId::from("i1").stream(), event.into())
    }

    pub(crate) fn transfer(self, event: impl Into<TransferEvent>) -> Self {
        self.then(TransferId::from("t1").stream(), event.into())
    }

    pub(crate) fn group(self, event: impl Into<GroupEvent>) -> Self {
        self.then(GroupId::from("g1").stream(), event.into())
    }

    pub(crate) fn row<T>(&self, table: &'static Table, key: &str, read: impl Fn(&Row) -> Option<T>) -> Option<T> {
        self.rows.select(&Select::key(table, key)).pop().map(|row| read(&row).expect("a row of this table"))
    }

    /// Keys of the rows where `column` holds `value`.
    pub(crate) fn found(&self, table: &'static Table, column: &'static str, value: impl Into<Value>) -> Vec<String> {
        let rows = self.rows.select(&Select::from(table).equals(column, value));
        rows.iter().map(|row| row[table.key()].as_text().unwrap().to_owned()).collect()
    }
}

pub(crate) fn room() -> RoomRef {
    RoomRef { domain: "d1".into(), id: "r1".into() }
}

pub(crate) fn room_created() -> Story {
    Story::default().room(RoomCreated {
        room: "r1".into(),
        opening: "o1".into(),
        domain: "d1".into(),
        kind: RoomKind::Call,
        creator: "u1".into(),
        owner: Some("u1".into()),
        acl: vec!["u2".into()],
        record: false,
        participants_limit: 9,
        bitrate_kbps: 512,
        owner_succeeds: true,
        hard_mute: false,
        counted: false,
        at: at(1),
    })
}

pub(crate) fn joined() -> ParticipantJoined {
    ParticipantJoined {
        room: "r1".into(),
        opening: "o1".into(),
        seat: 1,
        user: "u1".into(),
        session: "s1".into(),
        via: JoinReason::Created,
        invite: None,
        at: at(1),
    }
}

pub(crate) fn user_changed() -> UserChanged {
    UserChanged {
        id: "u1".into(),
        domain: Patch::Keep,
        username: Patch::Keep,
        name_key: Patch::Keep,
        role: Patch::Keep,
        email: Patch::Keep,
        mobile_phones: Patch::Keep,
        land_line_number: Patch::Keep,
        alias: Patch::Keep,
        display_name: Patch::Keep,
        capabilities: Patch::Keep,
    }
}
