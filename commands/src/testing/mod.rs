//! Given facts, when a command, then facts or a rejection.

mod calls;
mod log;
mod people;

use std::collections::BTreeMap;

use serde_json::json;
use wac_events::{Actor, AnyEvent, CommandId, CredentialKind, DomainId, GrantKind, Role, StreamId, Time};

use crate::*;

pub(crate) use calls::*;
pub(crate) use log::*;
pub(crate) use people::*;

/// The present of every test that says nothing else.
pub(crate) fn now() -> Time {
    Time::from_millis(1_000_000)
}

/// `seconds` after [`now`].
pub(crate) fn later(seconds: u64) -> Time {
    now().plus(std::time::Duration::from_secs(seconds))
}

/// What has happened so far.
#[derive(Clone)]
pub(crate) struct Story {
    facts: Vec<Fact>,
    actor: Actor,
    now: Time,
}

pub(crate) fn given() -> Story {
    Story { facts: Vec::new(), actor: Actor::System("test".to_owned()), now: now() }
}

impl Story {
    /// A command has been executed.
    #[track_caller]
    pub(crate) fn after(&self, command: impl Command) -> Self {
        let mut story = self.clone();
        story.facts.extend(self.decide(&command).expect("the story's command is accepted"));
        story
    }

    /// A command has been tried, accepted or not.
    pub(crate) fn attempt(mut self, command: &dyn Command) -> Self {
        let outcome = self.decide(command);
        assert_eq!(outcome, self.decide(command), "decided the same twice");
        self.facts.extend(outcome.unwrap_or_default());
        self
    }

    pub(crate) fn by_user(mut self, id: &str) -> Self {
        self.actor = Actor::User(id.to_owned());
        self
    }

    pub(crate) fn at(mut self, now: Time) -> Self {
        self.now = now;
        self
    }

    #[track_caller]
    pub(crate) fn when(&self, command: impl Command) -> Then {
        let outcome = self.decide(&command);
        assert_eq!(outcome, self.decide(&command), "the same command on the same facts is decided the same");
        Then(outcome)
    }

    pub(crate) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    pub(crate) fn state(&self, stream: &StreamId) -> State {
        let events = self.facts.iter().filter(|fact| fact.stream == *stream).map(|fact| &fact.event);
        events.fold(State::empty(stream.aggregate()).expect("a known aggregate"), State::evolve)
    }

    #[track_caller]
    fn decide(&self, command: &dyn Command) -> Result<Vec<Fact>, Rejection> {
        let mut read: BTreeMap<StreamId, State> = BTreeMap::new();
        let world = loop {
            let world = self.world(&read);
            let unread: Vec<_> = command.reads(&world).into_iter().filter(|s| !read.contains_key(s)).collect();
            if unread.is_empty() {
                break world;
            }
            read.extend(unread.into_iter().map(|stream| (stream.clone(), self.state(&stream))));
        };
        world.take_missed();
        let ctx = Context::new(self.now, self.actor.clone(), CommandId(uuid::Uuid::nil()));
        let outcome = command.decide(&world, &ctx);
        assert!(!world.take_missed(), "{} decided on a stream it does not read", command.name());
        if let Ok(facts) = &outcome {
            assert!(
                facts.iter().all(|fact| world.contains(&fact.stream)),
                "{} writes only what it reads",
                command.name()
            );
        }
        outcome
    }

    fn world(&self, read: &BTreeMap<StreamId, State>) -> World {
        let mut world = World::of(&self.actor);
        for (stream, state) in read {
            world.put(stream.clone(), state.clone());
        }
        world
    }
}

/// What came of it.
pub(crate) struct Then(Result<Vec<Fact>, Rejection>);

impl Then {
    /// Facts of these types, in this order.
    #[track_caller]
    pub(crate) fn then(self, types: &[&str]) -> Vec<AnyEvent> {
        let events: Vec<AnyEvent> = self.0.expect("accepted").into_iter().map(|fact| fact.event).collect();
        assert_eq!(events.iter().map(AnyEvent::event_type).collect::<Vec<_>>(), types);
        events
    }

    #[track_caller]
    pub(crate) fn then_nothing(self) {
        assert_eq!(self.0, Ok(Vec::new()));
    }

    #[track_caller]
    pub(crate) fn then_rejected(self, rejection: Rejection) {
        assert_eq!(self.0, Err(rejection));
    }

    /// Fields are refused: their codes and pointers.
    #[track_caller]
    pub(crate) fn then_invalid(self, fields: &[(&str, &str)]) {
        let rejection = self.0.expect_err("refused");
        assert_eq!(rejection.kind(), RejectionKind::Invalid, "{rejection}");
        let found: Vec<_> = rejection.fields().iter().map(|field| (field.code, field.pointer.as_str())).collect();
        assert_eq!(found, fields);
    }
}

pub(crate) fn base() -> CreateDomain {
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

/// A child of the base domain; its name is `<id>.example`.
pub(crate) fn child(id: &str) -> CreateDomain {
    CreateDomain {
        id: id.into(),
        name: format!("{id}.example"),
        parent: Some("base".into()),
        enable_anonymous: true,
        ..base()
    }
}

/// A user; name, alias and key are made from the id.
pub(crate) fn user(id: &str, domain: &str) -> CreateUser {
    CreateUser {
        id: id.into(),
        domain: domain.into(),
        username: id.to_owned(),
        name_key: format!("{domain}-{id}"),
        role: Role::User,
        email: Some(format!("{id}@example.org")),
        mobile_phones: vec!["987654321".to_owned()],
        land_line_number: None,
        alias: format!("alias-{id}"),
        display_name: None,
        capabilities: Vec::new(),
    }
}

pub(crate) fn admin(id: &str) -> CreateUser {
    CreateUser { role: Role::Admin, ..user(id, "base") }
}

pub(crate) fn object(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().cloned().expect("an object")
}

pub(crate) fn basic(id: &str, user: &str) -> CreateCredential {
    CreateCredential {
        id: id.into(),
        kind: CredentialKind::Basic,
        source: "wac".to_owned(),
        context: object(json!({})),
        domain: "base".into(),
        user: Some(user.into()),
        data: CredentialData::PasswordHash("$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA".to_owned()),
        lease_s: 0,
        identity_key: None,
    }
}

pub(crate) fn ims_data() -> serde_json::Map<String, serde_json::Value> {
    object(json!({
        "username": "alice@quobiscom",
        "userauthname": "123@10.2.3.4",
        "password": "23t6iyb3r5yliu",
        "authserver": "wss://sipowsgw.quobis.com",
        "iceserver": [{ "urls": "turn:158.61.103.18", "credential": "secret", "username": "alice" }]
    }))
}

/// A pool credential of a domain.
pub(crate) fn pool(id: &str, domain: &str) -> CreateCredential {
    let data = CredentialData::Json(ims_data());
    CreateCredential { kind: CredentialKind::Ims, user: None, domain: domain.into(), data, ..basic(id, "nobody") }
}

pub(crate) fn hash(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// A password grant of a user of the base domain: access token `a`, refresh token `b`, one hour and two.
pub(crate) fn token(id: &str, user: &str) -> IssueToken {
    IssueToken {
        id: id.into(),
        grant: GrantKind::Password,
        user: Some(user.into()),
        client: None,
        domain: "base".into(),
        role: Role::User,
        proof: None,
        access_hash: hash('a'),
        access_expires_at: later(3600),
        refresh_hash: Some(hash('b')),
        refresh_expires_at: Some(later(7200)),
        session: None,
    }
}

pub(crate) fn client(id: &str) -> CreateClient {
    CreateClient {
        id: id.into(),
        name: "Phone".to_owned(),
        redirect_uris: vec!["https://phone.example/callback".to_owned()],
        grants: vec![GrantKind::Password, GrantKind::RefreshToken, GrantKind::ClientCredentials],
        domain: "base".into(),
        trusted: false,
        access_token_expiration_s: None,
        refresh_token_expiration_s: None,
        secret_hash: Some(hash('c')),
    }
}

/// A guest of a domain with a token of one hour.
pub(crate) fn guest(id: &str, domain: &str) -> OpenGuest {
    let token = IssueToken {
        grant: GrantKind::Anonymous,
        domain: domain.into(),
        role: Role::Anonymous,
        refresh_hash: None,
        refresh_expires_at: None,
        session: None,
        ..token(&format!("token-{id}"), id)
    };
    OpenGuest { user: CreateUser { role: Role::Anonymous, email: None, ..user(id, domain) }, token, lease: None }
}

pub(crate) fn domain_id(id: &str) -> DomainId {
    id.into()
}
