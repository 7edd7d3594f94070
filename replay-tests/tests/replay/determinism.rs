//! Folding is a function of the events and of nothing else, whatever the events are.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use tokio::runtime::Runtime;
use wac_commands::{
    ChangeDomain, ChangeUser, Command, CommandError, CommandHandler, CreateCredential, CreateDomain, CreateUser,
    CredentialData, DeleteDomain, DeleteUser, DomainChanges, IssueToken, Limits, RefreshToken, RevokeToken,
    UserChanges, UserName, name_key,
};
use wac_events::credential::{CredentialLeased, CredentialRevoked, RevocationReason};
use wac_events::domain::{DomainChanged, DomainClosing, DomainCreated, DomainDeleted};
use wac_events::oauth::{ClientDeleted, ClientSecretRotated, TokenRevocation, TokenRevoked};
use wac_events::reservation::{ReservationReleased, ReservationTaken};
use wac_events::user::{SubjectErased, UserChanged, UserCreated, UserDeleted};
use wac_events::{
    AnyEvent, ClientEvent, CredentialEvent, CredentialKind, DomainEvent, Environment, EventId, GrantKind, KeyStore,
    MasterKey, Patch, Personal, PersonalFields, Position, Recorded, ReservationEvent, Reserved, Role, StreamId,
    SubjectEvent, SubjectKey, Time, TokenEvent, UserEvent, UserId,
};
use wac_projections::MemTables;
use wac_replay_tests::environment::SimEnvironment;
use wac_replay_tests::fold::{self, States};
use wac_replay_tests::platform::Platform;
use wac_replay_tests::{databases, story};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Numbers a generated event is made of: which kind, which object, and variations.
type Seed = (u8, u8, u8, u16);

/// Any event on any stream of a few, in any order, sensible or not.
fn event((kind, object, other, value): Seed) -> (StreamId, AnyEvent) {
    let at = Time::from_millis(i64::from(value) * 1_000);
    let (id, other_id) = (format!("{}", object % 3), format!("{}", other % 3));
    let user: UserId = id.as_str().into();
    match kind % 16 {
        0 => {
            let created = DomainCreated {
                id: id.as_str().into(),
                name: format!("d{value}"),
                parent: (other % 2 == 0).then(|| other_id.as_str().into()),
                origins: vec![None, Some(format!("*.{value}"))],
                enable_anonymous: other % 2 == 1,
                anonymous_expiration_ms: u64::from(value),
                anonymous_capabilities: Vec::new(),
                services: None,
                at,
            };
            (created.id.stream(), DomainEvent::from(created).into())
        }
        1 => {
            let changed = DomainChanged { name: Patch::Set(format!("n{value}")), ..DomainChanged::default() };
            (StreamId::of("domain", &id), DomainEvent::from(changed).into())
        }
        2 => (StreamId::of("domain", &id), DomainEvent::from(DomainClosing { at }).into()),
        3 => {
            let deleted = DomainDeleted { name: format!("n{value}"), domain: None };
            (StreamId::of("domain", &id), DomainEvent::from(deleted).into())
        }
        4 | 5 => (user.stream(), UserEvent::from(user_created(user, &other_id, value, at)).into()),
        6 | 7 => {
            let changed = UserChanged {
                email: Patch::Set((other % 2 == 0).then(|| Personal::new(format!("{value}@example.org")))),
                mobile_phones: Patch::Set(vec![Personal::new(format!("+{value}")); usize::from(other % 3)]),
                ..UserChanged::nothing(user.clone())
            };
            (user.stream(), UserEvent::from(changed).into())
        }
        8 => {
            let deleted = UserDeleted { id: user.clone(), domain: other_id.as_str().into(), cascade: other % 2 == 0 };
            (user.stream(), UserEvent::from(deleted).into())
        }
        9 => {
            let subject = wac_events::SubjectId::of_user(&user);
            (subject.stream(), SubjectEvent::from(SubjectErased { subject: subject.clone(), at }).into())
        }
        10 => {
            let leased = CredentialLeased { holder: other_id.as_str().into(), until: at };
            (StreamId::of("credential", &id), CredentialEvent::from(leased).into())
        }
        11 => {
            let revoked = CredentialRevoked { reason: RevocationReason::Requested };
            (StreamId::of("credential", &id), CredentialEvent::from(revoked).into())
        }
        12 => {
            let rotated = ClientSecretRotated { secret_hash: format!("{value}") };
            let event = if other % 2 == 0 { ClientEvent::from(rotated) } else { ClientEvent::from(ClientDeleted {}) };
            (StreamId::of("client", &id), event.into())
        }
        13 => {
            let revoked = TokenRevoked { reason: TokenRevocation::Reuse };
            (StreamId::of("token", &id), TokenEvent::from(revoked).into())
        }
        14 => {
            let taken = ReservationTaken { holder: other_id };
            (Reserved::Username(id).stream(), ReservationEvent::from(taken).into())
        }
        _ => {
            let released = ReservationReleased { holder: other_id };
            (Reserved::Username(id).stream(), ReservationEvent::from(released).into())
        }
    }
}

fn user_created(id: UserId, domain: &str, value: u16, at: Time) -> UserCreated {
    UserCreated {
        id,
        domain: domain.into(),
        username: Personal::new(format!("user {value}")),
        name_key: format!("key {value}"),
        role: if value.is_multiple_of(2) { Role::User } else { Role::Admin },
        email: None,
        mobile_phones: vec![Personal::new("+1")],
        land_line_number: Some(Personal::new("+2")),
        alias: Personal::new("alias"),
        display_name: Some(Personal::new("name")),
        capabilities: vec!["+sfu".to_owned()],
        at,
    }
}

fn test_key(subject: &wac_events::SubjectId) -> SubjectKey {
    SubjectKey::generate(subject.clone(), &SimEnvironment::new(7, Time::EPOCH))
}

/// The events as a log would hold them: sealed, encoded, with positions and versions.
fn recorded(seeds: &[Seed]) -> Vec<Recorded> {
    let env = SimEnvironment::new(11, Time::EPOCH);
    let mut versions = std::collections::BTreeMap::new();
    let record = |(index, seed): (usize, &Seed)| {
        let (stream, mut event) = event(*seed);
        if let Some(subject) = event.subject() {
            event.seal(&test_key(&subject), &env);
        }
        let version = versions.entry(stream.clone()).or_insert(0);
        *version += 1;
        Recorded {
            position: Position(index as u64 + 1),
            version: *version,
            event_id: EventId(env.new_uuid()),
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            domain: None,
            data: event.encode().unwrap(),
            meta: "{}".to_owned(),
            occurred_at: Time::EPOCH,
            recorded_at: Time::EPOCH,
            stream,
        }
    };
    seeds.iter().enumerate().map(record).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_makes_a_fold_fail(seeds in prop::collection::vec(any::<Seed>(), 0..60)) {
        let events = recorded(&seeds);
        let mut states = States::new();
        for (index, event) in events.iter().enumerate() {
            states = fold::fold(states, std::slice::from_ref(event), &|subject| Some(test_key(subject))).unwrap();
            prop_assert_eq!(states[&event.stream].version(), event.version);
            let folded: u64 = states.values().map(wac_commands::State::version).sum();
            prop_assert_eq!(folded, index as u64 + 1);
        }
    }

    #[test]
    fn folding_in_two_parts_is_folding_at_once(
        seeds in prop::collection::vec(any::<Seed>(), 0..60), cut in any::<prop::sample::Index>(),
    ) {
        let events = recorded(&seeds);
        let cut = cut.index(events.len() + 1);
        let keys = |subject: &_| Some(test_key(subject));
        let whole = fold::fold(States::new(), &events, &keys).unwrap();
        let parts = fold::fold(fold::fold(States::new(), &events[..cut], &keys).unwrap(), &events[cut..], &keys).unwrap();
        prop_assert_eq!(&whole, &parts);
        let rows = fold::project(MemTables::default(), &events).unwrap();
        let before = fold::project(MemTables::default(), &events[..cut]).unwrap();
        prop_assert_eq!(rows, fold::project(before, &events[cut..]).unwrap());
    }

    #[test]
    fn without_keys_a_fold_still_works_and_shows_nothing_personal(
        seeds in prop::collection::vec(any::<Seed>(), 0..40),
    ) {
        let states = fold::fold(States::new(), &recorded(&seeds), &|_| None).unwrap();
        let json = fold::states_json(&states).to_string();
        prop_assert!(!json.contains("user ") && !json.contains("@example.org"));
    }
}

/// A command that generated numbers name; many of them are refused, as in life.
pub(crate) fn command((kind, object, other, value): Seed, keys: &dyn KeyStore, now: Time) -> Box<dyn Command> {
    let (id, other_id) = (format!("{}", object % 4), format!("{}", other % 4));
    let domain = || wac_events::DomainId::from(format!("d{}", other % 3));
    let hash = |what: &str| MasterKey::new([1; 32]).keyed_hash(what, &id);
    let hour = now.plus(std::time::Duration::from_secs(3_600));
    match kind % 10 {
        0 => Box::new(CreateDomain {
            id: format!("d{}", object % 3).as_str().into(),
            name: format!("domain-{}", value % 5),
            parent: (object % 3 != 0).then(&domain),
            origins: Vec::new(),
            enable_anonymous: false,
            anonymous_expiration_ms: 0,
            anonymous_capabilities: Vec::new(),
            services: None,
        }),
        1 => Box::new(ChangeDomain {
            id: domain(),
            changes: DomainChanges { name: Some(format!("domain-{}", value % 5)), ..DomainChanges::default() },
            expected_version: None,
        }),
        2 | 3 => Box::new(CreateUser {
            id: id.as_str().into(),
            domain: domain(),
            username: format!("name {other_id}"),
            name_key: name_key(keys, &domain(), &format!("name {other_id}")).unwrap(),
            role: Role::User,
            email: Some(format!("{value}@example.org")),
            mobile_phones: Vec::new(),
            land_line_number: None,
            alias: "alias".to_owned(),
            display_name: None,
            capabilities: Vec::new(),
        }),
        4 => Box::new(ChangeUser {
            id: id.as_str().into(),
            changes: UserChanges {
                name: Some(UserName::new(keys, domain(), format!("name {}", value % 6)).unwrap()),
                ..UserChanges::default()
            },
            expected_version: None,
        }),
        5 => Box::new(DeleteUser {
            id: id.as_str().into(),
            cascade: value % 2 == 0,
            erase: value % 3 == 0,
            expected_version: None,
        }),
        6 => Box::new(CreateCredential {
            id: format!("c{}", value % 8).as_str().into(),
            kind: CredentialKind::Basic,
            source: "wac".to_owned(),
            context: Default::default(),
            domain: domain(),
            user: Some(id.as_str().into()),
            data: CredentialData::PasswordHash("$argon2id$hash".to_owned()),
            lease_s: 0,
            identity_key: None,
        }),
        7 => Box::new(IssueToken {
            id: format!("t{id}").as_str().into(),
            grant: GrantKind::Password,
            user: Some(other_id.as_str().into()),
            client: None,
            domain: format!("d{}", value % 3).as_str().into(),
            role: Role::User,
            proof: None,
            access_hash: hash("access"),
            access_expires_at: hour,
            refresh_hash: Some(hash("refresh")),
            refresh_expires_at: Some(hour),
            session: None,
        }),
        8 => Box::new(RefreshToken {
            id: format!("t{id}").as_str().into(),
            client: None,
            used_refresh_hash: hash("refresh"),
            access_hash: hash("access 2"),
            access_expires_at: hour,
            refresh_hash: hash("refresh 2"),
            refresh_expires_at: hour,
            session_expires_at: None,
        }),
        _ if value % 4 == 0 => {
            Box::new(DeleteDomain { id: domain(), cascade: true, inspection: None, expected_version: None })
        }
        _ => Box::new(RevokeToken { id: format!("t{id}").as_str().into(), reason: TokenRevocation::Requested }),
    }
}

/// Executes a generated history, process managers included; returns the platform it ran on.
async fn lived(seeds: &[Seed]) -> Platform {
    let env = Arc::new(SimEnvironment::new(5, Time::from_millis(1_772_000_000_000)));
    let stores = databases::open_with("memory:", env.clone()).await.unwrap();
    let platform = Platform::new(stores, env.clone());
    for seed in seeds {
        let now = env.advance(std::time::Duration::from_secs(1));
        let command = command(*seed, &*platform.stores.keys, now);
        match platform.execute(&*command).await {
            Ok(_) | Err(CommandError::Rejected(_)) => platform.settle().await.unwrap(),
            Err(error) => panic!("{}: {error}", command.name()),
        }
    }
    platform
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_handler_that_lived_through_a_history_knows_what_a_new_one_reads(
        seeds in prop::collection::vec(any::<Seed>(), 1..50),
    ) {
        RUNTIME.block_on(async {
            let mut all = vec![(0, 0, 0, 0)];
            all.extend(seeds);
            let platform = lived(&all).await;
            let stores = &platform.stores;
            let events = story::read_all(&*stores.log).await.unwrap();
            let streams: std::collections::BTreeSet<StreamId> = events.iter().map(|event| event.stream.clone()).collect();
            let streams: Vec<StreamId> = streams.into_iter().collect();
            let env: Arc<dyn Environment> = platform.handler.environment().clone();
            let fresh = CommandHandler::new(stores.log.clone(), stores.keys.clone(), env, Limits::default());
            let (old, new) = (platform.handler.load(&streams).await.unwrap(), fresh.load(&streams).await.unwrap());
            for stream in &streams {
                assert_eq!(old.state(stream), new.state(stream), "{stream}");
            }
        });
    }
}
