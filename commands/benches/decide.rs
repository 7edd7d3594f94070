//! What a decision costs over states in memory: one creation, one change, one fold.

use criterion::{Criterion, criterion_group, criterion_main};
use wac_commands::{ChangeDomain, Command, Context, CreateDomain, CreateUser, DomainChanges, State, World};
use wac_events::{Actor, AnyEvent, CommandId, Role, StreamId, Time};

fn base() -> CreateDomain {
    CreateDomain {
        id: "base".into(),
        name: "quobis".to_owned(),
        parent: None,
        origins: vec![None],
        enable_anonymous: false,
        anonymous_expiration_ms: 0,
        anonymous_capabilities: Vec::new(),
        services: None,
    }
}

fn alice() -> CreateUser {
    CreateUser {
        id: "0190c7a4-0000-7000-8000-000000000001".into(),
        domain: "base".into(),
        username: "alice".to_owned(),
        name_key: "a".repeat(64),
        role: Role::User,
        email: Some("alice@demo.quobis.com".to_owned()),
        mobile_phones: vec!["987654321".to_owned()],
        land_line_number: None,
        alias: "masterOfTheUniverse".to_owned(),
        display_name: None,
        capabilities: Vec::new(),
    }
}

/// A world in which the command's streams have been read.
fn read(command: &dyn Command, events: &[(StreamId, AnyEvent)], actor: &Actor) -> World {
    let mut world = World::folded(actor, events.iter().map(|(stream, event)| (stream, event)));
    for stream in command.reads(&world) {
        world.assume_empty(stream);
    }
    world
}

fn benches(c: &mut Criterion) {
    let actor = Actor::System("bench".to_owned());
    let ctx = Context::new(Time::from_millis(1), actor.clone(), CommandId(uuid::Uuid::nil()));
    let created = base().decide(&read(&base(), &[], &actor), &ctx).expect("accepted");
    let events: Vec<_> = created.into_iter().map(|fact| (fact.stream, fact.event)).collect();
    let user = alice();
    let world = read(&user, &events, &actor);
    c.bench_function("decide/create_user", |b| b.iter(|| user.decide(&world, &ctx)));
    let changes = DomainChanges { enable_anonymous: Some(true), ..DomainChanges::default() };
    let change = ChangeDomain { id: "base".into(), changes, expected_version: None };
    let world = read(&change, &events, &actor);
    c.bench_function("decide/change_domain", |b| b.iter(|| change.decide(&world, &ctx)));
    let facts = user.decide(&read(&user, &events, &actor), &ctx).expect("accepted");
    let event = &facts.last().expect("a creation").event;
    c.bench_function("evolve/user_created", |b| {
        b.iter(|| State::empty("user").expect("known").evolve(event));
    });
}

criterion_group!(decisions, benches);
criterion_main!(decisions);
