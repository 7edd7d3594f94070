//! What events of a call say in words.

use wac_events::invite::*;
use wac_events::presence::*;
use wac_events::room::*;
use wac_events::*;
use wac_projections::*;

use crate::story::at;

fn recorded(position: u64, stream: StreamId, event: impl Into<AnyEvent>) -> Recorded {
    let event = event.into();
    Recorded {
        position: Position(position),
        version: 1,
        event_id: EventId(uuid::Uuid::from_u128(position.into())),
        event_type: event.event_type().into(),
        schema_version: event.schema_version(),
        domain: Some("d1".into()),
        data: event.encode().unwrap(),
        meta: r#"{"actor":{"kind":"user","id":"u1"},"commandId":"00000000-0000-0000-0000-000000000001","correlationId":"o1","session":"s1"}"#.to_owned(),
        occurred_at: at(1),
        recorded_at: at(1),
        stream,
    }
}

fn device_on(node: &str) -> PresenceEvent {
    DeviceRegistered {
        user: "u1".into(),
        session: "s1".into(),
        node: node.into(),
        ringable: true,
        resumed: false,
        at: at(0),
    }
    .into()
}

#[test]
fn a_step_says_who_did_what_and_on_which_node() {
    let mut places = Whereabouts::default();
    places.node("n1".into(), "node one".to_owned());
    Step::of(&recorded(1, UserId::from("u1").presence_stream(), device_on("n1")), &mut places);
    let declined = InviteDeclined { by: "u1".into(), code: 603, over: true, at: at(1) };
    let step = Step::of(&recorded(2, InviteId::from("i1").stream(), InviteEvent::from(declined)), &mut places);
    assert_eq!(step.sentence(|_| "bob".to_owned()), "bob declines (603)");
    assert_eq!((step.code, step.node.as_deref()), (Some(603), Some("node one")));
    assert_eq!(step.by, Some(Actor::User("u1".to_owned())));
    Step::of(&recorded(3, UserId::from("u1").presence_stream(), device_on("n2")), &mut places);
    let left = ParticipantLeft {
        room: "r1".into(),
        opening: "o1".into(),
        seat: 2,
        user: "u1".into(),
        session: "s1".into(),
        reason: LeaveReason::Expelled,
        by: Some("u2".into()),
        at: at(2),
    };
    let step = Step::of(&recorded(4, StreamId::from("room-d1-r1"), RoomEvent::from(left)), &mut places);
    assert_eq!(step.sentence(|user| user.to_string()), "u1 gives back seat 2 (expelled) on account of u2");
    assert_eq!(step.node.as_deref(), Some("n2"), "he had moved to a node without a name");
    assert_eq!(step.users().count(), 2);
}

#[test]
fn a_room_that_gets_a_media_node_says_which_one() {
    let mut places = Whereabouts::default();
    places.node("m1".into(), "media one".to_owned());
    let assigned = |node: &str, instead_of: Option<&str>| MediaAssigned {
        room: "r1".into(),
        opening: "o1".into(),
        node: node.into(),
        instead_of: instead_of.map(NodeId::from),
        at: at(1),
    };
    let mut told = |event: MediaAssigned| {
        let step = Step::of(&recorded(1, StreamId::from("room-d1-r1"), RoomEvent::from(event)), &mut places);
        (step.sentence(|user| user.to_string()), step.node)
    };
    let first = ("its media goes through this node".to_owned(), Some("media one".to_owned()));
    assert_eq!(told(assigned("m1", None)), first);
    let other = ("its media goes through another node from now on".to_owned(), Some("m2".to_owned()));
    assert_eq!(told(assigned("m2", Some("m1"))), other);
}

#[test]
fn what_a_newer_program_has_written_is_told_by_its_name() {
    let mut event = recorded(1, StreamId::from("room-d1-r1"), device_on("n1"));
    event.event_type = "room.painted_red".into();
    let step = Step::of(&event, &mut Whereabouts::default());
    assert_eq!(step.sentence(|user| user.to_string()), "room painted red");
}
