//! The newest events of sessions, presence, rooms, invitations, transfers, groups, agents and nodes.

use wac_events::agent::{AgentAssigned, AgentReleased};
use wac_events::alarm::{AlarmCondition, AlarmRule, MediaAlarmAcknowledged, MediaAlarmRaised};
use wac_events::group::{
    GroupCreated, GroupLeaveReason, GroupOwnerChanged, GroupRemoved, GroupRenamed, GroupUserJoined, GroupUserLeft,
};
use wac_events::invite::{
    CancelReason, InviteAccepted, InviteCancelled, InviteCandidateAdded, InviteCandidateRemoved, InviteCreated,
    InviteDeclined, InviteEnded, InviteExpired,
};
use wac_events::login::{LoginAlarmAcknowledged, LoginAlarmRaised, LoginFailed};
use wac_events::media::{
    MediaConnected, MediaDirection, MediaEnd, MediaEnded, MediaFlowed, MediaLimit, MediaMeasured, MediaRefused,
    MediaSource, MediaTrackEnded, MediaTrackMeasured, MediaTrackPublished,
};
use wac_events::node::{MediaDraining, MediaOffered, MediaWithdrawn, NodeEnd, NodeStarted, NodeStopped};
use wac_events::presence::{
    CallEntered, DeviceEnd, DeviceRegistered, DeviceRemoved, FirstLogin, LastLogout, LoggedIn, LoggedOut,
    PresenceChanged, WentOffline, WentOnline,
};
use wac_events::room::{
    JoinReason, LeaveReason, MediaAssigned, ParticipantHeld, ParticipantJoined, ParticipantLeft, ParticipantMuted,
    ParticipantUnheld, RoomClosed, RoomCreated, RoomEnd, RoomKind, RoomOwnerChanged, RoomUpdated,
};
use wac_events::session::{
    SessionClosed, SessionContext, SessionContextChanged, SessionEnd, SessionExtended, SessionOpened,
    SessionPushTokenRemoved, SessionPushTokenSet,
};
use wac_events::transfer::{
    TransferAccepted, TransferCompleted, TransferCreated, TransferDeclined, TransferFailed, TransferKind,
};
use wac_events::{
    Activity, AgentEvent, AnyEvent, Callee, EventId, GrantKind, GroupEvent, InviteEvent, InviteKind, LoginEvent, Media,
    MediaEvent, MediaTypes, NodeEvent, OpeningId, Patch, Personal, PresenceEvent, Role, RoomEvent, RoomRef, Secret,
    SessionEvent, TransferEvent,
};

use crate::newest::{CLIENT, DOMAIN, USER, at, hash};

const OTHER: &str = "0198a1b2-0000-7000-8000-000000000007";
const SESSION: &str = "0198a1b2-0000-7000-8000-000000000008";
const ROOM: &str = "0198a1b2-0000-7000-8000-000000000009";
const INVITE: &str = "0198a1b2-0000-7000-8000-00000000000a";
const TRANSFER: &str = "0198a1b2-0000-7000-8000-00000000000b";
const GROUP: &str = "0198a1b2-0000-7000-8000-00000000000c";
const NODE: &str = "0198a1b2-0000-7000-8000-00000000000d";
const MEDIA: &str = "0198a1b2-0000-7000-8000-00000000000e";

pub(crate) fn events() -> Vec<AnyEvent> {
    let mut events = Vec::new();
    events.extend(sessions().map(AnyEvent::from));
    events.extend(presence().map(AnyEvent::from));
    events.extend(logins().map(AnyEvent::from));
    events.extend(rooms().map(AnyEvent::from));
    events.extend(invites().map(AnyEvent::from));
    events.extend(transfers().map(AnyEvent::from));
    events.extend(groups().map(AnyEvent::from));
    events.extend(agents().map(AnyEvent::from));
    events.extend(nodes().map(AnyEvent::from));
    events.extend(media_sessions().map(AnyEvent::from));
    events
}

fn room() -> RoomRef {
    RoomRef { domain: DOMAIN.into(), id: ROOM.into() }
}

fn opening() -> OpeningId {
    hash(3).into()
}

fn context() -> SessionContext {
    let some = |text: &str| Some(Personal::new(text));
    SessionContext {
        src: some("203.0.113.7"),
        useragent: some("Mozilla/5.0"),
        language: some("es-ES"),
        location: some("Vigo"),
        platform: some("Linux"),
        vendor: some("Example"),
        device_id: some("device-1"),
    }
}

fn sessions() -> [SessionEvent; 6] {
    let opened = SessionOpened {
        id: SESSION.into(),
        user: USER.into(),
        domain: DOMAIN.into(),
        role: Role::User,
        grant: GrantKind::Password,
        client: Some(CLIENT.into()),
        context: context(),
        expires_at: at(1440),
        at: at(0),
    };
    let push =
        SessionPushTokenSet { user: USER.into(), token: Secret::new("push-token"), token_type: "fcm".to_owned() };
    [
        opened.into(),
        SessionContextChanged { user: USER.into(), context: context() }.into(),
        SessionExtended { expires_at: at(2000) }.into(),
        push.into(),
        SessionPushTokenRemoved { user: USER.into() }.into(),
        SessionClosed { user: USER.into(), reason: SessionEnd::Logout, at: at(3) }.into(),
    ]
}

fn presence() -> [PresenceEvent; 10] {
    let registered = DeviceRegistered {
        user: USER.into(),
        session: SESSION.into(),
        node: NODE.into(),
        ringable: true,
        resumed: true,
        at: at(1),
    };
    let removed = DeviceRemoved {
        user: USER.into(),
        session: SESSION.into(),
        reason: DeviceEnd::Lost,
        lost_at: at(2),
        leave_by: at(3),
        unring_by: at(3),
        at: at(3),
    };
    let changed = PresenceChanged {
        user: USER.into(),
        activity: Patch::Set(Activity::OnThePhone),
        note: Patch::Set(Some(Personal::new("back at four"))),
        mood: Patch::Set(Some("happy".to_owned())),
    };
    [
        CallEntered { user: USER.into(), rooms: vec![room()], at: at(1) }.into(),
        LoggedIn { session: SESSION.into() }.into(),
        FirstLogin { session: SESSION.into() }.into(),
        LoggedOut { session: SESSION.into() }.into(),
        LastLogout { session: SESSION.into() }.into(),
        registered.into(),
        removed.into(),
        WentOnline { at: at(1) }.into(),
        WentOffline { at: at(3) }.into(),
        changed.into(),
    ]
}

fn logins() -> [LoginEvent; 3] {
    let failed = LoginFailed {
        domain: DOMAIN.into(),
        user: Some(USER.into()),
        name: Personal::new("alice"),
        src: Some(Personal::new("203.0.113.7")),
        useragent: Some(Personal::new("Mozilla/5.0")),
        reason: "wrong_password".to_owned(),
        count: 1,
        at: at(0),
    };
    let alarm =
        LoginAlarmRaised { domain: DOMAIN.into(), user: Some(USER.into()), failures: 5, window_s: 10, at: at(0) };
    let noticed = LoginAlarmAcknowledged { alarm: alarm_id(), by: Some(OTHER.into()), at: at(1) };
    [failed.into(), alarm.into(), noticed.into()]
}

fn rooms() -> [RoomEvent; 10] {
    let created = RoomCreated {
        room: ROOM.into(),
        opening: opening(),
        domain: DOMAIN.into(),
        kind: RoomKind::Call,
        creator: USER.into(),
        owner: Some(USER.into()),
        acl: vec![OTHER.into()],
        record: true,
        participants_limit: 100,
        bitrate_kbps: 1024,
        owner_succeeds: true,
        hard_mute: true,
        counted: true,
        at: at(0),
    };
    let updated = RoomUpdated {
        room: ROOM.into(),
        opening: opening(),
        acl: Patch::Set(vec![USER.into()]),
        record: Patch::Set(false),
    };
    let joined = ParticipantJoined {
        room: ROOM.into(),
        opening: opening(),
        seat: 2,
        user: OTHER.into(),
        session: SESSION.into(),
        via: JoinReason::Accepted,
        invite: Some(INVITE.into()),
        at: at(1),
    };
    let left = ParticipantLeft {
        room: ROOM.into(),
        opening: opening(),
        seat: 2,
        user: OTHER.into(),
        session: SESSION.into(),
        reason: LeaveReason::Expelled,
        by: Some(USER.into()),
        at: at(2),
    };
    let muted = ParticipantMuted {
        room: ROOM.into(),
        opening: opening(),
        user: OTHER.into(),
        media: Media::Audio,
        muted: true,
        by: USER.into(),
    };
    let (room, instead_of) = (ROOM.into(), Some(MEDIA.into()));
    let assigned = MediaAssigned { room, opening: opening(), node: NODE.into(), instead_of, at: at(2) };
    let closed =
        RoomClosed { room: ROOM.into(), opening: opening(), reason: RoomEnd::Closed, by: Some(USER.into()), at: at(3) };
    [
        created.into(),
        assigned.into(),
        updated.into(),
        RoomOwnerChanged { room: ROOM.into(), opening: opening(), owner: Some(OTHER.into()) }.into(),
        joined.into(),
        left.into(),
        ParticipantHeld { room: ROOM.into(), opening: opening(), user: OTHER.into() }.into(),
        ParticipantUnheld { room: ROOM.into(), opening: opening(), user: OTHER.into() }.into(),
        muted.into(),
        closed.into(),
    ]
}

fn invites() -> [InviteEvent; 8] {
    let created = InviteCreated {
        id: INVITE.into(),
        domain: DOMAIN.into(),
        kind: InviteKind::Invite,
        room: Some(room()),
        opening: Some(opening()),
        from: USER.into(),
        from_session: SESSION.into(),
        to: Callee::Group(GROUP.into()),
        candidates: vec![OTHER.into()],
        absent: vec![USER.into()],
        mediatypes: MediaTypes { audio: true, video: true, screen: true },
        context: Some(Personal::new(r#"{"subject":"lunch"}"#)),
        ring_until: at(1),
        transfer: Some(TRANSFER.into()),
        at: at(0),
    };
    let accepted =
        InviteAccepted { by: OTHER.into(), session: SESSION.into(), room: room(), opening: opening(), at: at(1) };
    [
        created.into(),
        InviteCandidateAdded { user: OTHER.into(), session: SESSION.into() }.into(),
        InviteCandidateRemoved { user: OTHER.into() }.into(),
        accepted.into(),
        InviteDeclined { by: OTHER.into(), code: 603, over: true, at: at(1) }.into(),
        InviteCancelled { code: 487, reason: CancelReason::Requested, at: at(1) }.into(),
        InviteExpired { at: at(1) }.into(),
        InviteEnded { code: 480, at: at(1) }.into(),
    ]
}

fn transfers() -> [TransferEvent; 5] {
    let created = TransferCreated {
        id: TRANSFER.into(),
        domain: DOMAIN.into(),
        kind: TransferKind::Blind,
        by: USER.into(),
        by_session: SESSION.into(),
        party: OTHER.into(),
        room: room(),
        opening: opening(),
        to: Some(Callee::User(OTHER.into())),
        target_room: Some(room()),
        mediatypes: MediaTypes { audio: true, video: false, screen: false },
        until: at(1),
        at: at(0),
    };
    [
        created.into(),
        TransferAccepted { session: SESSION.into(), invite: Some(INVITE.into()), at: at(1) }.into(),
        TransferDeclined { code: 603, at: at(1) }.into(),
        TransferCompleted { at: at(1) }.into(),
        TransferFailed { code: 408, at: at(1) }.into(),
    ]
}

fn groups() -> [GroupEvent; 6] {
    let created = GroupCreated {
        id: GROUP.into(),
        domain: DOMAIN.into(),
        name: "support".to_owned(),
        owner: USER.into(),
        at: at(0),
    };
    [
        created.into(),
        GroupRenamed { name: "sales".to_owned() }.into(),
        GroupOwnerChanged { owner: OTHER.into() }.into(),
        GroupUserJoined { user: OTHER.into(), at: at(1) }.into(),
        GroupUserLeft { user: OTHER.into(), reason: GroupLeaveReason::Removed, at: at(2) }.into(),
        GroupRemoved { domain: DOMAIN.into(), at: at(3) }.into(),
    ]
}

fn agents() -> [AgentEvent; 2] {
    [
        AgentAssigned { user: USER.into(), invite: INVITE.into(), at: at(0) }.into(),
        AgentReleased { user: USER.into(), invite: INVITE.into(), at: at(1) }.into(),
    ]
}

fn media_sessions() -> [MediaEvent; 9] {
    let connected = MediaConnected {
        id: MEDIA.into(),
        domain: DOMAIN.into(),
        room: ROOM.into(),
        opening: opening(),
        user: USER.into(),
        session: SESSION.into(),
        node: "node-1".to_owned(),
        node_id: Some(NODE.into()),
        at: at(0),
    };
    let measured = MediaMeasured {
        period: 1,
        duration_ms: 60_000,
        bytes_sent: 7_500_000,
        bytes_received: 15_000_000,
        lost_sent_permille: Some(3),
        lost_received_permille: Some(11),
        round_trip_ms: Some(24),
        packets_lost_sent: Some(18),
        packets_lost_received: Some(97),
        jitter_sent_ms: Some(3),
        jitter_received_ms: Some(9),
        tracks: vec![MediaTrackMeasured {
            direction: MediaDirection::Sent,
            track: "7".to_owned(),
            source: MediaSource::ScreenAudio,
            bytes: 7_500_000,
            packets: 6_000,
            packets_lost: Some(18),
            jitter_ms: Some(3),
        }],
        speaking_ms: 20_000,
        at: at(4),
    };
    let refused = MediaRefused {
        id: "m2".into(),
        domain: connected.domain.clone(),
        room: connected.room.clone(),
        opening: opening(),
        user: USER.into(),
        session: SESSION.into(),
        node: "node-1".to_owned(),
        limit: MediaLimit::Participants,
        at: at(6),
    };
    [
        connected.into(),
        refused.into(),
        MediaFlowed { direction: MediaDirection::Sent, at: at(1) }.into(),
        MediaTrackPublished { track: "7".to_owned(), source: MediaSource::ScreenAudio, at: at(2) }.into(),
        MediaTrackEnded { track: "7".to_owned(), at: at(3) }.into(),
        measured.into(),
        MediaEnded { reason: MediaEnd::Left, at: at(5) }.into(),
        alarm().into(),
        MediaAlarmAcknowledged { alarm: alarm_id(), rule: "main".to_owned(), by: Some(USER.into()), at: at(7) }.into(),
    ]
}

fn alarm_id() -> EventId {
    EventId(uuid::Uuid::from_u128(0x0198_a1b2_0000_7000_8000_0000_0000_00a1))
}

fn alarm() -> MediaAlarmRaised {
    let rule = AlarmRule {
        id: "main".to_owned(),
        section: "ssrc".to_owned(),
        value: "packetsLost".to_owned(),
        cond: AlarmCondition::Greater,
        threshold: 2.5,
        relative: true,
    };
    MediaAlarmRaised {
        domain: DOMAIN.into(),
        opening: opening(),
        user: USER.into(),
        rule,
        value: 3.5,
        period: 1,
        at: at(6),
    }
}

fn nodes() -> [NodeEvent; 5] {
    let server = [("https", "https://media-1.example"), ("wss", "wss://media-1.example/media")];
    let server = server.map(|(protocol, url)| (protocol.to_owned(), url.to_owned())).into();
    [
        NodeStarted { id: NODE.into(), name: "node-1".to_owned(), at: at(0) }.into(),
        MediaOffered { id: NODE.into(), server, sessions_max: 2_000, at: at(0) }.into(),
        MediaDraining { id: NODE.into(), at: at(1) }.into(),
        MediaWithdrawn { id: NODE.into(), at: at(1) }.into(),
        NodeStopped { id: NODE.into(), reason: NodeEnd::Lost, devices_by: at(2), at: at(1) }.into(),
    ]
}
