//! How the golden stories were written: real commands through the real handler, on a clock and a
//! source of randomness that follow from a seed. `WAC_NEW_STORY=<name>` and `--ignored a_new_story`
//! write one that is not there yet; one that is there is never touched, whatever today's code would write.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use wac_commands::{
    ChangeClient, ChangeCredential, ChangeDomain, ChangeUser, ClientChanges, Command, CreateClient, CreateCredential,
    CreateDomain, CreateUser, CredentialChanges, CredentialData, DeleteDomain, DeleteUser, DomainChanges, IssueToken,
    LeaseCredential, OpenGuest, Proof, RefreshToken, ReleaseLease, RevokeToken, RotateClientSecret, UserChanges,
    UserName, name_key, sip_identity_key,
};
use wac_events::oauth::TokenRevocation;
use wac_events::reservation::ReservationTaken;
use wac_events::user::UserCreatedV1;
use wac_events::{
    Actor, AppendBatch, CommandId, CredentialKind, DomainId, Environment, Event, EventId, ExpectedVersion, GrantKind,
    KeyState, MasterKey, Meta, NewEvent, Personal, ReservationEvent, Reserved, Role, StreamAppend, SubjectId, Time,
    UserId,
};
use wac_projections::MemTables;
use wac_replay_tests::environment::SimEnvironment;
use wac_replay_tests::export::story_of;
use wac_replay_tests::fold::{self, States};
use wac_replay_tests::platform::Platform;
use wac_replay_tests::story::{self, Story};
use wac_replay_tests::{databases, story::golden};

/// Every story there is.
pub(crate) const STORIES: [&str; 5] = ["a-call", "a-measured-call", "tenant-set-up", THE_FIRST_CALL, "user-life"];
/// Not written here: what `wac dev` wrote when two phones in a browser had their first call, as
/// docs/walkthrough-first-call.md tells it. `WAC_STORY_EXPORT` names what `ops/walkthrough-first-call.sh` has exported.
pub(crate) const THE_FIRST_CALL: &str = "the-first-call";
const NEW_STORY_VARIABLE: &str = "WAC_NEW_STORY";
const EXPORT_VARIABLE: &str = "WAC_STORY_EXPORT";
const PASSWORD_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$kGfb1vmJkcCpFcaTTGhFSA";

/// Whoever writes a story: a platform on a clock that moves a second with every command.
pub(crate) struct Author {
    pub(crate) env: Arc<SimEnvironment>,
    pub(crate) platform: Platform,
}

impl Author {
    pub(crate) async fn new(seed: u64) -> Self {
        let env = Arc::new(SimEnvironment::new(seed, Time::parse("2026-03-01T08:00:00Z").unwrap()));
        let stores = databases::open_with("memory:", env.clone()).await.unwrap();
        Self { platform: Platform::new(stores, env.clone()), env }
    }

    pub(crate) async fn does(&self, command: impl Command) {
        self.env.advance(Duration::from_secs(1));
        self.platform.run(&command).await.unwrap();
    }

    fn key_of(&self, domain: &str, username: &str) -> String {
        name_key(&*self.platform.stores.keys, &DomainId::from(domain), username).unwrap()
    }

    pub(crate) fn in_hours(&self, hours: u64) -> Time {
        self.env.now().plus(Duration::from_secs(hours * 3_600))
    }

    pub(crate) fn user(&self, id: &str, domain: &str, username: &str, role: Role) -> CreateUser {
        CreateUser {
            id: id.into(),
            domain: domain.into(),
            username: username.to_owned(),
            name_key: self.key_of(domain, username),
            role,
            email: None,
            mobile_phones: Vec::new(),
            land_line_number: None,
            alias: format!("alias of {username}"),
            display_name: None,
            capabilities: Vec::new(),
        }
    }

    pub(crate) fn token(&self, id: &str, user: &str, domain: &str, grant: GrantKind, role: Role) -> IssueToken {
        IssueToken {
            id: id.into(),
            grant,
            user: Some(user.into()),
            client: None,
            domain: domain.into(),
            role,
            proof: None,
            access_hash: hash(&format!("{id} access")),
            access_expires_at: self.in_hours(1),
            refresh_hash: Some(hash(&format!("{id} refresh"))),
            refresh_expires_at: Some(self.in_hours(24)),
            session: None,
        }
    }

    /// A user as a program of the first schema version has written it.
    async fn user_of_version_1(&self, id: &str, domain: &str, username: &str) {
        self.env.advance(Duration::from_secs(1));
        let id = UserId::from(id);
        let subject = SubjectId::of_user(&id);
        let keys = &self.platform.stores.keys;
        let KeyState::Present(key) = keys.find_or_create(&subject).await.unwrap() else { panic!("no key") };
        let name_key = self.key_of(domain, username);
        let mut created = UserCreatedV1 {
            id: id.clone(),
            domain: domain.into(),
            username: Personal::new(username),
            name_key: name_key.clone(),
            role: Role::User,
            email: Some(Personal::new("veteran@example.org")),
            mobile_phone: Some(Personal::new("+34 600 111 222")),
            alias: Personal::new("the veteran"),
            capabilities: vec!["+sfu".to_owned()],
            at: self.env.now(),
        };
        created.username.0.seal("username", &key, &*self.env);
        created.email.as_mut().unwrap().0.seal("email", &key, &*self.env);
        created.mobile_phone.as_mut().unwrap().0.seal("mobilePhones", &key, &*self.env);
        created.alias.0.seal("alias", &key, &*self.env);
        let command_id = CommandId(self.env.new_uuid());
        let meta = Meta {
            actor: Actor::System("seed".to_owned()),
            command_id,
            correlation_id: command_id.to_string(),
            causation_id: None,
            traceparent: None,
            session: None,
            key_id: Some(subject),
            request: None,
        };
        let event = |event_type, data| NewEvent {
            event_id: EventId(self.env.new_uuid()),
            event_type,
            schema_version: 1,
            domain: Some(domain.into()),
            data,
            meta: serde_json::to_string(&meta).unwrap(),
            occurred_at: self.env.now(),
        };
        let taken = ReservationEvent::from(ReservationTaken { holder: id.to_string() });
        let append = |stream, event| StreamAppend { stream, expected: ExpectedVersion::Exact(0), events: vec![event] };
        let appends = vec![
            append(Reserved::Username(name_key).stream(), event("reservation.taken", taken.encode().unwrap())),
            append(id.stream(), event("user.created", serde_json::to_string(&created).unwrap())),
        ];
        self.platform.stores.log.append(AppendBatch { command_id, appends }).await.unwrap();
    }

    pub(crate) async fn finished(self, name: &str) -> Story {
        let stores = &self.platform.stores;
        let events = story::read_all(&*stores.log).await.unwrap();
        let subjects: Vec<SubjectId> = events.iter().filter_map(|event| event.meta().unwrap().key_id).collect();
        let master = MasterKey::new(databases::MASTER_KEY);
        let keys = story::key_file(&*stores.keys, &master, &subjects, &*self.env).await.unwrap();
        let states = fold::fold(States::new(), &events, &|subject| keys.key(subject)).unwrap();
        let tables = fold::project(MemTables::default(), &events).unwrap();
        Story {
            name: name.to_owned(),
            states: fold::states_json(&states),
            rows: fold::rows_json(&fold::rows_of(&tables)),
            events,
            keys,
        }
    }
}

/// 64 hexadecimal digits that stand for the hash of a token.
fn hash(text: &str) -> String {
    MasterKey::new([0; 32]).keyed_hash("story", text)
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

pub(crate) fn domain(id: &str, name: &str, parent: Option<&str>) -> CreateDomain {
    CreateDomain {
        id: id.into(),
        name: name.to_owned(),
        parent: parent.map(DomainId::from),
        origins: Vec::new(),
        enable_anonymous: false,
        anonymous_expiration_ms: 0,
        anonymous_capabilities: Vec::new(),
        services: None,
    }
}

fn credential(
    id: &str,
    user: Option<&str>,
    domain: &str,
    kind: CredentialKind,
    data: CredentialData,
) -> CreateCredential {
    CreateCredential {
        id: id.into(),
        kind,
        source: "wac".to_owned(),
        context: Map::new(),
        domain: domain.into(),
        user: user.map(UserId::from),
        data,
        lease_s: 0,
        identity_key: None,
    }
}

fn gateway_account(number: u32) -> CredentialData {
    CredentialData::Json(object(json!({
        "username": format!("sip:guest{number}@gateway.example.com"), "userauthname": format!("guest{number}"),
        "password": "a gateway's password", "authserver": "wss://gateway.example.com",
    })))
}

/// A tenant is set up, used, renamed, and removed with everything in it.
async fn tenant_set_up() -> Story {
    let author = Author::new(20_260_301).await;
    tenant_domains(&author).await;
    tenant_people(&author).await;
    tenant_tokens(&author).await;
    tenant_end(&author).await;
    author.finished("tenant-set-up").await
}

async fn tenant_domains(author: &Author) {
    author.does(domain("base", "quobis", None)).await;
    author
        .does(CreateDomain {
            origins: vec![Some("*.acme.example".to_owned()), None],
            enable_anonymous: true,
            anonymous_expiration_ms: 60_000,
            anonymous_capabilities: vec!["-recording".to_owned()],
            services: Some([("contacts".to_owned(), vec!["wac".to_owned()])].into()),
            ..domain("acme", "acme", Some("base"))
        })
        .await;
    author.does(domain("acme-sales", "sales.acme", Some("acme"))).await;
    author.does(domain("beta", "beta", Some("base"))).await;
    let renamed = DomainChanges { name: Some("acme-renamed".to_owned()), ..DomainChanges::default() };
    author.does(ChangeDomain { id: "acme".into(), changes: renamed, expected_version: Some(1) }).await;
}

async fn tenant_people(author: &Author) {
    author.does(author.user("admin", "base", "Admin", Role::Admin)).await;
    author
        .does(CreateUser {
            email: Some("alice@acme.example".to_owned()),
            mobile_phones: vec!["+34 600 000 001".to_owned(), "+34 600 000 002".to_owned()],
            land_line_number: Some("+34 986 000 001".to_owned()),
            display_name: Some("Alice Ångström".to_owned()),
            capabilities: vec!["+sfu".to_owned()],
            ..author.user("alice", "acme", "Alice", Role::User)
        })
        .await;
    author.does(author.user("sam", "acme-sales", "sam", Role::User)).await;
    author.does(author.user("bob", "beta", "bob", Role::User)).await;
    author.user_of_version_1("veteran", "beta", "veteran").await;
    for (id, user, domain) in [("alice-basic", "alice", "acme"), ("bob-basic", "bob", "beta")] {
        let hash = CredentialData::PasswordHash(PASSWORD_HASH.to_owned());
        author.does(credential(id, Some(user), domain, CredentialKind::Basic, hash)).await;
    }
    let sip = CredentialData::Json(object(json!({ "username": "sip:alice@acme.example", "password": "sip password" })));
    author
        .does(CreateCredential {
            identity_key: Some(sip_identity_key(
                &*author.platform.stores.keys,
                &"acme".into(),
                "sip:alice@acme.example",
            )),
            context: object(json!({ "line": 1, "site": "Vigo" })),
            ..credential("alice-sip", Some("alice"), "acme", CredentialKind::SipMapping, sip)
        })
        .await;
    author.does(credential("acme-pool", None, "acme", CredentialKind::Ims, gateway_account(1))).await;
}

async fn tenant_tokens(author: &Author) {
    let client = CreateClient {
        id: "crm".into(),
        name: "CRM".to_owned(),
        redirect_uris: vec!["https://crm.acme.example/back".to_owned()],
        grants: vec![GrantKind::ClientCredentials, GrantKind::RefreshToken, GrantKind::Password],
        domain: "acme".into(),
        trusted: false,
        access_token_expiration_s: Some(600),
        refresh_token_expiration_s: None,
        secret_hash: Some(hash("first secret")),
    };
    author.does(client).await;
    let changes = ClientChanges { trusted: Some(true), ..ClientChanges::default() };
    author.does(ChangeClient { id: "crm".into(), changes, expected_version: None }).await;
    author
        .does(RotateClientSecret { id: "crm".into(), secret_hash: hash("second secret"), expected_version: None })
        .await;
    let proof = Some(Proof { credential: "alice-basic".into(), version: 1 });
    author
        .does(IssueToken { proof, ..author.token("t-alice", "alice", "acme", GrantKind::Password, Role::User) })
        .await;
    for round in 0..2 {
        let presented = if round == 0 { hash("t-alice refresh") } else { hash("t-alice refresh 0") };
        author
            .does(RefreshToken {
                id: "t-alice".into(),
                client: None,
                used_refresh_hash: presented,
                access_hash: hash(&format!("t-alice access {round}")),
                access_expires_at: author.in_hours(1),
                refresh_hash: hash(&format!("t-alice refresh {round}")),
                refresh_expires_at: author.in_hours(24),
                session_expires_at: None,
            })
            .await;
    }
    author.does(author.token("t-bob", "bob", "beta", GrantKind::Password, Role::User)).await;
    author.does(RevokeToken { id: "t-bob".into(), reason: TokenRevocation::Requested }).await;
    author
        .does(IssueToken {
            user: None,
            client: Some("crm".into()),
            refresh_hash: None,
            refresh_expires_at: None,
            session: None,
            ..author.token("t-crm", "", "acme", GrantKind::ClientCredentials, Role::User)
        })
        .await;
    author
        .does(OpenGuest {
            user: author.user("guest", "acme", "guest-1", Role::Anonymous),
            token: author.token("t-guest", "guest", "acme", GrantKind::Anonymous, Role::Anonymous),
            lease: Some("acme-pool".into()),
        })
        .await;
    author.does(ReleaseLease { id: "acme-pool".into(), holder: "t-guest".into() }).await;
    author.does(LeaseCredential { id: "acme-pool".into(), holder: "t-guest".into(), until: author.in_hours(2) }).await;
}

async fn tenant_end(author: &Author) {
    // A refresh token used twice ends its family.
    author
        .does(RefreshToken {
            id: "t-alice".into(),
            client: None,
            used_refresh_hash: hash("t-alice refresh"),
            access_hash: hash("stolen access"),
            access_expires_at: author.in_hours(1),
            refresh_hash: hash("stolen refresh"),
            refresh_expires_at: author.in_hours(24),
            session_expires_at: None,
        })
        .await;
    author.does(DeleteDomain { id: "acme".into(), cascade: true, inspection: None, expected_version: None }).await;
}

/// Users come into being, change, move, and go; one of them is erased.
async fn user_life() -> Story {
    let author = Author::new(20_260_302).await;
    author.does(domain("base", "quobis", None)).await;
    author.does(domain("north", "north", Some("base"))).await;
    author.user_of_version_1("veteran", "base", "Veteran").await;
    author
        .does(CreateUser {
            email: Some("erika@example.org".to_owned()),
            mobile_phones: vec!["+49 151 000 001".to_owned()],
            land_line_number: Some("+49 30 000 001".to_owned()),
            display_name: Some("Erika Mustermann".to_owned()),
            ..author.user("erika", "base", "erika", Role::User)
        })
        .await;
    let hash = CredentialData::PasswordHash(PASSWORD_HASH.to_owned());
    author.does(credential("erika-basic", Some("erika"), "base", CredentialKind::Basic, hash)).await;
    author.does(author.token("t-erika", "erika", "base", GrantKind::Password, Role::User)).await;
    user_changes(&author).await;
    author.does(DeleteUser { id: "erika".into(), cascade: true, erase: true, expected_version: None }).await;
    author.does(author.user("erika-2", "base", "Erika", Role::User)).await;
    author.does(author.user("short", "base", "short-lived", Role::User)).await;
    author.does(DeleteUser { id: "short".into(), cascade: false, erase: false, expected_version: None }).await;
    author.does(DeleteUser { id: "short".into(), cascade: true, erase: true, expected_version: None }).await;
    author.finished("user-life").await
}

async fn user_changes(author: &Author) {
    let keys = author.platform.stores.keys.clone();
    let change = |id: &str, changes| ChangeUser { id: id.into(), changes, expected_version: None };
    let moved = UserName::new(&*keys, "north".into(), "Veteran of the north").unwrap();
    author.does(change("veteran", UserChanges { name: Some(moved), ..UserChanges::default() })).await;
    author
        .does(change(
            "veteran",
            UserChanges {
                mobile_phones: Some(vec!["+34 600 111 222".to_owned(), "+34 600 111 333".to_owned()]),
                display_name: Some(Some("The Veteran".to_owned())),
                email: Some(None),
                role: Some(Role::Admin),
                ..UserChanges::default()
            },
        ))
        .await;
    author
        .does(change(
            "erika",
            UserChanges {
                email: Some(Some("erika.mustermann@example.org".to_owned())),
                alias: Some("em".to_owned()),
                capabilities: Some(vec!["-chat".to_owned()]),
                ..UserChanges::default()
            },
        ))
        .await;
    let data = Some(CredentialData::PasswordHash(PASSWORD_HASH.replace("kGfb", "kGfc")));
    let changes = CredentialChanges { data, ..CredentialChanges::default() };
    author.does(ChangeCredential { id: "erika-basic".into(), changes, expected_version: None }).await;
}

/// The story as it was exported, else as it is there.
fn exported(name: &str) -> Story {
    let Some(path) = std::env::var_os(EXPORT_VARIABLE) else { return Story::load(name).expect(EXPORT_VARIABLE) };
    let mut key = path.clone();
    key.push(".key");
    let master = MasterKey::parse(std::fs::read_to_string(key).unwrap().trim()).unwrap();
    story_of(name, &std::fs::read_to_string(path).unwrap(), &master, &wac_store::SystemEnvironment).unwrap()
}

async fn written_now(name: &str) -> Story {
    match name {
        "a-call" => crate::call::a_call().await.0,
        "tenant-set-up" => tenant_set_up().await,
        "a-measured-call" => crate::call::a_measured_call().await,
        "user-life" => user_life().await,
        THE_FIRST_CALL => exported(name),
        other => panic!("nobody knows how the story {other:?} goes; there are {STORIES:?}"),
    }
}

#[tokio::test]
#[ignore = "writes into the source tree; WAC_NEW_STORY names the story"]
async fn a_new_story_is_written_when_it_is_asked_for() {
    let name = std::env::var(NEW_STORY_VARIABLE).expect(NEW_STORY_VARIABLE);
    written_now(&name).await.save_new().unwrap();
}

#[tokio::test]
async fn a_story_that_is_there_is_never_written_again() {
    for name in STORIES {
        let before = std::fs::read(golden().join(name).join("stream.ndjson")).unwrap();
        let refused = written_now(name).await.save_new().expect_err("it is there").to_string();
        assert!(refused.contains("never edited"), "{refused}");
        assert_eq!(std::fs::read(golden().join(name).join("stream.ndjson")).unwrap(), before);
    }
}
