//! Made-up events like those of a real deployment: people come, log in, refresh, change, leave.

use std::sync::Mutex;

use wac_events::credential::{CredentialCreated, CredentialRevoked, RevocationReason};
use wac_events::oauth::{TokenIssued, TokenRefreshed, TokenRevocation, TokenRevoked};
use wac_events::reservation::{ReservationReleased, ReservationTaken};
use wac_events::user::{UserChanged, UserCreated, UserDeleted};
use wac_events::{
    Actor, AnyEvent, AppendBatch, CommandId, CredentialEvent, CredentialId, CredentialKind, DomainId, Environment,
    EventId, ExpectedVersion, GrantKind, Meta, NewEvent, Patch, Personal, PersonalFields, ReservationEvent, Reserved,
    Role, Secret, StreamAppend, StreamId, SubjectKey, Time, TokenEvent, TokenId, UserEvent, UserId, hex,
};

/// The people that may be picked for what comes next; older ones stay as they are.
const RECENT_USERS: usize = 2_000;
/// When the made-up world begins, in milliseconds since the epoch.
const BEGINNING_MILLIS: i64 = 1_767_225_600_000;

/// Makes batches of events, the same for the same seed.
pub struct Workload {
    env: SeededEnvironment,
    domains: Vec<DomainId>,
    users: Vec<Person>,
}

struct Person {
    id: UserId,
    name_key: String,
    domain: DomainId,
    credential: CredentialId,
    key: SubjectKey,
    token: Option<(TokenId, String)>,
}

/// An event with its stream, its domain, and the key that seals it.
type Happened = (StreamId, DomainId, AnyEvent, SubjectKey);

/// A clock that moves by a millisecond at every look, and predictable bytes (SplitMix64).
struct SeededEnvironment {
    state: Mutex<(u64, i64)>,
}

impl SeededEnvironment {
    fn next(&self) -> u64 {
        let mut state = self.state.lock().expect("no code panics while holding this lock");
        state.0 = state.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    fn hash(&self) -> String {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        hex(&bytes)
    }
}

impl Environment for SeededEnvironment {
    fn now(&self) -> Time {
        let mut state = self.state.lock().expect("no code panics while holding this lock");
        state.1 += 1;
        Time::from_millis(state.1)
    }

    fn fill(&self, out: &mut [u8]) {
        out.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]));
    }
}

impl Workload {
    /// The world of this seed. Two seeds never make the same ids.
    pub fn new(seed: u64) -> Self {
        let env = SeededEnvironment { state: Mutex::new((seed, BEGINNING_MILLIS)) };
        let domains = (0..8).map(|_| DomainId::from(env.new_uuid())).collect();
        Self { env, domains, users: Vec::new() }
    }

    /// One command with at least `events` events over many streams.
    pub fn batch(&mut self, events: usize) -> AppendBatch {
        let command_id = CommandId(self.env.new_uuid());
        let meta = Meta {
            actor: Actor::System("workload".to_owned()),
            command_id,
            correlation_id: self.env.new_uuid().to_string(),
            causation_id: None,
            traceparent: None,
            session: None,
            key_id: None,
            request: None,
        };
        let mut batch = AppendBatch { command_id, appends: Vec::new() };
        let mut appended = 0;
        while appended < events {
            for (stream, domain, event, key) in self.happening() {
                let event = self.sealed(&meta, domain, event, &key);
                appended += 1;
                match batch.appends.iter_mut().find(|append| append.stream == stream) {
                    Some(append) => append.events.push(event),
                    None => {
                        batch.appends.push(StreamAppend { stream, expected: ExpectedVersion::Any, events: vec![event] })
                    }
                }
            }
        }
        batch
    }

    fn sealed(&self, meta: &Meta, domain: DomainId, mut event: AnyEvent, key: &SubjectKey) -> NewEvent {
        event.seal(key, &self.env);
        let meta = Meta { key_id: event.subject(), ..meta.clone() };
        NewEvent {
            event_id: EventId(self.env.new_uuid()),
            event_type: event.event_type(),
            schema_version: event.schema_version(),
            domain: Some(domain),
            data: event.encode().expect("every protected field has just been sealed"),
            meta: serde_json::to_string(&meta).expect("metadata is plain JSON"),
            occurred_at: self.env.now(),
        }
    }

    /// Something somebody does: one event or several.
    fn happening(&mut self) -> Vec<Happened> {
        let index = self.env.below(self.users.len());
        match self.env.below(100) {
            _ if self.users.is_empty() => self.arrives(),
            0..25 => self.arrives(),
            25..60 => self.logs_in(index),
            60..80 => self.refreshes(index),
            80..94 => self.changes(index),
            94..98 => self.logs_out(index),
            _ => self.leaves(index),
        }
    }

    fn arrives(&mut self) -> Vec<Happened> {
        let env = &self.env;
        let id = UserId::from(env.new_uuid());
        let domain = self.domains[env.below(self.domains.len())].clone();
        let person = Person {
            key: SubjectKey::generate(wac_events::SubjectId::of_user(&id), env),
            name_key: env.hash(),
            credential: CredentialId::from(env.new_uuid()),
            token: None,
            id,
            domain,
        };
        let name = format!("user{}", env.below(1_000_000));
        let created = UserCreated {
            id: person.id.clone(),
            domain: person.domain.clone(),
            username: Personal::new(&*name),
            name_key: person.name_key.clone(),
            role: Role::User,
            email: Some(Personal::new(format!("{name}@example.org"))),
            mobile_phones: vec![Personal::new("+34600000000")],
            land_line_number: None,
            alias: Personal::new(env.new_uuid().to_string()),
            display_name: Some(Personal::new(format!("Person {name}"))),
            capabilities: vec!["+chat".to_owned()],
            at: env.now(),
        };
        let credential = CredentialCreated {
            id: person.credential.clone(),
            kind: CredentialKind::Basic,
            source: "wac".to_owned(),
            context: None,
            domain: person.domain.clone(),
            user: Some(person.id.clone()),
            identity_key: None,
            data: Secret::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g"),
            lease_s: 0,
            at: env.now(),
        };
        let taken = ReservationTaken { holder: person.id.as_str().to_owned() };
        let events = vec![
            self.event(&person, Reserved::Username(person.name_key.clone()).stream(), ReservationEvent::from(taken)),
            self.event(&person, person.id.stream(), UserEvent::from(created)),
            self.event(&person, person.credential.stream(), CredentialEvent::from(credential)),
        ];
        self.users.push(person);
        if self.users.len() > RECENT_USERS {
            let index = self.env.below(self.users.len());
            self.users.swap_remove(index);
        }
        events
    }

    fn logs_in(&mut self, index: usize) -> Vec<Happened> {
        let (id, refresh) = (TokenId::from(self.env.new_uuid()), self.env.hash());
        let at = self.env.now();
        let person = &mut self.users[index];
        person.token = Some((id.clone(), refresh.clone()));
        let issued = TokenIssued {
            id: id.clone(),
            grant: GrantKind::Password,
            user: Some(person.id.clone()),
            client: None,
            domain: person.domain.clone(),
            role: Role::User,
            access_hash: self.env.hash(),
            access_expires_at: at.plus(std::time::Duration::from_secs(3_600)),
            refresh_hash: Some(refresh),
            refresh_expires_at: Some(at.plus(std::time::Duration::from_secs(86_400))),
            at,
        };
        vec![self.event(&self.users[index], id.stream(), TokenEvent::from(issued))]
    }

    fn refreshes(&mut self, index: usize) -> Vec<Happened> {
        let refresh = self.env.hash();
        let Some((token, used)) = self.users[index].token.take() else { return self.logs_in(index) };
        self.users[index].token = Some((token.clone(), refresh.clone()));
        let at = self.env.now();
        let refreshed = TokenRefreshed {
            access_hash: self.env.hash(),
            access_expires_at: at.plus(std::time::Duration::from_secs(3_600)),
            refresh_hash: refresh,
            refresh_expires_at: at.plus(std::time::Duration::from_secs(86_400)),
            used_refresh_hash: used,
        };
        vec![self.event(&self.users[index], token.stream(), TokenEvent::from(refreshed))]
    }

    fn changes(&mut self, index: usize) -> Vec<Happened> {
        let person = &self.users[index];
        let name = format!("Renamed {}", self.env.below(1_000_000));
        let changed = match self.env.below(3) {
            0 => UserChanged {
                display_name: Patch::Set(Some(Personal::new(name))),
                ..UserChanged::nothing(person.id.clone())
            },
            1 => UserChanged { email: Patch::Set(None), ..UserChanged::nothing(person.id.clone()) },
            _ => UserChanged {
                capabilities: Patch::Set(vec!["-video".to_owned()]),
                alias: Patch::Set(Personal::new(name)),
                ..UserChanged::nothing(person.id.clone())
            },
        };
        vec![self.event(person, person.id.stream(), UserEvent::from(changed))]
    }

    fn logs_out(&mut self, index: usize) -> Vec<Happened> {
        let Some((token, _)) = self.users[index].token.take() else { return self.logs_in(index) };
        let revoked = TokenRevoked { reason: TokenRevocation::Requested };
        vec![self.event(&self.users[index], token.stream(), TokenEvent::from(revoked))]
    }

    fn leaves(&mut self, index: usize) -> Vec<Happened> {
        let person = self.users.swap_remove(index);
        let deleted = UserDeleted { id: person.id.clone(), domain: person.domain.clone(), cascade: true };
        let released = ReservationReleased { holder: person.id.as_str().to_owned() };
        let revoked = CredentialRevoked { reason: RevocationReason::OwnerDeleted };
        vec![
            self.event(&person, person.id.stream(), UserEvent::from(deleted)),
            self.event(&person, Reserved::Username(person.name_key.clone()).stream(), ReservationEvent::from(released)),
            self.event(&person, person.credential.stream(), CredentialEvent::from(revoked)),
        ]
    }

    fn event(&self, person: &Person, stream: StreamId, event: impl Into<AnyEvent>) -> Happened {
        (stream, person.domain.clone(), event.into(), person.key.clone())
    }
}
