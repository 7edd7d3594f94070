//! Rules of the managers of calls, sessions and nodes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::select;
use wac_events::invite::CancelReason;
use wac_events::presence::DeviceEnd;
use wac_events::room::LeaveReason;
use wac_events::session::SessionEnd;
use wac_events::{
    AnyEvent, GroupEvent, InviteEvent, NodeId, PresenceEvent, Recorded, RoomEvent, SessionEvent, TransferEvent,
};

use super::*;
use crate::group::{AddGroupUser, CreateGroup};
use crate::invite::*;
use crate::presence::RemoveDevice;
use crate::session::CloseSession;
use crate::testing::*;
use crate::*;

/// Everybody is logged in and has a device.
fn online() -> Bench {
    let bench = Bench::new();
    bench.run(base());
    bench.run(child("a"));
    bench.run(start("n1"));
    for id in PEOPLE {
        bench.run(user(id, "base"));
        bench.run(login(id));
        bench.run(register(id));
    }
    bench
}

fn in_room() -> Bench {
    let bench = online();
    bench.run(opens("alice", "r"));
    bench
}

fn decoded(bench: &Bench) -> Vec<(Recorded, AnyEvent)> {
    let events = bench.log.events().into_iter();
    events.map(|recorded| (recorded.clone(), AnyEvent::decode_recorded(&recorded).unwrap())).collect()
}

fn find<T>(bench: &Bench, pick: impl Fn(&AnyEvent) -> Option<T>) -> Option<T> {
    decoded(bench).iter().find_map(|(_, event)| pick(event))
}

fn times(bench: &Bench, event_type: &str) -> usize {
    bench.log.types().iter().filter(|known| *known == event_type).count()
}

/// Deadlines are met until the log holds an event of this type.
fn wait_for(bench: &Bench, event_type: &str) {
    wait_until(bench, || bench.log.types().iter().any(|known| known == event_type));
}

fn rules() -> CallRules {
    let kept = Duration::from_secs(10);
    CallRules { period: Duration::from_secs(5), devices_kept: kept, seats_kept: kept, ringing_kept: kept }
}

fn wait_until(bench: &Bench, done: impl Fn() -> bool) {
    let ports = bench.ports();
    let rules = rules();
    let watch = async {
        for _ in 0..10_000 {
            if done() {
                return;
            }
            yield_now().await;
        }
        panic!("it never happened: {:?}", bench.log.types());
    };
    block_on(async {
        let running = std::pin::pin!(run_call_deadlines(&ports, &rules));
        select(running, std::pin::pin!(watch)).await;
    });
}

#[test]
fn a_closed_rooms_invitations_are_cancelled_and_its_transfers_fail() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(accepts("bob", "i"));
    bench.run(calls("alice", "j", "carol"));
    bench.run(blind("alice", "t", Target::User("dora".into())));
    bench.run(closes("alice", "r"));
    bench.settle(&bench.ports(), 0);
    let cancelled = find(&bench, |event| match event {
        AnyEvent::Invite(InviteEvent::Cancelled(cancelled)) => Some((cancelled.code, cancelled.reason)),
        _ => None,
    });
    assert_eq!(cancelled, Some((487, CancelReason::RoomClosed)));
    let failed = find(&bench, |event| match event {
        AnyEvent::Transfer(TransferEvent::Failed(failed)) => Some(failed.code),
        _ => None,
    });
    assert_eq!(failed, Some(487));
}

/// Alice and Bob talk, and Alice calls Carol, too.
fn calling_a_third() -> Bench {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(accepts("bob", "i"));
    bench.run(calls("alice", "i2", "carol"));
    bench
}

fn why_cancelled(bench: &Bench) -> Option<(u16, CancelReason)> {
    find(bench, |event| match event {
        AnyEvent::Invite(InviteEvent::Cancelled(cancelled)) => Some((cancelled.code, cancelled.reason)),
        _ => None,
    })
}

#[test]
fn who_leaves_a_room_that_goes_on_calls_nobody_into_it_any_more() {
    let bench = calling_a_third();
    bench.run(leaves("alice", "r"));
    bench.settle(&bench.ports(), 0);
    assert_eq!(why_cancelled(&bench), Some((487, CancelReason::CallerGone)));
    let bench = calling_a_third();
    bench.run(leaves("bob", "r"));
    bench.settle(&bench.ports(), 0);
    assert_eq!(why_cancelled(&bench), None, "who called her is still there");
}

#[test]
fn who_stays_on_another_device_still_calls() {
    let bench = calling_a_third();
    bench.run(login("alice/s2"));
    bench.run(register("alice/s2"));
    bench.run(joins("alice/s2", "r"));
    bench.run(leaves("alice", "r"));
    bench.settle(&bench.ports(), 0);
    assert_eq!(why_cancelled(&bench), None);
}

#[test]
fn the_invitation_of_a_transfer_goes_with_the_room_and_both_end_once() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(accepts("bob", "i"));
    bench.run(blind("alice", "t", Target::User("carol".into())));
    bench.run(agrees("bob", "t"));
    bench.run(closes("alice", "r"));
    bench.settle(&bench.ports(), 0);
    assert_eq!((times(&bench, "invite.cancelled"), times(&bench, "transfer.failed")), (1, 1));
}

#[test]
fn a_device_that_registers_while_it_rings_rings_too() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(login("bob/s2"));
    bench.run(register("bob/s2"));
    bench.settle(&bench.ports(), 0);
    let added = find(&bench, |event| match event {
        AnyEvent::Invite(InviteEvent::CandidateAdded(added)) => Some(added.session.to_string()),
        _ => None,
    });
    assert_eq!(added.as_deref(), Some("s2"));
}

#[test]
fn a_device_that_was_there_before_the_invitation_is_not_rung_twice() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.settle(&bench.ports(), 0);
    assert_eq!(times(&bench, "invite.candidate_added"), 0);
}

#[test]
fn a_device_that_resumes_or_cannot_ring_is_not_rung_again() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(start("n2"));
    bench.run(presence::RegisterDevice { resumed: true, ..register_at("n2", "bob") });
    bench.run(login("bob/s2"));
    bench.run(presence::RegisterDevice { ringable: false, ..register("bob/s2") });
    bench.settle(&bench.ports(), 0);
    assert_eq!(times(&bench, "invite.candidate_added"), 0);
}

#[test]
fn an_invitation_nobody_answers_expires_when_its_time_is_over_and_not_before() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    wait_for(&bench, "invite.expired");
    let (expired, _) = decoded(&bench).pop().unwrap();
    assert!(expired.occurred_at >= later(30) && expired.occurred_at < later(36), "{}", expired.occurred_at);
    let sent = decoded(&bench).into_iter().find(|(event, _)| &*event.event_type == "invite.created").unwrap().0;
    assert_eq!(expired.meta().unwrap().causation_id, Some(sent.event_id));
    assert_eq!(expired.meta().unwrap().correlation_id, "o-r", "it belongs to the call");
}

#[test]
fn a_transfer_nobody_agrees_to_fails_when_its_time_is_over() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(accepts("bob", "i"));
    bench.run(blind("alice", "t", Target::User("carol".into())));
    wait_for(&bench, "transfer.failed");
    let (failed, _) = decoded(&bench).pop().unwrap();
    assert!(failed.occurred_at >= later(20));
}

#[test]
fn a_transfer_whose_target_rings_has_the_invitations_time() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(accepts("bob", "i"));
    bench.run(blind("alice", "t", Target::User("carol".into())));
    bench.run(agrees("bob", "t"));
    wait_for(&bench, "transfer.failed");
    let (failed, _) = decoded(&bench).pop().unwrap();
    assert!(failed.occurred_at >= later(30), "{}", failed.occurred_at);
    assert_eq!(times(&bench, "invite.expired"), 1);
}

#[test]
fn a_session_nobody_uses_ends_with_its_device_and_its_seat() {
    let bench = online();
    bench.run(user("eve", "base"));
    let session = OpenSession { context: Default::default(), expires_at: later(60) };
    bench.run(IssueToken { session: Some(session), ..login("eve") });
    bench.run(register("eve"));
    bench.run(opens("eve", "r"));
    wait_for(&bench, "room.closed");
    assert!(decoded(&bench).pop().unwrap().0.occurred_at >= later(60));
    let ended = find(&bench, |event| match event {
        AnyEvent::Session(SessionEvent::Closed(closed)) => Some(closed.reason),
        _ => None,
    });
    assert_eq!(ended, Some(SessionEnd::Expired));
}

#[test]
fn a_device_that_does_not_come_back_loses_its_seat_and_one_that_does_keeps_it() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(accepts("bob", "i"));
    bench.env.set(later(5));
    bench.run(lost("alice", later(5)));
    bench.run(lost("bob", later(5)));
    bench.run(register("alice"));
    wait_for(&bench, "room.participant_left");
    let (left_at, left) = decoded(&bench)
        .into_iter()
        .find_map(|(recorded, event)| match event {
            AnyEvent::Room(RoomEvent::ParticipantLeft(left)) => Some((recorded.occurred_at, left)),
            _ => None,
        })
        .unwrap();
    assert_eq!((left.user.as_str(), left.reason), ("bob", LeaveReason::Lost));
    assert!(left_at >= later(15) && left_at < later(21), "{left_at}");
}

#[test]
fn who_logs_out_leaves_his_seats_at_once() {
    let bench = in_room();
    bench.env.set(later(1));
    bench.run(CloseSession { id: "s-alice".into(), reason: SessionEnd::Logout });
    wait_for(&bench, "room.closed");
    let (closed, _) = decoded(&bench).pop().unwrap();
    assert_eq!(closed.occurred_at, later(1));
    let reason = find(&bench, |event| match event {
        AnyEvent::Room(RoomEvent::ParticipantLeft(left)) => Some(left.reason),
        _ => None,
    });
    assert_eq!(reason, Some(LeaveReason::Left));
}

#[test]
fn an_invitation_ends_when_the_last_device_that_rang_does_not_come_back() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(lost("bob", now()));
    wait_for(&bench, "invite.ended");
    let (ended, event) = decoded(&bench).pop().unwrap();
    let AnyEvent::Invite(InviteEvent::Ended(outcome)) = event else { unreachable!() };
    assert_eq!(outcome.code, 480);
    assert!(ended.occurred_at >= later(10) && ended.occurred_at < later(16));
}

#[test]
fn what_somebody_sent_is_cancelled_when_his_last_device_does_not_come_back() {
    let bench = online();
    bench.run(asks("alice", "i", Target::User("bob".into())));
    bench.run(lost("alice", now()));
    wait_for(&bench, "invite.cancelled");
    let reason = find(&bench, |event| match event {
        AnyEvent::Invite(InviteEvent::Cancelled(cancelled)) => Some(cancelled.reason),
        _ => None,
    });
    assert_eq!(reason, Some(CancelReason::CallerGone));
}

#[test]
fn the_devices_of_a_node_that_ended_go_unless_they_register_elsewhere() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(accepts("bob", "i"));
    bench.run(start("n2"));
    bench.run(node::StopNode {
        id: "n1".into(),
        reason: wac_events::node::NodeEnd::Lost,
        devices_kept: Duration::from_secs(10),
    });
    bench.run(presence::RegisterDevice { resumed: true, ..register_at("n2", "alice") });
    wait_until(&bench, || times(&bench, "room.participant_left") == 1);
    let removed: Vec<String> = decoded(&bench)
        .iter()
        .filter_map(|(_, event)| match event {
            AnyEvent::Presence(PresenceEvent::DeviceRemoved(removed)) => {
                assert_eq!((removed.reason, removed.lost_at), (DeviceEnd::Lost, now()));
                Some(removed.user.to_string())
            }
            _ => None,
        })
        .collect();
    assert_eq!(removed.len(), 3);
    assert!(!removed.contains(&"alice".to_owned()));
    let State::Room(left) = bench.log.states().remove(&room("r").stream()).unwrap() else { unreachable!() };
    assert!(left.open && left.has(&"alice".into()) && !left.has(&"bob".into()));
}

#[test]
fn several_nodes_that_meet_one_deadline_make_one_fact_of_it() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.env.set(later(30));
    wait_for(&bench, "invite.expired");
    wait_until(&bench, || bench.env_now() >= later(60));
    assert_eq!(times(&bench, "invite.expired"), 1);
}

#[test]
fn what_was_pending_at_the_start_is_known_from_the_read_models() {
    let deadlines =
        Deadlines::of([(later(3), Deadline::Invite("i".into())), (later(1), Deadline::Session("s".into()))]);
    assert_eq!((deadlines.len(), deadlines.next_deadline()), (2, Some(later(1))));
    let due = deadlines.due(later(2), 10);
    assert_eq!(due.iter().map(|(deadline, _)| deadline.clone()).collect::<Vec<_>>(), [Deadline::Session("s".into())]);
    assert!(!deadlines.is_empty());
}

#[test]
fn deadlines_that_were_met_or_passed_by_are_forgotten() {
    let bench = in_room();
    bench.run(calls("alice", "i", "bob"));
    bench.run(accepts("bob", "i"));
    bench.run(lost("bob", now()));
    bench.run(register("bob"));
    let mut deadlines = Deadlines::default();
    decoded(&bench).iter().for_each(|(recorded, event)| deadlines.apply(recorded, event));
    assert_eq!(deadlines.len(), PEOPLE.len(), "one for each session");
    let due = deadlines.due(later(1_000_000), 2);
    assert_eq!(due.len(), 2, "as many as asked for");
}

#[test]
fn a_later_loss_of_another_device_prolongs_the_ringing_and_an_earlier_end_does_not_shorten_it() {
    let bench = online();
    bench.run(login("bob/s2"));
    bench.run(register("bob/s2"));
    bench.run(lost("bob", now()));
    bench.run(RemoveDevice { ringing_kept: Duration::ZERO, reason: DeviceEnd::Closed, ..lost("bob/s2", now()) });
    let mut deadlines = Deadlines::default();
    decoded(&bench).iter().for_each(|(recorded, event)| deadlines.apply(recorded, event));
    let due = deadlines.due(later(10), 100);
    let ringing = due.iter().find(|(deadline, _)| *deadline == Deadline::Ringing("bob".into())).unwrap();
    assert_eq!(ringing.1.at, later(10));
}

#[test]
fn an_exclusive_login_ends_the_users_older_sessions_and_nobody_elses() {
    let bench = online();
    bench.env.set(later(1));
    bench.run(login("alice/s2"));
    let ports = bench.ports();
    bench.settle(&ports, 0);
    assert_eq!(times(&bench, "session.closed"), 0, "unless the operator wants it");
    let ports = bench.ports();
    bench.settle_by(&ports, ProcessRules { exclusive_login: true, ..ProcessRules::default() });
    let closed: Vec<_> = decoded(&bench)
        .into_iter()
        .filter_map(|(recorded, event)| match event {
            AnyEvent::Session(SessionEvent::Closed(closed)) => Some((recorded.stream.to_string(), closed.reason)),
            _ => None,
        })
        .collect();
    assert_eq!(closed, [("session-s-alice".to_owned(), SessionEnd::Superseded)]);
}

fn group(id: &str, owner: &str, domain: &str) -> CreateGroup {
    CreateGroup { id: id.into(), domain: domain.into(), name: id.to_owned(), owner: owner.into() }
}

fn add(group: &str, user: &str) -> AddGroupUser {
    AddGroupUser { group: group.into(), by: "alice".into(), as_admin: true, user: user.into() }
}

#[test]
fn a_deleted_users_sessions_and_group_participations_end() {
    let bench = online();
    bench.run(group("g", "alice", "base"));
    bench.run(add("g", "bob"));
    bench.run(DeleteUser { id: "alice".into(), cascade: true, erase: false, expected_version: None });
    bench.settle(&bench.ports(), 0);
    let states = bench.log.states();
    let State::Group(group) = &states[&wac_events::GroupId::from("g").stream()] else { unreachable!() };
    assert_eq!((group.owner.as_str(), group.users.len()), ("bob", 1));
    let State::Session(session) = &states[&wac_events::SessionId::from("s-alice").stream()] else { unreachable!() };
    assert!(!session.is_open());
    let State::Presence(presence) = &states[&wac_events::UserId::from("alice").presence_stream()] else {
        unreachable!()
    };
    assert!(!presence.has_device() && presence.sessions.is_empty());
}

#[test]
fn who_moves_to_another_domain_leaves_his_groups() {
    let bench = online();
    bench.run(group("g", "alice", "base"));
    bench.run(add("g", "bob"));
    let name = UserName { domain: "a".into(), username: "bob".to_owned(), key: "a-bob".to_owned() };
    let changes = UserChanges { name: Some(name), ..UserChanges::default() };
    bench.run(ChangeUser { id: "bob".into(), changes, expected_version: None });
    bench.settle(&bench.ports(), 0);
    let left = find(&bench, |event| match event {
        AnyEvent::Group(GroupEvent::UserLeft(left)) => Some((left.user.to_string(), left.reason)),
        _ => None,
    });
    assert_eq!(left, Some(("bob".to_owned(), wac_events::group::GroupLeaveReason::Gone)));
}

#[test]
fn a_closing_domains_groups_are_removed_and_its_rooms_closed() {
    let bench = online();
    bench.run(user("eve", "a"));
    bench.run(IssueToken { domain: "a".into(), ..login("eve") });
    bench.run(register("eve"));
    bench.run(group("g", "eve", "a"));
    let in_a = wac_events::RoomRef { domain: "a".into(), id: "r".into() };
    bench.run(room::CreateRoom { room: in_a.clone(), ..opens("eve", "r") });
    bench.run(DeleteDomain { id: "a".into(), cascade: true, inspection: None, expected_version: None });
    bench.settle(&bench.ports(), 0);
    let states = bench.log.states();
    assert!(matches!(&states[&in_a.stream()], State::Room(room) if !room.open));
    assert!(matches!(&states[&wac_events::GroupId::from("g").stream()], State::Group(group) if !group.exists()));
    assert!(matches!(&states[&domain_id("a").stream()], State::Domain(domain) if !domain.exists()));
}

fn heartbeats(bench: &Bench) -> TestHeartbeats {
    TestHeartbeats { env: bench.env.clone(), last: Mutex::new(BTreeMap::new()), alone: false }
}

fn watch_until(bench: &Bench, heartbeats: &TestHeartbeats, done: impl Fn() -> bool) {
    let ports = bench.ports();
    let own = || NodeId::from("n1");
    let rules = NodeRules::default();
    let watch = async {
        for _ in 0..10_000 {
            if done() {
                return;
            }
            yield_now().await;
        }
        panic!("it never happened");
    };
    block_on(async {
        let running = std::pin::pin!(run_node_watch(&ports, heartbeats, &own, &rules));
        select(running, std::pin::pin!(watch)).await;
    });
}

#[test]
fn a_node_that_is_silent_for_too_long_is_lost_and_one_that_is_not_stays() {
    let bench = online();
    bench.run(start("n2"));
    let heartbeats = heartbeats(&bench);
    block_on(heartbeats.beat(&"n2".into())).unwrap();
    watch_until(&bench, &heartbeats, || times(&bench, "node.stopped") > 0);
    let (stopped, event) = decoded(&bench).pop().unwrap();
    let AnyEvent::Node(wac_events::NodeEvent::Stopped(fact)) = event else { unreachable!() };
    assert_eq!((fact.id.as_str(), fact.reason), ("n2", wac_events::node::NodeEnd::Lost));
    assert_eq!(fact.devices_by, stopped.occurred_at.plus(Duration::from_secs(10)));
    assert!(stopped.occurred_at > later(10) && stopped.occurred_at <= later(14), "{}", stopped.occurred_at);
    watch_until(&bench, &heartbeats, || bench.env_now() > later(100));
    assert_eq!(times(&bench, "node.stopped"), 1);
}

#[test]
fn a_node_that_never_gave_a_sign_of_life_is_lost_too() {
    let bench = online();
    bench.run(start("n2"));
    let heartbeats = heartbeats(&bench);
    watch_until(&bench, &heartbeats, || times(&bench, "node.stopped") == 1);
}

#[test]
fn whoever_is_alone_knows_at_once_that_the_others_have_ended() {
    let bench = online();
    bench.run(start("n2"));
    bench.run(node::OfferMedia {
        id: "m1".into(),
        name: "m1".to_owned(),
        server: BTreeMap::from([("wss".to_owned(), "wss://m1/media".to_owned())]),
        sessions_max: 10,
    });
    let heartbeats = TestHeartbeats { alone: true, ..heartbeats(&bench) };
    watch_until(&bench, &heartbeats, || times(&bench, "node.stopped") > 0);
    let (stopped, event) = decoded(&bench).pop().unwrap();
    let AnyEvent::Node(wac_events::NodeEvent::Stopped(fact)) = event else { unreachable!() };
    assert_eq!((fact.id.as_str(), fact.reason), ("n2", wac_events::node::NodeEnd::Lost));
    assert!(stopped.occurred_at <= later(1), "{}", stopped.occurred_at);
    watch_until(&bench, &heartbeats, || bench.env_now() > later(4));
    assert_eq!(times(&bench, "node.stopped"), 1, "a media node may be another process");
}

#[test]
fn who_was_out_of_touch_himself_does_not_judge_others_at_once() {
    let bench = online();
    bench.run(start("n2"));
    let heartbeats = Arc::new(heartbeats(&bench));
    block_on(heartbeats.beat(&"n2".into())).unwrap();
    bench.env.set(later(60));
    watch_until(&bench, &heartbeats, || bench.env_now() >= later(64));
    assert_eq!(times(&bench, "node.stopped"), 0, "n2 has not had a chance yet");
}

fn summary(period: u32, lost: u32) -> crate::ReportMedia {
    report(crate::MediaReport::Measured(wac_events::media::MediaMeasured {
        period,
        duration_ms: 60_000,
        bytes_sent: 0,
        bytes_received: 0,
        lost_sent_permille: None,
        lost_received_permille: Some(lost),
        round_trip_ms: None,
        packets_lost_sent: None,
        packets_lost_received: None,
        jitter_sent_ms: None,
        jitter_received_ms: None,
        tracks: Vec::new(),
        speaking_ms: 0,
        at: wac_events::Time::EPOCH,
    }))
}

fn report(report: crate::MediaReport) -> crate::ReportMedia {
    let of = crate::MediaSessionRef {
        id: "m1".into(),
        domain: "a".into(),
        room: "r".into(),
        opening: "o".into(),
        user: "alice".into(),
        session: "s-alice".into(),
        node: "n1".to_owned(),
        node_id: None,
    };
    crate::ReportMedia { of, report }
}

#[test]
fn a_summary_that_breaks_a_rule_raises_one_alarm_whoever_looks_and_however_often() {
    let bench = online();
    bench.run(report(crate::MediaReport::Connected));
    bench.run(summary(1, 20));
    let rule = wac_events::alarm::AlarmRule::parse("loss: ssrc.packetsLost > 2%").unwrap();
    let rules = || ProcessRules { call_alarms: vec![rule.clone()], ..ProcessRules::default() };
    bench.settle_by(&bench.ports(), rules());
    assert_eq!(times(&bench, "media.alarm_raised"), 0, "2 % are not more than 2 %");
    bench.run(summary(2, 30));
    bench.run(summary(3, 40));
    bench.settle_by(&bench.ports(), rules());
    // Another node, which has not heard of it.
    bench.settle_by(&bench.ports(), rules());
    assert_eq!(times(&bench, "media.alarm_raised"), 1);
    let raised = find(&bench, |event| match event {
        AnyEvent::MediaSession(wac_events::MediaEvent::AlarmRaised(raised)) => Some(raised.clone()),
        _ => None,
    });
    let raised = raised.unwrap();
    assert_eq!((raised.value, raised.period, raised.user.as_str()), (3.0, 2, "alice"));
}

#[test]
fn a_domain_without_the_service_has_no_call_alarms() {
    let bench = online();
    let services = Some([("meetings".to_owned(), Vec::new())].into());
    let changes = crate::DomainChanges { services: Some(services), ..Default::default() };
    bench.run(crate::ChangeDomain { id: "a".into(), changes, expected_version: None });
    bench.run(report(crate::MediaReport::Connected));
    bench.run(summary(1, 500));
    let rule = wac_events::alarm::AlarmRule::parse("loss: ssrc.packetsLost > 2%").unwrap();
    bench.settle_by(&bench.ports(), ProcessRules { call_alarms: vec![rule], ..ProcessRules::default() });
    assert_eq!(times(&bench, "media.alarm_raised"), 0);
}
