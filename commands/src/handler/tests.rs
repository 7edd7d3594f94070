use std::sync::atomic::Ordering;

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join_all;
use wac_events::{Actor, CommandId, DomainId, EventLog, KeyStore, Position, Role, SubjectId, UserId};

use super::*;
use crate::testing::*;
use crate::*;

fn started() -> Bench {
    let bench = Bench::new();
    bench.run(base());
    bench.run(child("a"));
    bench
}

fn named(id: &str, key: &str) -> CreateUser {
    CreateUser { id: id.into(), name_key: key.to_owned(), ..user(id, "base") }
}

fn renamed_domain(name: &str) -> ChangeDomain {
    let changes = DomainChanges { name: Some(name.to_owned()), ..DomainChanges::default() };
    ChangeDomain { id: "a".into(), changes, expected_version: None }
}

#[test]
fn an_executed_command_tells_its_position_and_versions() {
    let bench = started();
    let executed = bench.run(user("alice", "base"));
    assert_eq!(executed.position, Position(bench.log.events().len() as u64));
    assert_eq!(executed.version_of.get(&UserId::from("alice").stream()), Some(&1));
    assert_eq!(executed.version_of.len(), 2, "user and reservation, not what was only read");
    assert!(!executed.duplicate);
}

#[test]
fn what_is_appended_is_sealed_and_names_its_command() {
    let bench = started();
    bench.run(user("alice", "base"));
    let created = bench.log.events().pop().unwrap();
    assert!(!created.data.contains("alice@example.org") && created.data.contains("$personal"));
    let meta = created.meta().unwrap();
    assert_eq!(meta.key_id, Some(SubjectId::from("alice")));
    assert_eq!(meta.actor, Actor::System("test".to_owned()));
}

#[test]
fn of_a_hundred_parallel_creations_of_one_name_exactly_one_wins() {
    let bench = started();
    let nodes =
        [bench.handler.clone(), bench.handler.clone(), bench.node(Limits::default()), bench.node(Limits::default())];
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = nodes
            .iter()
            .enumerate()
            .map(|(n, node)| {
                let bench = &bench;
                scope.spawn(move || {
                    let commands: Vec<_> = (0..25).map(|i| named(&format!("u{n}-{i}"), "same")).collect();
                    block_on(join_all(commands.iter().map(|command| node.execute(command, bench.ctx()))))
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let taken = |outcome: &Result<Executed, CommandError>| {
        matches!(outcome, Err(CommandError::Rejected(Rejection::UsernameTaken)))
    };
    assert_eq!(outcomes.iter().filter(|outcome| taken(outcome)).count(), 99, "{outcomes:?}");
}

#[test]
fn commands_of_one_node_never_conflict_with_one_another() {
    let bench = started();
    let commands: Vec<_> = (0..50).map(|n| renamed_domain(&format!("name{n}"))).collect();
    let before = bench.log.appends.load(Ordering::SeqCst);
    let outcomes = block_on(join_all(commands.iter().map(|command| bench.handler.execute(command, bench.ctx()))));
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(bench.log.appends.load(Ordering::SeqCst) - before, 50, "each appended once");
}

#[test]
fn creations_in_one_domain_do_not_wait_for_one_another() {
    let bench = started();
    let commands: Vec<_> = (0..10).map(|n| user(&format!("u{n}"), "base")).collect();
    let before = bench.log.appends.load(Ordering::SeqCst);
    let gate = block_on(bench.log.gate.lock());
    let mut all = join_all(commands.iter().map(|command| bench.handler.execute(command, bench.ctx()))).boxed_local();
    for _ in 0..50 {
        assert!((&mut all).now_or_never().is_none());
    }
    assert_eq!(bench.log.appends.load(Ordering::SeqCst) - before, 10, "all wait for the log together");
    drop(gate);
    assert!(block_on(all).iter().all(Result::is_ok));
}

#[test]
fn a_node_that_was_overtaken_reloads_and_decides_again() {
    let bench = started();
    let other = bench.node(Limits::default());
    block_on(other.execute(&renamed_domain("b.example"), bench.ctx())).unwrap();
    let executed = bench.run(renamed_domain("c.example"));
    assert_eq!(executed.version_of.get(&DomainId::from("a").stream()), Some(&3));
    let refused = block_on(other.execute(&CreateDomain { name: "c.example".to_owned(), ..child("x") }, bench.ctx()));
    assert!(matches!(refused, Err(CommandError::Rejected(Rejection::DomainNameTaken))));
}

#[test]
fn a_refusal_on_remembered_state_is_checked_with_the_log() {
    let bench = started();
    bench.run(user("alice", "base"));
    let delete = DeleteUser { id: "alice".into(), cascade: true, erase: false, expected_version: None };
    block_on(bench.node(Limits::default()).execute(&delete, bench.ctx())).unwrap();
    bench.run(CreateUser { id: "second".into(), ..user("alice", "base") });
}

#[test]
fn a_change_another_node_has_undone_is_no_empty_success() {
    let bench = started();
    bench.run(renamed_domain("b.example"));
    block_on(bench.node(Limits::default()).execute(&renamed_domain("c.example"), bench.ctx())).unwrap();
    assert_eq!(bench.run(renamed_domain("b.example")).version_of.len(), 3);
}

#[test]
fn nothing_to_do_appends_nothing_and_tells_what_was_seen() {
    let bench = started();
    let before = bench.log.events().len();
    let executed = bench.run(renamed_domain("a.example"));
    assert_eq!((bench.log.events().len(), executed.facts.len()), (before, 0));
    assert_eq!(executed.position, Position(before as u64));
}

#[test]
fn endless_conflicts_end_in_contention() {
    let bench = started();
    bench.log.always_conflict.store(true, Ordering::SeqCst);
    let before = bench.log.appends.load(Ordering::SeqCst);
    let outcome = block_on(bench.handler.execute(&user("alice", "base"), bench.ctx()));
    assert!(matches!(outcome, Err(CommandError::Contention)), "{outcome:?}");
    assert_eq!(bench.log.appends.load(Ordering::SeqCst) - before, Limits::default().attempts_max);
}

#[test]
fn a_repeated_command_returns_its_first_result() {
    let bench = started();
    let ctx = Context { idempotency: Idempotency::Before, request: Some("r".to_owned()), ..bench.ctx() };
    let first = block_on(bench.handler.execute(&user("alice", "base"), ctx.clone())).unwrap();
    let node = bench.node(Limits::default());
    let second = block_on(node.execute(&user("alice", "base"), ctx.clone())).unwrap();
    assert!(second.duplicate && !first.duplicate);
    assert_eq!((second.position, second.facts, second.version_of), (first.position, first.facts, first.version_of));
    let other = Context { request: Some("another".to_owned()), ..ctx };
    assert!(matches!(block_on(node.execute(&user("bob", "base"), other)), Err(CommandError::IdempotencyMismatch)));
}

#[test]
fn a_repeat_that_reaches_the_log_is_noticed_there() {
    let bench = started();
    let ctx = bench.ctx();
    block_on(bench.handler.execute(&renamed_domain("b.example"), ctx.clone())).unwrap();
    let again = block_on(bench.handler.execute(&renamed_domain("c.example"), ctx)).unwrap();
    assert!(again.duplicate);
    assert_eq!(again.version_of.get(&DomainId::from("a").stream()), Some(&2));
}

#[test]
fn the_same_command_twice_at_once_is_in_progress() {
    let bench = started();
    let ctx = bench.ctx();
    let command = user("alice", "base");
    let gate = block_on(bench.log.gate.lock());
    let mut first = bench.handler.execute(&command, ctx.clone()).boxed_local();
    assert!((&mut first).now_or_never().is_none());
    assert!(matches!(block_on(bench.handler.execute(&command, ctx.clone())), Err(CommandError::InProgress)));
    drop(gate);
    assert!(block_on(first).is_ok());
    let after = Context { idempotency: Idempotency::Before, ..ctx };
    assert!(block_on(bench.handler.execute(&command, after)).unwrap().duplicate);
}

#[test]
fn a_dropped_execution_gives_everything_back() {
    let bench = started();
    let ctx = bench.ctx();
    let command = user("alice", "base");
    let gate = block_on(bench.log.gate.lock());
    let mut first = bench.handler.execute(&command, ctx.clone()).boxed_local();
    for _ in 0..20 {
        assert!((&mut first).now_or_never().is_none());
    }
    drop(first);
    drop(gate);
    assert!(block_on(bench.handler.execute(&command, ctx)).is_ok());
}

#[test]
fn a_lost_answer_is_looked_up() {
    let bench = started();
    bench.log.lose_answers.store(true, Ordering::SeqCst);
    let executed = bench.run(user("alice", "base"));
    assert_eq!(executed.facts.len(), 2);
    bench.log.forget_outcomes.store(true, Ordering::SeqCst);
    let ctx = bench.ctx();
    let outcome = block_on(bench.handler.execute(&user("bob", "base"), ctx.clone()));
    assert!(matches!(outcome, Err(CommandError::OutcomeUnknown(id)) if id == ctx.command_id));
}

#[test]
fn a_full_mailbox_is_a_clear_answer() {
    let bench = started();
    let node = bench.node(Limits { mailbox_max: 2, ..Limits::default() });
    let commands: Vec<_> = (0..5).map(|n| user(&format!("u{n}"), "base")).collect();
    let outcomes = block_on(join_all(commands.iter().map(|command| node.execute(command, bench.ctx()))));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2);
    let busy = |o: &&Result<Executed, CommandError>| matches!(o, Err(CommandError::Unavailable { cause: None, .. }));
    assert_eq!(outcomes.iter().filter(busy).count(), 3);
    assert!(block_on(node.execute(&user("later", "base"), bench.ctx())).is_ok(), "places are given back");
}

#[test]
fn remembered_state_equals_what_the_log_folds_to() {
    let bench = started();
    bench.run(user("alice", "base"));
    bench.run(basic("c", "alice"));
    bench.run(token("t", "alice"));
    let streams: Vec<StreamId> = ["user-alice", "credential-c", "token-t", "domain-a"].map(StreamId::from).to_vec();
    let remembered = block_on(bench.handler.load(&streams)).unwrap();
    let folded = block_on(bench.node(Limits::default()).load(&streams)).unwrap();
    for stream in &streams {
        assert_eq!(remembered.state(stream), folded.state(stream));
        assert_eq!(remembered.state(stream).map(State::version), Some(1));
    }
    assert_eq!(folded.user(&"alice".into()).username.clear(), Some("alice"));
}

#[test]
fn a_remembered_stream_is_not_read_again() {
    let bench = started();
    bench.run(renamed_domain("b.example"));
    let before = bench.log.stream_reads.load(Ordering::SeqCst);
    let changes = DomainChanges { enable_anonymous: Some(false), ..DomainChanges::default() };
    bench.run(ChangeDomain { id: "a".into(), changes, expected_version: None });
    assert_eq!(bench.log.stream_reads.load(Ordering::SeqCst), before);
}

#[test]
fn a_state_of_the_past_is_folded_up_to_its_position() {
    let bench = started();
    let then = block_on(bench.log.head()).unwrap().position;
    bench.run(renamed_domain("b.example"));
    let State::Domain(domain) = block_on(bench.handler.load_at(&DomainId::from("a").stream(), then)).unwrap() else {
        panic!("a domain")
    };
    assert_eq!(domain.name, "a.example");
}

#[test]
fn a_state_that_is_remembered_is_not_folded_again_from_the_beginning() {
    let bench = started();
    let executed = bench.run(renamed_domain("b.example"));
    let stream = DomainId::from("a").stream();
    let before = bench.log.events_read.load(Ordering::SeqCst);
    let state = block_on(bench.handler.load_at(&stream, executed.position)).unwrap();
    assert_eq!(state.version(), 2);
    assert_eq!(bench.log.events_read.load(Ordering::SeqCst), before, "what the command left is remembered");
    bench.run(renamed_domain("c.example"));
    let state = block_on(bench.handler.load_at(&stream, executed.position)).unwrap();
    assert_eq!(state.version(), 2, "a newer state is not taken for an older one");
}

#[test]
fn an_erased_person_is_nowhere_in_memory_and_takes_no_new_data() {
    let bench = started();
    bench.run(user("alice", "base"));
    block_on(bench.keys.destroy(&"alice".into())).unwrap();
    bench.handler.forget(&"alice".into());
    let world = block_on(bench.handler.load(&["user-alice".into()])).unwrap();
    assert_eq!(world.user(&"alice".into()).username, wac_events::Personal(wac_events::Cell::Erased));
    let changes = UserChanges { alias: Some("back".to_owned()), ..UserChanges::default() };
    let change = ChangeUser { id: "alice".into(), changes, expected_version: None };
    let outcome = block_on(bench.handler.execute(&change, bench.ctx()));
    assert!(matches!(outcome, Err(CommandError::Rejected(Rejection::SubjectErased { .. }))), "{outcome:?}");
}

#[test]
fn two_administrators_who_remove_each_other_at_once_leave_one() {
    let bench = started();
    bench.run(admin("root"));
    bench.run(admin("second"));
    let by = |actor: &str| Context { actor: Actor::User(actor.to_owned()), ..bench.ctx() };
    let delete = |id: &str| DeleteUser { id: id.into(), cascade: true, erase: false, expected_version: None };
    let (one, two) = (delete("root"), delete("second"));
    let nodes = [bench.node(Limits::default()), bench.node(Limits::default())];
    let outcomes = block_on(join_all([nodes[0].execute(&one, by("second")), nodes[1].execute(&two, by("root"))]));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let world = block_on(bench.handler.load(&["user-root".into(), "user-second".into()])).unwrap();
    let left = ["root", "second"].into_iter().map(|id| world.user(&id.into()).clone());
    assert_eq!(left.filter(|user| user.exists() && user.role == Role::Admin).count(), 1);
}

struct Careless;

impl Command for Careless {
    fn name(&self) -> &'static str {
        "careless"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        Vec::new()
    }

    fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        let _ = world.domain(&"base".into()).exists();
        Ok(Vec::new())
    }
}

struct Greedy;

impl Command for Greedy {
    fn name(&self) -> &'static str {
        "greedy"
    }

    fn reads(&self, world: &World) -> Vec<StreamId> {
        let known = (0..).take_while(|n| world.state(&StreamId::from(format!("user-{n}"))).is_some()).count();
        vec![StreamId::from(format!("user-{known}"))]
    }

    fn decide(&self, _: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        Ok(Vec::new())
    }
}

#[test]
fn a_command_that_breaks_the_rules_is_a_bug_with_a_name() {
    let bench = started();
    for command in [&Careless as &dyn Command, &Greedy] {
        let outcome = block_on(bench.handler.execute(command, bench.ctx()));
        assert!(matches!(outcome, Err(CommandError::Internal(InternalError::Command { .. }))), "{}", command.name());
    }
}

#[test]
fn command_ids_make_no_difference_to_other_commands() {
    let bench = started();
    let ctx = Context {
        idempotency: Idempotency::Before,
        command_id: CommandId::derived("test", "never used"),
        ..bench.ctx()
    };
    assert!(block_on(bench.handler.repeated(&ctx)).unwrap().is_none());
}

/// A call that rings with Bob.
fn ringing() -> Bench {
    let bench = started();
    bench.run(start("n1"));
    for id in ["alice", "bob"] {
        bench.run(user(id, "base"));
        bench.run(login(id));
        bench.run(register(id));
    }
    bench.run(opens("alice", "r"));
    bench.run(calls("alice", "i", "bob"));
    bench
}

fn keyed(bench: &Bench, key: &str, request: &str) -> Context {
    Context {
        command_id: CommandId::derived("bob", key),
        idempotency: Idempotency::Refusal,
        request: Some(request.to_owned()),
        ..bench.ctx()
    }
}

#[test]
fn a_repeated_accept_gets_its_first_answer_although_it_would_be_refused_now() {
    let bench = ringing();
    let accept = |request: &str| block_on(bench.handler.execute(&accepts("bob", "i"), keyed(&bench, "1", request)));
    let first = accept("a").unwrap();
    let before = bench.log.events().len();
    let again = accept("a").unwrap();
    assert!(again.duplicate && !first.duplicate);
    assert_eq!((again.position, again.facts.len()), (first.position, first.facts.len()));
    assert_eq!(bench.log.events().len(), before);
    assert!(matches!(accept("other"), Err(CommandError::IdempotencyMismatch)));
    let other_node = bench.node(Limits::default());
    let again = block_on(other_node.execute(&accepts("bob", "i"), keyed(&bench, "1", "a"))).unwrap();
    assert_eq!(again.position, first.position, "whichever node is asked");
}

#[test]
fn an_accept_that_was_never_accepted_stays_refused() {
    let bench = ringing();
    bench.run(cancels("alice", "i"));
    for _ in 0..2 {
        let refused = block_on(bench.handler.execute(&accepts("bob", "i"), keyed(&bench, "1", "a")));
        assert!(matches!(refused, Err(CommandError::Rejected(Rejection::InviteOver))));
    }
}

#[test]
fn what_was_refused_is_decided_again_under_the_same_key() {
    let bench = ringing();
    let join = || block_on(bench.handler.execute(&joins("bob", "r"), keyed(&bench, "1", "a")));
    assert!(matches!(join(), Err(CommandError::Rejected(Rejection::NotAllowed))));
    bench.run(room::UpdateRoom {
        room: room("r"),
        by: "alice".into(),
        as_admin: false,
        acl: Some(vec!["bob".into()]),
        record: None,
    });
    assert!(!join().unwrap().duplicate);
    let nothing_to_do = join().unwrap();
    assert!(nothing_to_do.duplicate && !nothing_to_do.facts.is_empty(), "its first answer");
}

#[test]
fn a_preview_tells_what_would_happen_and_nothing_does() {
    let bench = ringing();
    let before = bench.log.events().len();
    let facts = block_on(bench.handler.preview(&accepts("bob", "i"), &bench.ctx())).unwrap();
    let types: Vec<_> = facts.iter().map(|fact| fact.event.event_type()).collect();
    assert_eq!(types, ["invite.accepted", "room.participant_joined"]);
    assert_eq!(bench.log.events().len(), before);
    let refused = block_on(bench.handler.preview(&accepts("alice", "i"), &bench.ctx()));
    assert!(matches!(refused, Err(CommandError::Rejected(Rejection::NotFound { .. }))));
}

#[test]
fn of_many_who_accept_at_once_on_several_nodes_exactly_one_wins() {
    let bench = ringing();
    for n in 0..8 {
        bench.run(login(&format!("bob/d{n}")));
        bench.run(register(&format!("bob/d{n}")));
    }
    let nodes = [bench.handler.clone(), bench.node(Limits::default())];
    let commands: Vec<_> = (0..8).map(|n| accepts(&format!("bob/d{n}"), "i")).collect();
    let all = commands.iter().enumerate().map(|(n, command)| nodes[n % 2].execute(command, bench.ctx()));
    let outcomes = block_on(join_all(all));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let late = |outcome: &&Result<Executed, CommandError>| {
        matches!(outcome, Err(CommandError::Rejected(Rejection::InviteOver)))
    };
    assert_eq!(outcomes.iter().filter(late).count(), 7, "{outcomes:?}");
}
