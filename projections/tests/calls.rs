//! What the events of sessions and calls do to the rows.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use wac_events::agent::*;
use wac_events::group::*;
use wac_events::invite::*;
use wac_events::login::*;
use wac_events::node::*;
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

fn key() -> SubjectKey {
    SubjectKey::generate(SubjectId::from("u1"), &FixedEnv)
}

fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

/// A log in memory that seals what it takes, and the rows it gives.
#[derive(Clone, Default)]
struct Story {
    rows: MemTables,
    versions: BTreeMap<StreamId, u64>,
    position: u64,
}

impl Story {
    fn then(mut self, stream: StreamId, event: impl Into<AnyEvent>) -> Self {
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

    fn session(self, event: impl Into<SessionEvent>) -> Self {
        self.then(SessionId::from("s1").stream(), event.into())
    }

    fn presence(self, event: impl Into<PresenceEvent>) -> Self {
        self.then(UserId::from("u1").presence_stream(), event.into())
    }

    fn room(self, event: impl Into<RoomEvent>) -> Self {
        self.then(room().stream(), event.into())
    }

    fn invite(self, event: impl Into<InviteEvent>) -> Self {
        self.then(InviteId::from("i1").stream(), event.into())
    }

    fn transfer(self, event: impl Into<TransferEvent>) -> Self {
        self.then(TransferId::from("t1").stream(), event.into())
    }

    fn group(self, event: impl Into<GroupEvent>) -> Self {
        self.then(GroupId::from("g1").stream(), event.into())
    }

    fn row<T>(&self, table: &'static Table, key: &str, read: impl Fn(&Row) -> Option<T>) -> Option<T> {
        self.rows.select(&Select::key(table, key)).pop().map(|row| read(&row).expect("a row of this table"))
    }

    /// Keys of the rows where `column` holds `value`.
    fn found(&self, table: &'static Table, column: &'static str, value: impl Into<Value>) -> Vec<String> {
        let rows = self.rows.select(&Select::from(table).equals(column, value));
        rows.iter().map(|row| row[table.key()].as_text().unwrap().to_owned()).collect()
    }
}

fn room() -> RoomRef {
    RoomRef { domain: "d1".into(), id: "r1".into() }
}

fn context() -> SessionContext {
    SessionContext { src: Some(Personal::new("192.0.2.7")), ..SessionContext::default() }
}

fn opened() -> SessionOpened {
    SessionOpened {
        id: "s1".into(),
        user: "u1".into(),
        domain: "d1".into(),
        role: Role::User,
        grant: GrantKind::Password,
        client: None,
        context: context(),
        expires_at: at(100),
        at: at(1),
    }
}

fn registered(session: &str) -> DeviceRegistered {
    DeviceRegistered {
        user: "u1".into(),
        session: session.into(),
        node: "n1".into(),
        ringable: true,
        resumed: false,
        at: at(2),
    }
}

fn removed(session: &str) -> DeviceRemoved {
    DeviceRemoved {
        user: "u1".into(),
        session: session.into(),
        reason: DeviceEnd::Lost,
        lost_at: at(3),
        leave_by: at(13),
        unring_by: at(14),
        at: at(3),
    }
}

fn session_of(story: &Story) -> Option<SessionRow> {
    story.row(&SESSIONS, "s1", SessionRow::from_row)
}

#[test]
fn an_opened_session_is_a_sealed_row_that_its_users_key_opens() {
    let story = Story::default().session(opened());
    let mut row = session_of(&story).unwrap();
    assert_eq!(row.context.src.as_ref().unwrap().clear(), None);
    row.open(Some(&key())).unwrap();
    let expected = SessionRow {
        id: "s1".into(),
        user: "u1".into(),
        domain: "d1".into(),
        role: Role::User,
        grant: GrantKind::Password,
        client: None,
        context: context(),
        push_type: None,
        expires_at: at(100),
        opened_at: at(1),
        node: None,
        ringable: false,
        registered_at: None,
        version: 1,
    };
    assert_eq!(row, expected);
    row = session_of(&story).unwrap();
    row.open(None).unwrap();
    assert_eq!(row.context.src.unwrap().0, Cell::Erased);
    assert_eq!(story.found(&SESSIONS, "live_user", "u1"), ["s1"]);
}

#[test]
fn a_session_shows_what_became_of_it_until_it_is_closed_and_gone() {
    let changed = SessionContextChanged { user: "u1".into(), context: SessionContext::default() };
    let push = SessionPushTokenSet { user: "u1".into(), token: Secret::new("pt"), token_type: "fcm".into() };
    let story = Story::default()
        .session(opened())
        .session(SessionExtended { expires_at: at(200) })
        .session(changed)
        .session(push);
    let row = session_of(&story).unwrap();
    assert_eq!((row.expires_at, row.push_type.as_deref(), row.version), (at(200), Some("fcm"), 4));
    assert!(row.context.is_empty());
    let story = story.session(SessionPushTokenRemoved { user: "u1".into() });
    assert_eq!(session_of(&story).unwrap().push_type, None);
    let story = story.session(SessionClosed { user: "u1".into(), reason: SessionEnd::Logout, at: at(9) });
    assert_eq!(session_of(&story.presence(registered("s1"))), None);
}

#[test]
fn a_registered_device_stands_in_its_session_until_it_is_removed() {
    let story = Story::default().session(opened()).presence(registered("s1"));
    let row = session_of(&story).unwrap();
    assert_eq!((row.node, row.ringable, row.registered_at, row.version), (Some("n1".into()), true, Some(at(2)), 1));
    assert_eq!(story.found(&SESSIONS, "node", "n1"), ["s1"]);
    let row = session_of(&story.presence(removed("s1"))).unwrap();
    assert_eq!((row.node, row.ringable, row.registered_at), (None, false, None));
}

#[test]
fn a_lost_device_is_known_until_it_is_back_or_its_session_ends() {
    let lost = Story::default().presence(registered("s1")).presence(removed("s1"));
    let expected = LostDeviceRow { session: "s1".into(), user: "u1".into(), leave_by: at(13), unring_by: at(14) };
    assert_eq!(lost.row(&LOST_DEVICES, "s1", LostDeviceRow::from_row), Some(expected));
    assert!(lost.clone().presence(registered("s1")).found(&LOST_DEVICES, "user", "u1").is_empty());
    assert!(lost.presence(LoggedOut { session: "s1".into() }).found(&LOST_DEVICES, "user", "u1").is_empty());
}

fn presence_of(story: &Story) -> Option<PresenceRow> {
    story.row(&PRESENCE, "u1", PresenceRow::from_row)
}

#[test]
fn presence_begins_with_the_first_event_and_keeps_what_was_said_over_log_outs() {
    let said = PresenceChanged {
        user: "u1".into(),
        activity: Patch::Set(Activity::OnThePhone),
        note: Patch::Set(Some(Personal::new("back soon"))),
        mood: Patch::Set(Some("happy".into())),
    };
    let story = Story::default()
        .presence(LoggedIn { session: "s1".into() })
        .presence(FirstLogin { session: "s1".into() })
        .presence(WentOnline { at: at(2) })
        .presence(said);
    let mut row = presence_of(&story).unwrap();
    assert_eq!(row.note.as_ref().unwrap().clear(), None);
    row.open(Some(&key())).unwrap();
    let expected = PresenceRow {
        user: "u1".into(),
        domain: "d1".into(),
        online: true,
        activity: Activity::OnThePhone,
        note: Some(Personal::new("back soon")),
        mood: Some("happy".into()),
        since: Some(at(2)),
        version: 4,
    };
    assert_eq!(row, expected);
    let row = presence_of(&story.presence(WentOffline { at: at(5) }).presence(FirstLogin { session: "s2".into() }));
    let row = row.unwrap();
    assert_eq!((row.online, row.since, row.activity), (false, Some(at(5)), Activity::OnThePhone));
}

#[test]
fn presence_follows_its_user_into_another_domain_and_goes_with_him() {
    let moved = UserChanged { domain: Patch::Set("d2".into()), ..user_changed() };
    let story = Story::default().presence(LoggedIn { session: "s1".into() });
    let story = story.then("user-u1".into(), UserEvent::from(moved));
    assert_eq!(presence_of(&story).unwrap().domain, "d2".into());
    let deleted = UserDeleted { id: "u1".into(), domain: "d2".into(), cascade: true };
    assert_eq!(presence_of(&story.then("user-u1".into(), UserEvent::from(deleted))), None);
}

fn room_created() -> Story {
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
        at: at(1),
    })
}

fn room_of(story: &Story) -> Option<RoomRow> {
    story.row(&ROOMS, "o1", RoomRow::from_row)
}

fn joined() -> ParticipantJoined {
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

#[test]
fn an_open_room_is_found_by_its_stream_and_its_domain() {
    let story = room_created();
    let expected = RoomRow {
        opening: "o1".into(),
        room: room(),
        kind: RoomKind::Call,
        creator: "u1".into(),
        owner: Some("u1".into()),
        acl: vec!["u2".into()],
        record: false,
        participants_limit: 9,
        created_at: at(1),
        closed_at: None,
        close_reason: None,
    };
    assert_eq!(room_of(&story), Some(expected));
    assert_eq!(story.found(&ROOMS, "open_stream", "room-d1-r1"), ["o1"]);
    assert_eq!(story.found(&ROOMS, "open_domain", "d1"), ["o1"]);
}

#[test]
fn a_rooms_settings_and_owner_change_and_its_end_stays_on_record() {
    let updated =
        RoomUpdated { room: "r1".into(), opening: "o1".into(), acl: Patch::Set(vec![]), record: Patch::Set(true) };
    let ownerless = RoomOwnerChanged { room: "r1".into(), opening: "o1".into(), owner: None };
    let closed = RoomClosed { room: "r1".into(), opening: "o1".into(), reason: RoomEnd::Empty, by: None, at: at(8) };
    let story = room_created().room(updated).room(ownerless).room(closed);
    let row = room_of(&story).unwrap();
    assert_eq!((row.acl.len(), row.record, row.owner), (0, true, None));
    assert_eq!((row.closed_at, row.close_reason), (Some(at(8)), Some(RoomEnd::Empty)));
    assert!(story.found(&ROOMS, "open_stream", "room-d1-r1").is_empty());
    assert!(story.found(&ROOMS, "open_domain", "d1").is_empty());
    assert_eq!(story.found(&ROOMS, "domain", "d1"), ["o1"]);
}

#[test]
fn a_seat_is_live_until_it_is_given_back() {
    let story = room_created().room(joined());
    assert_eq!(story.found(&PARTICIPANTS, "live_session", "s1"), ["o1/1"]);
    assert_eq!(story.found(&PARTICIPANTS, "live", true), ["o1/1"]);
    let left = ParticipantLeft {
        room: "r1".into(),
        opening: "o1".into(),
        seat: 1,
        user: "u1".into(),
        session: "s1".into(),
        reason: LeaveReason::Lost,
        by: None,
        at: at(7),
    };
    let story = story.room(left);
    let expected = ParticipantRow {
        opening: "o1".into(),
        seat: 1,
        room: room(),
        user: "u1".into(),
        session: "s1".into(),
        via: JoinReason::Created,
        invite: None,
        joined_at: at(1),
        left_at: Some(at(7)),
        leave_reason: Some(LeaveReason::Lost),
    };
    assert_eq!(story.row(&PARTICIPANTS, "o1/1", ParticipantRow::from_row), Some(expected));
    for (column, value) in [("live_session", "s1"), ("live_user", "u1")] {
        assert!(story.found(&PARTICIPANTS, column, value).is_empty());
    }
    assert!(story.found(&PARTICIPANTS, "live", true).is_empty());
    assert_eq!(story.found(&PARTICIPANTS, "user", "u1"), ["o1/1"]);
}

fn invited(to: Callee, candidates: &[&str], absent: &[&str]) -> Story {
    Story::default().invite(InviteCreated {
        id: "i1".into(),
        domain: "d1".into(),
        kind: InviteKind::Invite,
        room: Some(room()),
        opening: Some("o1".into()),
        from: "u1".into(),
        from_session: "s1".into(),
        to,
        candidates: candidates.iter().map(|user| UserId::from(*user)).collect(),
        absent: absent.iter().map(|user| UserId::from(*user)).collect(),
        mediatypes: MediaTypes { audio: true, video: true, screen: false },
        context: Some(Personal::new("{}")),
        ring_until: at(30),
        transfer: None,
        at: at(1),
    })
}

fn to_bob() -> Story {
    invited(Callee::User("u2".into()), &["u2"], &[])
}

fn to_group() -> Story {
    invited(Callee::Group("g1".into()), &["u2", "u3"], &["u4"])
}

fn invite_of(story: &Story) -> InviteRow {
    story.row(&INVITES, "i1", InviteRow::from_row).unwrap()
}

fn candidate_of(story: &Story, user: &str) -> (CandidateState, Option<u64>) {
    let row = story.row(&CANDIDATES, &format!("i1/{user}"), CandidateRow::from_row).unwrap();
    (row.state, row.code)
}

fn is_over(story: &Story) -> bool {
    let columns: [(&'static str, Value); 3] =
        [("ringing", true.into()), ("ring_opening", "o1".into()), ("ring_caller", "u1".into())];
    columns.into_iter().all(|(column, value)| story.found(&INVITES, column, value).is_empty())
}

#[test]
fn a_sent_invitation_rings_and_is_found_by_room_caller_and_candidate() {
    let story = to_group();
    let expected = InviteRow {
        id: "i1".into(),
        domain: "d1".into(),
        kind: InviteKind::Invite,
        opening: Some("o1".into()),
        room: Some(room()),
        from: "u1".into(),
        from_session: "s1".into(),
        to: Callee::Group("g1".into()),
        state: InviteState::Ringing,
        code: None,
        mediatypes: MediaTypes { audio: true, video: true, screen: false },
        accepted_by: None,
        accepted_session: None,
        transfer: None,
        ring_until: at(30),
        created_at: at(1),
        ended_at: None,
    };
    assert_eq!(invite_of(&story), expected);
    assert_eq!(story.found(&INVITES, "ring_opening", "o1"), ["i1"]);
    assert_eq!(story.found(&INVITES, "ring_caller", "u1"), ["i1"]);
    assert_eq!(story.found(&INVITES, "ringing", true), ["i1"]);
    assert_eq!(story.found(&CANDIDATES, "invite", "i1"), ["i1/u2", "i1/u3", "i1/u4"]);
    assert_eq!(story.found(&CANDIDATES, "live_user", "u4"), ["i1/u4"]);
    assert_eq!(candidate_of(&story, "u2"), (CandidateState::Ringing, None));
    assert_eq!(candidate_of(&story, "u4"), (CandidateState::Absent, None));
}

#[test]
fn candidates_come_and_go_while_it_rings() {
    let added = InviteCandidateAdded { user: "u4".into(), session: "s4".into() };
    let story = to_group().invite(added).invite(InviteCandidateRemoved { user: "u2".into() });
    assert_eq!(candidate_of(&story, "u4").0, CandidateState::Ringing);
    assert_eq!(candidate_of(&story, "u2").0, CandidateState::Absent);
    assert!(!is_over(&story));
}

#[test]
fn an_accepted_invitation_says_who_took_it_and_where() {
    let accepted = InviteAccepted {
        by: "u2".into(),
        session: "s2".into(),
        room: RoomRef { domain: "d1".into(), id: "r2".into() },
        opening: "o2".into(),
        at: at(5),
    };
    let story = to_bob().invite(accepted);
    let row = invite_of(&story);
    assert_eq!((row.state, row.code, row.ended_at), (InviteState::Accepted, Some(200), Some(at(5))));
    assert_eq!((row.accepted_by, row.accepted_session), (Some("u2".into()), Some("s2".into())));
    assert_eq!((row.opening, row.room.map(|room| room.id)), (Some("o2".into()), Some("r2".into())));
    assert_eq!(candidate_of(&story, "u2"), (CandidateState::Accepted, Some(200)));
    assert!(is_over(&story));
    assert!(story.found(&CANDIDATES, "live_user", "u2").is_empty());
}

#[test]
fn a_refusal_ends_an_invitation_to_one_and_not_one_to_a_group() {
    let refused = |over| InviteDeclined { by: "u2".into(), code: 603, over, at: at(5) };
    let story = to_bob().invite(refused(true));
    assert_eq!((invite_of(&story).state, invite_of(&story).code), (InviteState::Declined, Some(603)));
    assert!(is_over(&story));
    let story = to_group().invite(refused(false));
    assert_eq!(invite_of(&story).state, InviteState::Ringing);
    assert_eq!(candidate_of(&story, "u2"), (CandidateState::Declined, Some(603)));
    assert!(story.found(&CANDIDATES, "live_user", "u2").is_empty());
    assert_eq!(story.found(&INVITES, "ringing", true), ["i1"]);
}

#[test]
fn every_other_end_of_an_invitation_has_its_state_and_code() {
    let cancelled = InviteCancelled { code: 487, reason: CancelReason::Requested, at: at(5) };
    let ends: [(InviteEvent, InviteState, u64); 3] = [
        (cancelled.into(), InviteState::DeclinedByCreator, 487),
        (InviteExpired { at: at(5) }.into(), InviteState::DeclinedByTimeout, 408),
        (InviteEnded { code: 480, at: at(5) }.into(), InviteState::Ended, 480),
    ];
    for (event, state, code) in ends {
        let story = to_bob().invite(event);
        let row = invite_of(&story);
        assert_eq!((row.state, row.code, row.ended_at), (state, Some(code), Some(at(5))));
        assert!(is_over(&story));
    }
}

#[test]
fn a_conference_is_known_to_everybody_who_sat_in_it_or_was_invited_to_it_once() {
    let story = to_group().room(joined()).room(ParticipantJoined { seat: 2, session: "s9".into(), ..joined() });
    let found = story.found(&CONFERENCE_USERS, "opening", "o1");
    assert_eq!(found, ["o1/u1", "o1/u2", "o1/u3", "o1/u4"]);
    assert_eq!(story.found(&CONFERENCE_USERS, "user", "u4"), ["o1/u4"]);
    let row = story.row(&CONFERENCE_USERS, "o1/u1", ConferenceUserRow::from_row);
    assert_eq!(row, Some(ConferenceUserRow { opening: "o1".into(), user: "u1".into() }));
}

fn transfer_asked() -> Story {
    Story::default().transfer(TransferCreated {
        id: "t1".into(),
        domain: "d1".into(),
        kind: TransferKind::Blind,
        by: "u1".into(),
        by_session: "s1".into(),
        party: "u2".into(),
        room: room(),
        opening: "o1".into(),
        to: Some(Callee::Agent("u3".into())),
        target_room: Some(room()),
        mediatypes: MediaTypes { audio: true, video: false, screen: true },
        until: at(30),
        at: at(1),
    })
}

fn transfer_of(story: &Story) -> TransferRow {
    story.row(&TRANSFERS, "t1", TransferRow::from_row).unwrap()
}

#[test]
fn a_transfer_is_pending_until_it_is_completed_or_has_failed() {
    let story = transfer_asked();
    let expected = TransferRow {
        id: "t1".into(),
        domain: "d1".into(),
        kind: TransferKind::Blind,
        opening: "o1".into(),
        by: "u1".into(),
        party: "u2".into(),
        to: Some(Callee::Agent("u3".into())),
        target_room: Some(room()),
        mediatypes: MediaTypes { audio: true, video: false, screen: true },
        state: TransferState::Asked,
        code: None,
        invite: None,
        until: at(30),
        created_at: at(1),
    };
    assert_eq!(transfer_of(&story), expected);
    let calling = story.transfer(TransferAccepted { session: "s2".into(), invite: Some("i9".into()), at: at(2) });
    assert_eq!(transfer_of(&calling).state, TransferState::Calling);
    assert_eq!(transfer_of(&calling).invite, Some("i9".into()));
    assert_eq!(calling.found(&TRANSFERS, "pending_opening", "o1"), ["t1"]);
    let ends: [(TransferEvent, TransferState, u64); 3] = [
        (TransferCompleted { at: at(3) }.into(), TransferState::Completed, 200),
        (TransferDeclined { code: 603, at: at(3) }.into(), TransferState::Declined, 603),
        (TransferFailed { code: 408, at: at(3) }.into(), TransferState::Failed, 408),
    ];
    for (event, state, code) in ends {
        let story = calling.clone().transfer(event);
        assert_eq!((transfer_of(&story).state, transfer_of(&story).code), (state, Some(code)));
        assert!(story.found(&TRANSFERS, "pending_opening", "o1").is_empty());
        assert!(story.found(&TRANSFERS, "pending", true).is_empty());
    }
}

fn group_created() -> Story {
    Story::default().group(GroupCreated {
        id: "g1".into(),
        domain: "d1".into(),
        name: "Sales".into(),
        owner: "u1".into(),
        at: at(1),
    })
}

#[test]
fn a_groups_owner_is_its_first_participant_and_others_stand_behind_him() {
    let story = group_created()
        .group(GroupUserJoined { user: "u0".into(), at: at(2) })
        .group(GroupRenamed { name: "Support".into() });
    let expected = GroupRow {
        id: "g1".into(),
        domain: "d1".into(),
        name: "Support".into(),
        owner: "u1".into(),
        created_at: at(1),
        version: 3,
    };
    assert_eq!(story.row(&GROUPS, "g1", GroupRow::from_row), Some(expected));
    let place = |user: &str| story.row(&GROUP_USERS, &format!("g1/{user}"), GroupUserRow::from_row).unwrap().place;
    assert!(place("u1") < place("u0"));
    assert_eq!(story.found(&GROUP_USERS, "user", "u0"), ["g1/u0"]);
}

#[test]
fn who_leaves_a_group_is_gone_another_owns_it_and_a_removed_group_is_gone() {
    let story = group_created()
        .group(GroupUserJoined { user: "u2".into(), at: at(2) })
        .group(GroupUserLeft { user: "u1".into(), reason: GroupLeaveReason::Left, at: at(3) })
        .group(GroupOwnerChanged { owner: "u2".into() });
    let row = story.row(&GROUPS, "g1", GroupRow::from_row).unwrap();
    assert_eq!((row.owner, row.version), ("u2".into(), 4));
    assert_eq!(story.found(&GROUP_USERS, "group", "g1"), ["g1/u2"]);
    let story = story.group(GroupRemoved { domain: "d1".into(), at: at(4) });
    assert_eq!(story.row(&GROUPS, "g1", GroupRow::from_row), None);
}

fn user_changed() -> UserChanged {
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

fn with_capabilities(story: Story, capabilities: &[&str]) -> Story {
    let capabilities = Patch::Set(capabilities.iter().map(|&name| name.to_owned()).collect());
    story.then("user-u1".into(), UserEvent::from(UserChanged { capabilities, ..user_changed() }))
}

fn agent_of(story: &Story) -> Option<AgentRow> {
    story.row(&AGENTS, "u1", AgentRow::from_row)
}

#[test]
fn who_is_given_the_capability_is_an_agent_until_it_is_taken() {
    let story = with_capabilities(Story::default(), &["+video"]);
    assert_eq!(agent_of(&story), None);
    let story = with_capabilities(story, &["+c2cagent"]);
    let expected = AgentRow { user: "u1".into(), domain: "d1".into(), agent: true, invite: None, idle_since: None };
    assert_eq!(agent_of(&story), Some(expected));
    assert!(!agent_of(&with_capabilities(story, &[])).unwrap().agent);
}

#[test]
fn an_agent_has_his_contact_until_he_is_released() {
    let assigned = AgentAssigned { user: "u1".into(), invite: "i1".into(), at: at(5) };
    let released = AgentReleased { user: "u1".into(), invite: "i1".into(), at: at(9) };
    let story = with_capabilities(Story::default(), &["+c2cagent"]);
    let story = story.then("agent-u1".into(), AgentEvent::from(assigned));
    assert_eq!(agent_of(&story).unwrap().invite, Some("i1".into()));
    let row = agent_of(&story.then("agent-u1".into(), AgentEvent::from(released))).unwrap();
    assert_eq!((row.invite, row.idle_since), (None, Some(at(9))));
}

#[test]
fn a_node_runs_until_it_has_stopped() {
    let started = NodeStarted { id: "n1".into(), name: "left".into(), at: at(1) };
    let stopped = NodeStopped { id: "n1".into(), reason: NodeEnd::Lost, devices_by: at(12), at: at(2) };
    let story = Story::default().then("node-n1".into(), NodeEvent::from(started));
    assert_eq!(story.found(&NODES, "running", true), ["n1"]);
    let story = story.then("node-n1".into(), NodeEvent::from(stopped));
    let expected = NodeRow {
        id: "n1".into(),
        name: "left".into(),
        started_at: at(1),
        stopped_at: Some(at(2)),
        devices_by: Some(at(12)),
        running: false,
    };
    assert_eq!(story.row(&NODES, "n1", NodeRow::from_row), Some(expected));
    assert!(story.found(&NODES, "running", true).is_empty());
}

#[test]
fn an_alarm_about_log_ins_is_a_row_and_a_failed_one_is_not() {
    let failed = LoginFailed {
        domain: "d1".into(),
        user: None,
        name: Personal::new("mallory"),
        src: None,
        useragent: None,
        reason: "unknown_user".into(),
        count: 1,
        at: at(1),
    };
    let raised =
        LoginAlarmRaised { domain: "d1".into(), user: Some("u1".into()), failures: 5, window_s: 10, at: at(2) };
    let story = Story::default()
        .then(login_stream("k1"), LoginEvent::from(failed))
        .then(login_stream("k1"), LoginEvent::from(raised));
    let rows = story.rows.select(&Select::from(&LOGIN_ALARMS).equals("domain", "d1"));
    let rows: Vec<LoginAlarmRow> = rows.iter().filter_map(LoginAlarmRow::from_row).collect();
    let expected = LoginAlarmRow {
        id: EventId(uuid::Uuid::from_u128(2)).0.to_string(),
        domain: "d1".into(),
        user: Some("u1".into()),
        failures: 5,
        window_s: 10,
        at: at(2),
    };
    assert_eq!(rows, [expected]);
}
