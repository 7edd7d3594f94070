//! What a decision costs over states in memory: one creation, one change, one fold; the steps of a call.

use criterion::{Criterion, criterion_group, criterion_main};
use wac_commands::invite::{AcceptInvite, SendInvites, Target, TargetedInvite};
use wac_commands::node::StartNode;
use wac_commands::presence::RegisterDevice;
use wac_commands::room::{CreateRoom, LeaveRoom, RoomRules};
use wac_commands::{
    ChangeDomain, Command, Context, CreateDomain, CreateUser, Device, DomainChanges, IssueToken, OpenSession, State,
    World,
};
use wac_events::room::{LeaveReason, RoomKind};
use wac_events::session::SessionContext;
use wac_events::{Actor, AnyEvent, CommandId, GrantKind, InviteKind, MediaTypes, Role, RoomRef, StreamId, Time};

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

type Events = Vec<(StreamId, AnyEvent)>;

fn happen(events: &mut Events, command: &dyn Command, ctx: &Context) {
    let facts = command.decide(&read(command, events, &ctx.actor), ctx).expect("accepted");
    events.extend(facts.into_iter().map(|fact| (fact.stream, fact.event)));
}

fn device(user: &str) -> Device {
    Device { user: user.into(), session: format!("s-{user}").as_str().into() }
}

/// A user with a device.
fn arrive(events: &mut Events, name: &str, ctx: &Context) {
    let later = ctx.now.plus(std::time::Duration::from_secs(3600));
    let session = OpenSession { context: SessionContext::default(), expires_at: later };
    let login = IssueToken {
        id: device(name).session.token(),
        grant: GrantKind::Password,
        user: Some(name.into()),
        client: None,
        domain: "base".into(),
        role: Role::User,
        proof: None,
        access_hash: "a".repeat(64),
        access_expires_at: later,
        refresh_hash: None,
        refresh_expires_at: None,
        session: Some(session),
    };
    let user = CreateUser { id: name.into(), username: name.to_owned(), name_key: name.to_owned(), ..alice() };
    happen(events, &user, ctx);
    happen(events, &login, ctx);
    let register = RegisterDevice { device: device(name), node: "n".into(), ringable: true, resumed: false };
    happen(events, &register, ctx);
}

/// The steps of a call of two people: each is decided over all that came before.
fn call(ctx: &Context) -> [Box<dyn Command>; 4] {
    let room = RoomRef { domain: "base".into(), id: "r".into() };
    let create = CreateRoom {
        room: room.clone(),
        opening: "o".into(),
        kind: RoomKind::Call,
        by: device("bob"),
        acl: Vec::new(),
        record: false,
        rules: RoomRules::default(),
        not_in: None,
    };
    let invite = SendInvites {
        kind: InviteKind::Invite,
        by: device("bob"),
        domain: "base".into(),
        room: Some(room.clone()),
        invites: vec![TargetedInvite { id: "i".into(), to: Target::User("carol".into()) }],
        mediatypes: MediaTypes { audio: true, video: true, screen: false },
        context: None,
        ring_until: ctx.now.plus(std::time::Duration::from_secs(30)),
        busy: None,
    };
    let accept =
        AcceptInvite { invite: "i".into(), by: device("carol"), room: None, not_in: Vec::new(), decline: Vec::new() };
    let leave = LeaveRoom { room, device: device("carol"), reason: LeaveReason::Left, unless_registered: false };
    [Box::new(create), Box::new(invite), Box::new(accept), Box::new(leave)]
}

fn calls(c: &mut Criterion) {
    let ctx = Context::new(Time::from_millis(1), Actor::System("bench".to_owned()), CommandId(uuid::Uuid::nil()));
    let mut events = Events::new();
    happen(&mut events, &base(), &ctx);
    happen(&mut events, &StartNode { id: "n".into(), name: "one".to_owned() }, &ctx);
    arrive(&mut events, "bob", &ctx);
    arrive(&mut events, "carol", &ctx);
    for command in call(&ctx) {
        let world = read(&*command, &events, &ctx.actor);
        c.bench_function(&format!("decide/{}", command.name()), |b| b.iter(|| command.decide(&world, &ctx)));
        happen(&mut events, &*command, &ctx);
    }
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

criterion_group!(decisions, benches, calls);
criterion_main!(decisions);
