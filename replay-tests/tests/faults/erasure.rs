//! An erased person is gone from every answer and from the files.
//!
//! Every personal field of a user holds a canary. It stands in no file even before the erasure,
//! because personal fields are sealed; so the test looks for the key as well, the one thing that
//! would bring the canary back: it is in the files before, and not after.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use sqlx::Executor;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use wac_commands::{
    ChangeUser, CreateCredential, CreateDomain, CreateUser, CredentialData, DeleteUser, UserChanges, UserName,
    name_key, sip_identity_key,
};
use wac_events::{
    Cell, CredentialKind, Environment, KeyState, MasterKey, Recorded, Role, SubjectId, UserId, open_for_display,
};
use wac_projections::{Rows, Select, USERS};
use wac_replay_tests::canary::{Form, Hit, byte_forms, search, search_bytes, text_forms};
use wac_replay_tests::fold::{self, States};
use wac_replay_tests::platform::Platform;
use wac_replay_tests::{databases, story};
use wac_runner::{Runner, SqlRows};
use wac_store::{Db, Stores, SystemEnvironment};
use xtask::services::Postgres;

/// In every personal text.
const CANARY: &str = "Kanarienvogel-x7Qp93";
/// In every phone number, which takes digits only.
const CANARY_DIGITS: &str = "734551029117736";
const USER: &str = "erased-one";
/// Read models follow within this.
const PATIENCE: Duration = Duration::from_secs(30);

fn canary_forms() -> Vec<Form> {
    let mut forms = text_forms(CANARY);
    forms.extend(text_forms(CANARY_DIGITS));
    // Names are folded before they are hashed; the folded form must not stand anywhere either.
    forms.extend(text_forms(&CANARY.to_lowercase()));
    forms
}

/// A database and the places its files are in.
struct Ground {
    url: String,
    files: PathBuf,
    server: Option<Postgres>,
    _directory: Option<TempDir>,
}

impl Ground {
    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = directory.path().to_owned();
        Self { url: databases::sqlite_url(&files), files, server: None, _directory: Some(directory) }
    }

    fn postgres() -> Self {
        // Archived and recycled write-ahead log is the operator's affair; the tables are ours.
        let server = Postgres::start().unwrap();
        let url = server.create_database("erasure").unwrap();
        let files = server.data_directory().join("base");
        Self { url, files, server: Some(server), _directory: None }
    }

    /// Brings what the server holds in memory into its files.
    fn flush(&self) {
        if let Some(server) = &self.server {
            server.execute("checkpoint").unwrap();
        }
    }

    fn search(&self, forms: &[Form]) -> Vec<Hit> {
        self.flush();
        search(&self.files, forms).unwrap()
    }

    /// Proves that the search finds what stands in a database of this kind: a table beside ours that
    /// holds the canary in the clear, gone again afterwards.
    async fn prove_the_search(&self) {
        let forms = canary_forms();
        if let Some(server) = &self.server {
            let clear = server.create_database("clear").unwrap();
            let pool = sqlx::PgPool::connect(&clear).await.unwrap();
            let table = format!("create table clear as select '{CANARY}'::text as a, '{CANARY_DIGITS}'::text as b");
            pool.execute(sqlx::AssertSqlSafe(table)).await.unwrap();
            pool.close().await;
            assert!(!self.search(&forms).is_empty(), "the search misses a canary in a table");
            server.execute("drop database clear").unwrap();
        } else {
            let path = self.files.join("clear.db");
            let url = format!("sqlite://{}?mode=rwc", path.display());
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            let table = format!("create table clear as select '{CANARY}' as a, '{CANARY_DIGITS}' as b");
            pool.execute(sqlx::AssertSqlSafe(table)).await.unwrap();
            pool.close().await;
            assert!(!self.search(&forms).is_empty(), "the search misses a canary in a table");
            std::fs::remove_file(path).unwrap();
        }
        for form in &forms {
            let planted = self.files.parent().unwrap().join("planted");
            std::fs::write(&planted, [b"before ".as_slice(), &form.bytes, b" behind"].concat()).unwrap();
            let hits = search(&planted, &forms).unwrap();
            assert!(hits.iter().any(|hit| hit.form == form.name), "{} is not found in a file", form.name);
            std::fs::remove_file(&planted).unwrap();
        }
    }
}

async fn live_person(platform: &Platform) {
    let keys = &*platform.stores.keys;
    platform
        .run(&CreateDomain {
            id: "base".into(),
            name: "quobis".to_owned(),
            parent: None,
            origins: Vec::new(),
            enable_anonymous: false,
            anonymous_expiration_ms: 0,
            anonymous_capabilities: Vec::new(),
            services: None,
        })
        .await
        .unwrap();
    let user = CreateUser {
        id: USER.into(),
        domain: "base".into(),
        username: format!("{CANARY} a"),
        name_key: name_key(keys, &"base".into(), &format!("{CANARY} a")).unwrap(),
        role: Role::User,
        email: Some(format!("{CANARY}@example.org")),
        mobile_phones: vec![format!("+{CANARY_DIGITS}1"), format!("+{CANARY_DIGITS}2")],
        land_line_number: Some(format!("+{CANARY_DIGITS}3")),
        alias: format!("{CANARY} alias"),
        display_name: Some(format!("{CANARY} display")),
        capabilities: Vec::new(),
    };
    let other_name = "somebody else";
    let bystander = CreateUser {
        id: "bystander".into(),
        username: other_name.to_owned(),
        name_key: name_key(keys, &"base".into(), other_name).unwrap(),
        email: Some("bystander@example.org".to_owned()),
        mobile_phones: Vec::new(),
        land_line_number: None,
        alias: other_name.to_owned(),
        display_name: None,
        ..user.clone()
    };
    platform.run(&user).await.unwrap();
    platform.run(&bystander).await.unwrap();
    for credential in credentials(platform) {
        platform.run(&credential).await.unwrap();
    }
    let changes = UserChanges {
        name: Some(UserName::new(keys, "base".into(), format!("{CANARY} b")).unwrap()),
        email: Some(Some(format!("b.{CANARY}@example.org"))),
        mobile_phones: Some(vec![format!("+{CANARY_DIGITS}4")]),
        land_line_number: Some(Some(format!("+{CANARY_DIGITS}5"))),
        alias: Some(format!("{CANARY} new alias")),
        display_name: Some(Some(format!("{CANARY} new display"))),
        ..UserChanges::default()
    };
    platform.run(&ChangeUser { id: USER.into(), changes, expected_version: None }).await.unwrap();
}

fn credentials(platform: &Platform) -> Vec<CreateCredential> {
    let object = |value: Value| CredentialData::Json(object_of(value));
    let identity = format!("sip:{CANARY}@example.org");
    let credential = |id: &str, kind, data| CreateCredential {
        id: id.into(),
        kind,
        source: "wac".to_owned(),
        context: object_of(json!({ "note": CANARY, "phone": CANARY_DIGITS })),
        domain: "base".into(),
        user: Some(USER.into()),
        data,
        lease_s: 0,
        identity_key: None,
    };
    let sip = object(json!({ "username": identity, "password": format!("{CANARY} password") }));
    let gateway = object(json!({
        "username": identity, "userauthname": CANARY, "password": CANARY, "authserver": "wss://gateway.example.org",
    }));
    let basic = CredentialData::PasswordHash(format!("$argon2id$v=19${CANARY}"));
    vec![
        credential("c-basic", CredentialKind::Basic, basic),
        CreateCredential {
            identity_key: Some(sip_identity_key(&*platform.stores.keys, &"base".into(), &identity)),
            ..credential("c-sip", CredentialKind::SipMapping, sip)
        },
        credential("c-ims", CredentialKind::Ims, gateway),
        credential("c-token", CredentialKind::Token, object(json!({ "token": CANARY }))),
    ]
}

fn object_of(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// Everything a reader of events could be shown, as text; and whether any of it is marked erased.
async fn displayed(stores: &Stores) -> (String, bool) {
    let subjects = [SubjectId::from(USER), SubjectId::from("bystander")];
    let found = stores.keys.find(&subjects).await.unwrap();
    let key = |subject: &SubjectId| {
        let index = subjects.iter().position(|known| known == subject)?;
        found[index].key().cloned()
    };
    let mut text = String::new();
    let mut erased = false;
    for event in story::read_all(&*stores.log).await.unwrap() {
        let mut data: Value = serde_json::from_str(&event.data).unwrap();
        erased |= open_for_display(&mut data, &key);
        text.push_str(&data.to_string());
        text.push('\n');
    }
    (text, erased)
}

async fn states_text(stores: &Stores) -> String {
    let subjects = [SubjectId::from(USER), SubjectId::from("bystander")];
    let found = stores.keys.find(&subjects).await.unwrap();
    let key = |subject: &SubjectId| found[subjects.iter().position(|known| known == subject)?].key().cloned();
    let events = story::read_all(&*stores.log).await.unwrap();
    fold::states_json(&fold::fold(States::new(), &events, &key).unwrap()).to_string()
}

fn contains_canary(text: &str) -> bool {
    !search_bytes(Path::new("an answer"), text.as_bytes(), &canary_forms()).is_empty()
}

/// The wrapped key as it stands in the database.
async fn stored_key(stores: &Stores) -> Option<Vec<u8>> {
    let sql = "select wrapped from subject_keys where subject = $1";
    match &stores.db {
        Db::Postgres(pool) => sqlx::query_scalar(sql).bind(USER).fetch_one(pool).await.unwrap(),
        Db::Sqlite(db) => sqlx::query_scalar(sql).bind(USER).fetch_one(db.readers()).await.unwrap(),
    }
}

async fn reach_head(runner: &Runner, stores: &Stores) {
    let all = wac_projections::all();
    let names: Vec<&str> = all.iter().map(|projection| projection.name()).collect();
    runner.wait_for(&names, stores.log.head().await.unwrap().position, PATIENCE).await.unwrap();
}

async fn user_row(stores: &Stores, id: &str) -> Option<wac_projections::Row> {
    let rows = SqlRows::open(stores.db.clone(), wac_projections::all()).await.unwrap();
    rows.select(Select::key(&USERS, id)).await.unwrap().pop()
}

async fn an_erased_person_is_gone(ground: Ground) {
    ground.prove_the_search().await;
    let env: Arc<dyn Environment> = Arc::new(SystemEnvironment);
    let stores = databases::open_with(&ground.url, env.clone()).await.unwrap();
    let shutdown = CancellationToken::new();
    let projections = wac_projections::all();
    let runner = Runner::start(stores.db.clone(), stores.log.clone(), projections, shutdown.clone()).await.unwrap();
    let platform = Platform::new(stores.clone(), env);

    live_person(&platform).await;
    reach_head(&runner, &stores).await;
    let sealed = sealed_username(&story::read_all(&*stores.log).await.unwrap());
    let wrapped = stored_key(&stores).await.expect("the key is there");
    before_erasure(&ground, &stores, &sealed, &wrapped).await;

    let erase = DeleteUser { id: USER.into(), cascade: true, erase: true, expected_version: None };
    platform.run(&erase).await.unwrap();
    reach_head(&runner, &stores).await;
    after_erasure(&ground, &platform, &sealed, &wrapped).await;

    shutdown.cancel();
    runner.stopped().await;
    stores.close().await;
    assert_eq!(ground.search(&canary_forms()), [], "in the files of the closed store");
    assert_eq!(ground.search(&byte_forms("the key", &wrapped)), [], "in the files of the closed store");
    let stores = databases::open(&ground.url).await.unwrap();
    assert!(!contains_canary(&displayed(&stores).await.0) && !contains_canary(&states_text(&stores).await));
    stores.close().await;
}

fn sealed_username(events: &[Recorded]) -> Cell {
    let created = events.iter().find(|event| event.stream == UserId::from(USER).stream()).unwrap();
    let data: Value = serde_json::from_str(&created.data).unwrap();
    Cell::Sealed(data["username"]["$personal"].as_str().unwrap().to_owned())
}

async fn before_erasure(ground: &Ground, stores: &Stores, sealed: &Cell, wrapped: &[u8]) {
    // The canary is really there, behind its key …
    assert!(contains_canary(&displayed(stores).await.0) && contains_canary(&states_text(stores).await));
    let KeyState::Present(key) = stores.keys.find(&[USER.into()]).await.unwrap().remove(0) else { panic!("no key") };
    let mut cell = sealed.clone();
    cell.open("username", Some(&key)).unwrap();
    assert_eq!(cell.clear(), Some(format!("{CANARY} a").as_str()));
    let unwrapped = MasterKey::new(databases::MASTER_KEY).unwrap(&USER.into(), wrapped);
    assert!(unwrapped.is_some(), "what is stored is the key");
    assert!(user_row(stores, USER).await.is_some());
    // … which is in the files, and the canary itself is not.
    assert!(!ground.search(&byte_forms("the key", wrapped)).is_empty(), "the search misses the key in the files");
    assert_eq!(ground.search(&canary_forms()), []);
}

async fn after_erasure(ground: &Ground, platform: &Platform, sealed: &Cell, wrapped: &[u8]) {
    let stores = &platform.stores;
    let (shown, erased) = displayed(stores).await;
    assert!(!contains_canary(&shown) && erased && shown.contains("bystander@example.org"), "{shown}");
    let states = states_text(stores).await;
    assert!(!contains_canary(&states) && states.contains("bystander@example.org"), "{states}");
    // The handler that knew the person in memory has forgotten it too.
    let world = platform.handler.load(&[UserId::from(USER).stream()]).await.unwrap();
    assert_eq!(world.user(&USER.into()).username.0, Cell::Erased);
    assert!(user_row(stores, USER).await.is_none() && user_row(stores, "bystander").await.is_some());
    assert!(matches!(stores.keys.find(&[USER.into()]).await.unwrap()[0], KeyState::Erased));
    assert!(matches!(stores.keys.find_or_create(&USER.into()).await.unwrap(), KeyState::Erased));
    let mut cell = sealed.clone();
    cell.open("username", None).unwrap();
    assert_eq!(cell, Cell::Erased);
    assert_eq!(stored_key(stores).await, None);
    // An export is the events as they stand in the log.
    for event in story::read_all(&*stores.log).await.unwrap() {
        assert!(!contains_canary(&event.data) && !contains_canary(&event.meta), "position {}", event.position);
    }
    assert_eq!(ground.search(&canary_forms()), [], "in the files");
    assert_eq!(ground.search(&byte_forms("the key", wrapped)), [], "in the files");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_gone_from_sqlite() {
    an_erased_person_is_gone(Ground::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_gone_from_postgres() {
    let ground = tokio::task::spawn_blocking(Ground::postgres).await.unwrap();
    an_erased_person_is_gone(ground).await;
}
