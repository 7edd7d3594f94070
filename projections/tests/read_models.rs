//! What every event does to the rows.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::json;
use wac_events::credential::*;
use wac_events::domain::*;
use wac_events::oauth::*;
use wac_events::user::*;
use wac_events::*;
use wac_projections::*;

struct FixedEnv;

impl Environment for FixedEnv {
    fn now(&self) -> Time {
        Time::EPOCH
    }

    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

fn key() -> SubjectKey {
    SubjectKey::generate(SubjectId::from("u1"), &FixedEnv)
}

fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

/// A log in memory that seals what it takes, and the rows it gives.
#[derive(Default)]
struct Story {
    events: Vec<Recorded>,
    versions: BTreeMap<StreamId, u64>,
}

impl Story {
    fn then(mut self, stream: StreamId, event: impl Into<AnyEvent>) -> Self {
        let mut event = event.into();
        event.seal(&key(), &FixedEnv);
        let version = self.versions.entry(stream.clone()).or_default();
        *version += 1;
        let position = Position(self.events.len() as u64 + 1);
        self.events.push(Recorded {
            position,
            version: *version,
            event_id: EventId(uuid::Uuid::from_u128(position.0.into())),
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            domain: None,
            data: event.encode().unwrap(),
            meta: "{}".to_owned(),
            occurred_at: at(0),
            recorded_at: at(0),
            stream,
        });
        self
    }

    fn rows(&self) -> MemTables {
        let all = all();
        let projections: Vec<&dyn Projection> = all.iter().map(|projection| &**projection).collect();
        let mut tables = MemTables::default();
        self.events.iter().for_each(|event| tables.apply_event(&projections, event).unwrap());
        tables
    }

    fn row(&self, table: &'static Table, key: &str) -> Option<Row> {
        self.rows().select(&Select::key(table, key)).pop()
    }

    fn domain(&self) -> Option<DomainRow> {
        self.row(&DOMAINS, "d1").map(|row| DomainRow::from_row(&row).expect("a row of this table"))
    }

    fn user(&self) -> Option<UserRow> {
        self.row(&USERS, "u1").map(|row| UserRow::from_row(&row).expect("a row of this table"))
    }

    fn credential(&self) -> Option<CredentialRow> {
        self.row(&CREDENTIALS, "c1").map(|row| CredentialRow::from_row(&row).expect("a row of this table"))
    }

    fn client(&self) -> Option<ClientRow> {
        self.row(&CLIENTS, "app").map(|row| ClientRow::from_row(&row).expect("a row of this table"))
    }

    fn token(&self) -> Option<TokenRow> {
        self.row(&TOKENS, "t1").map(|row| TokenRow::from_row(&row).expect("a row of this table"))
    }
}

fn domain_created() -> Story {
    Story::default().then(
        "domain-d1".into(),
        DomainEvent::from(DomainCreated {
            id: "d1".into(),
            name: "demo".into(),
            parent: Some("d0".into()),
            origins: vec![Some("*.example.org".into()), None],
            enable_anonymous: true,
            anonymous_expiration_ms: 60_000,
            anonymous_capabilities: vec!["+chat".into()],
            services: None,
            at: at(1),
        }),
    )
}

fn user_created() -> Story {
    Story::default().then(
        "user-u1".into(),
        UserEvent::from(UserCreated {
            id: "u1".into(),
            domain: "d1".into(),
            username: Personal::new("alice"),
            name_key: "k1".into(),
            role: Role::User,
            email: Some(Personal::new("alice@example.org")),
            mobile_phones: vec![Personal::new("+34600"), Personal::new("+34601")],
            land_line_number: None,
            alias: Personal::new("al"),
            display_name: Some(Personal::new("Alice")),
            capabilities: vec!["-video".into()],
            at: at(2),
        }),
    )
}

fn credential_created(user: Option<&str>) -> Story {
    Story::default().then(
        "credential-c1".into(),
        CredentialEvent::from(CredentialCreated {
            id: "c1".into(),
            kind: CredentialKind::Ims,
            source: "wac".into(),
            context: Some(Personal::new(r#"{"a":[1,null]}"#)),
            domain: "d1".into(),
            user: user.map(UserId::from),
            identity_key: Some("i1".into()),
            data: Secret::new("{\"password\":\"pw\"}"),
            lease_s: 3600,
            at: at(3),
        }),
    )
}

fn client_created() -> Story {
    Story::default().then(
        "client-app".into(),
        ClientEvent::from(ClientCreated {
            id: "app".into(),
            name: "App".into(),
            redirect_uris: vec!["https://app.example.org/cb".into()],
            grants: vec![GrantKind::Password, GrantKind::RefreshToken],
            domain: "d1".into(),
            trusted: true,
            access_token_expiration_s: Some(600),
            refresh_token_expiration_s: None,
            secret_hash: Some("s1".into()),
            at: at(4),
        }),
    )
}

fn issued() -> TokenEvent {
    TokenEvent::from(TokenIssued {
        id: "t1".into(),
        grant: GrantKind::Password,
        user: Some("u1".into()),
        client: None,
        domain: "d1".into(),
        role: Role::User,
        access_hash: "a1".into(),
        access_expires_at: at(100),
        refresh_hash: Some("r1".into()),
        refresh_expires_at: Some(at(1000)),
        at: at(50),
    })
}

fn refreshed() -> TokenEvent {
    TokenEvent::from(TokenRefreshed {
        access_hash: "a2".into(),
        access_expires_at: at(200),
        refresh_hash: "r2".into(),
        refresh_expires_at: at(2000),
        used_refresh_hash: "r1".into(),
    })
}

#[test]
fn a_created_domain_is_a_row_with_every_field() {
    let row = domain_created().domain().unwrap();
    let expected = DomainRow {
        id: "d1".into(),
        name: "demo".into(),
        parent: Some("d0".into()),
        origins: vec![Some("*.example.org".into()), None],
        enable_anonymous: true,
        anonymous_expiration_ms: 60_000,
        anonymous_capabilities: vec!["+chat".into()],
        services: None,
        closing: false,
        created_at: at(1),
        version: 1,
    };
    assert_eq!(row, expected);
}

#[test]
fn a_changed_domain_keeps_what_was_not_named_and_moves_its_version() {
    let services = Services::from([("contacts".to_owned(), vec!["wac".to_owned()])]);
    let changed = DomainChanged {
        parent: Patch::Set(None),
        services: Patch::Set(Some(services.clone())),
        enable_anonymous: Patch::Set(false),
        ..DomainChanged::default()
    };
    let before = domain_created().domain().unwrap();
    let after = domain_created().then("domain-d1".into(), DomainEvent::from(changed)).domain().unwrap();
    let expected = DomainRow { parent: None, services: Some(services), enable_anonymous: false, version: 2, ..before };
    assert_eq!(after, expected);
}

#[test]
fn every_field_of_a_domain_can_change() {
    let changed = DomainChanged {
        name: Patch::Set("other".into()),
        parent: Patch::Set(Some("d9".into())),
        origins: Patch::Set(vec![]),
        enable_anonymous: Patch::Set(false),
        anonymous_expiration_ms: Patch::Set(1),
        anonymous_capabilities: Patch::Set(vec![]),
        services: Patch::Set(Some(Services::new())),
    };
    let after = domain_created().then("domain-d1".into(), DomainEvent::from(changed)).domain().unwrap();
    let expected = DomainRow {
        id: "d1".into(),
        name: "other".into(),
        parent: Some("d9".into()),
        origins: vec![],
        enable_anonymous: false,
        anonymous_expiration_ms: 1,
        anonymous_capabilities: vec![],
        services: Some(Services::new()),
        closing: false,
        created_at: at(1),
        version: 2,
    };
    assert_eq!(after, expected);
}

#[test]
fn a_closing_domain_is_marked_and_a_deleted_one_is_gone() {
    let closing = domain_created().then("domain-d1".into(), DomainEvent::from(DomainClosing { at: at(9) }));
    let row = closing.domain().unwrap();
    assert!(row.closing);
    assert_eq!(row.version, 2);
    let gone = closing.then("domain-d1".into(), DomainEvent::from(DomainDeleted { name: "demo".into(), domain: None }));
    assert_eq!(gone.domain(), None);
}

#[test]
fn a_created_user_is_a_sealed_row_that_its_key_opens() {
    let mut row = user_created().user().unwrap();
    assert_eq!(row.username.clear(), None);
    assert_eq!(row.subject(), SubjectId::from("u1"));
    row.open(Some(&key())).unwrap();
    let expected = UserRow {
        id: "u1".into(),
        domain: "d1".into(),
        username: Personal::new("alice"),
        name_key: "k1".into(),
        role: Role::User,
        email: Some(Personal::new("alice@example.org")),
        mobile_phones: vec![Personal::new("+34600"), Personal::new("+34601")],
        land_line_number: None,
        alias: Personal::new("al"),
        display_name: Some(Personal::new("Alice")),
        capabilities: vec!["-video".into()],
        created_at: at(2),
        last_login: None,
        version: 1,
    };
    assert_eq!(row, expected);
}

#[test]
fn no_column_of_a_user_shows_personal_text() {
    let row = user_created().row(&USERS, "u1").unwrap();
    let shown = format!("{row:?}");
    for canary in ["alice", "Alice", "+3460", "\"al\"", "example.org"] {
        assert!(!shown.contains(canary), "{canary} stands in the row {shown}");
    }
}

#[test]
fn without_a_key_a_user_is_erased() {
    let mut row = user_created().user().unwrap();
    row.open(None).unwrap();
    assert_eq!(row.username.0, Cell::Erased);
    assert_eq!(row.email.unwrap().0, Cell::Erased);
    assert!(row.mobile_phones.iter().all(|phone| phone.0 == Cell::Erased));
}

#[test]
fn every_field_of_a_user_can_change() {
    let changed = UserChanged {
        id: "u1".into(),
        domain: Patch::Set("d2".into()),
        username: Patch::Set(Personal::new("bob")),
        name_key: Patch::Set("k2".into()),
        role: Patch::Set(Role::Admin),
        email: Patch::Set(None),
        mobile_phones: Patch::Set(vec![]),
        land_line_number: Patch::Set(Some(Personal::new("+3491"))),
        alias: Patch::Set(Personal::new("bo")),
        display_name: Patch::Set(None),
        capabilities: Patch::Set(vec!["+video".into()]),
    };
    let mut row = user_created().then("user-u1".into(), UserEvent::from(changed)).user().unwrap();
    row.open(Some(&key())).unwrap();
    let expected = UserRow {
        id: "u1".into(),
        domain: "d2".into(),
        username: Personal::new("bob"),
        name_key: "k2".into(),
        role: Role::Admin,
        email: None,
        mobile_phones: vec![],
        land_line_number: Some(Personal::new("+3491")),
        alias: Personal::new("bo"),
        display_name: None,
        capabilities: vec!["+video".into()],
        created_at: at(2),
        last_login: None,
        version: 2,
    };
    assert_eq!(row, expected);
}

#[test]
fn a_user_of_the_first_payload_version_has_the_newest_shape() {
    let mut story = Story::default();
    let sealed = |text: &str, field: &str| {
        let mut cell = Cell::Clear(text.to_owned());
        cell.seal(field, &key(), &FixedEnv);
        serde_json::to_value(Personal(cell)).unwrap()
    };
    story.events.push(Recorded {
        position: Position(1),
        stream: "user-u1".into(),
        version: 1,
        event_id: EventId(uuid::Uuid::from_u128(1)),
        event_type: "user.created".into(),
        schema_version: 1,
        domain: None,
        data: json!({
            "id": "u1", "domain": "d1", "username": sealed("alice", "username"), "nameKey": "k1", "role": "user",
            "mobilePhone": sealed("+34600", "mobilePhones"), "alias": sealed("al", "alias"), "at": "2026-01-01T00:00:00Z",
        })
        .to_string(),
        meta: "{}".into(),
        occurred_at: at(0),
        recorded_at: at(0),
    });
    let mut row = story.user().unwrap();
    row.open(Some(&key())).unwrap();
    assert_eq!(row.mobile_phones, [Personal::new("+34600")]);
    assert_eq!(row.display_name, None);
}

#[test]
fn a_deleted_user_is_gone_and_a_later_login_does_not_bring_it_back() {
    let deleted = UserDeleted { id: "u1".into(), domain: "d1".into(), cascade: true };
    let story = user_created().then("user-u1".into(), UserEvent::from(deleted)).then("token-t1".into(), issued());
    assert_eq!(story.user(), None);
}

#[test]
fn an_issued_token_is_its_users_last_login_and_leaves_the_users_version() {
    let row = user_created().then("token-t1".into(), issued()).user().unwrap();
    assert_eq!(row.last_login, Some(at(50)));
    assert_eq!(row.version, 1);
}

#[test]
fn a_created_credential_is_a_sealed_row_that_its_owners_key_opens() {
    let mut row = credential_created(Some("u1")).credential().unwrap();
    assert_eq!(row.subject(), SubjectId::from("u1"));
    assert_eq!(row.data.clear(), None);
    row.open(Some(&key())).unwrap();
    let expected = CredentialRow {
        id: "c1".into(),
        kind: CredentialKind::Ims,
        source: "wac".into(),
        context: Personal::new(r#"{"a":[1,null]}"#),
        domain: "d1".into(),
        user: Some("u1".into()),
        identity_key: Some("i1".into()),
        data: Secret::new("{\"password\":\"pw\"}"),
        lease_s: 3600,
        leased_by: None,
        leased_until: None,
        created_at: at(3),
        version: 1,
    };
    assert_eq!(row, expected);
}

#[test]
fn a_pool_credential_is_sealed_for_its_domain() {
    assert_eq!(credential_created(None).credential().unwrap().subject(), SubjectId::from("domain-d1"));
}

#[test]
fn free_data_that_the_log_has_in_clear_stays_readable_whatever_it_looks_like() {
    let context = json!({ "$personal": "u2.AAAA" });
    let created = json!({ "id": "c1", "kind": "token", "source": "wac", "context": context, "domain": "d1",
        "user": "u1", "data": {}, "at": "2026-01-01T00:00:00Z" });
    let mut story = credential_created(Some("u1"));
    (story.events[0].schema_version, story.events[0].data) = (1, created.to_string());
    let mut row = story.credential().unwrap();
    row.open(None).unwrap();
    assert_eq!(json!(row.free_data()), context);
}

#[test]
fn erased_free_data_is_empty() {
    let mut row = credential_created(Some("u1")).credential().unwrap();
    assert_eq!(row.context.clear(), None, "it is sealed in the row");
    row.open(None).unwrap();
    assert!(row.free_data().is_empty() && row.data.clear().is_none());
}

#[test]
fn every_field_of_a_credential_can_change() {
    let changed = CredentialChanged {
        subject: "u1".into(),
        source: Patch::Set("other".into()),
        context: Patch::Set(Personal::new("{}")),
        identity_key: Patch::Set("i2".into()),
        data: Patch::Set(Secret::new("new")),
        lease_s: Patch::Set(5),
    };
    let story = credential_created(Some("u1")).then("credential-c1".into(), CredentialEvent::from(changed));
    let mut row = story.credential().unwrap();
    row.open(Some(&key())).unwrap();
    assert_eq!((row.source.as_str(), row.lease_s, row.version), ("other", 5, 2));
    assert_eq!((&row.data, row.identity_key.as_deref()), (&Secret::new("new"), Some("i2")));
    assert!(row.free_data().is_empty());
    assert_eq!(row.created_at, at(3));
}

#[test]
fn a_lease_stands_in_the_row_until_it_is_released() {
    let leased = CredentialLeased { holder: "t9".into(), until: at(77) };
    let story = credential_created(None).then("credential-c1".into(), CredentialEvent::from(leased));
    let row = story.credential().unwrap();
    assert_eq!((row.leased_by, row.leased_until, row.version), (Some("t9".into()), Some(at(77)), 2));
    let released = CredentialLeaseReleased { holder: "t9".into() };
    let row = story.then("credential-c1".into(), CredentialEvent::from(released)).credential().unwrap();
    assert_eq!((row.leased_by, row.leased_until, row.version), (None, None, 3));
}

#[test]
fn a_revoked_credential_is_gone() {
    let revoked = CredentialRevoked { reason: RevocationReason::Requested };
    let story = credential_created(Some("u1")).then("credential-c1".into(), CredentialEvent::from(revoked));
    assert_eq!(story.credential(), None);
}

#[test]
fn a_created_client_is_a_row_with_every_field() {
    let expected = ClientRow {
        id: "app".into(),
        name: "App".into(),
        redirect_uris: vec!["https://app.example.org/cb".into()],
        grants: vec![GrantKind::Password, GrantKind::RefreshToken],
        domain: "d1".into(),
        trusted: true,
        access_token_expiration_s: Some(600),
        refresh_token_expiration_s: None,
        secret_hash: Some("s1".into()),
        created_at: at(4),
        version: 1,
    };
    assert_eq!(client_created().client(), Some(expected));
}

#[test]
fn every_field_of_a_client_can_change() {
    let changed = ClientChanged {
        name: Patch::Set("Other".into()),
        redirect_uris: Patch::Set(vec![]),
        grants: Patch::Set(vec![GrantKind::ClientCredentials]),
        trusted: Patch::Set(false),
        access_token_expiration_s: Patch::Set(None),
        refresh_token_expiration_s: Patch::Set(Some(9)),
    };
    let story = client_created().then("client-app".into(), ClientEvent::from(changed));
    let expected = ClientRow {
        name: "Other".into(),
        redirect_uris: vec![],
        grants: vec![GrantKind::ClientCredentials],
        trusted: false,
        access_token_expiration_s: None,
        refresh_token_expiration_s: Some(9),
        version: 2,
        ..client_created().client().unwrap()
    };
    assert_eq!(story.client(), Some(expected));
}

#[test]
fn a_rotated_secret_replaces_the_hash_and_a_deleted_client_is_gone() {
    let rotated = ClientSecretRotated { secret_hash: "s2".into() };
    let story = client_created().then("client-app".into(), ClientEvent::from(rotated));
    let row = story.client().unwrap();
    assert_eq!((row.secret_hash.as_deref(), row.version), (Some("s2"), 2));
    assert_eq!(story.then("client-app".into(), ClientEvent::from(ClientDeleted {})).client(), None);
}

#[test]
fn an_issued_token_is_found_by_its_access_hash() {
    let rows = Story::default().then("token-t1".into(), issued()).rows();
    let found = rows.select(&Select::from(&TOKENS).equals("access_hash", "a1"));
    let expected = TokenRow {
        id: "t1".into(),
        grant: GrantKind::Password,
        user: Some("u1".into()),
        client: None,
        domain: "d1".into(),
        role: Role::User,
        access_hash: "a1".into(),
        access_expires_at: at(100),
        refresh_hash: Some("r1".into()),
        refresh_expires_at: Some(at(1000)),
        issued_at: at(50),
        revoked: false,
        version: 1,
    };
    assert_eq!(found.iter().map(TokenRow::from_row).collect::<Vec<_>>(), [Some(expected)]);
}

#[test]
fn a_used_up_refresh_token_still_names_its_family() {
    let story = Story::default().then("token-t1".into(), issued()).then("token-t1".into(), refreshed());
    let row = story.token().unwrap();
    assert_eq!((row.access_hash.as_str(), row.refresh_hash.as_deref(), row.version), ("a2", Some("r2"), 2));
    assert_eq!((row.access_expires_at, row.refresh_expires_at), (at(200), Some(at(2000))));
    let used = story.row(&USED_REFRESH_TOKENS, "r1").and_then(|row| UsedRefreshTokenRow::from_row(&row));
    assert_eq!(used, Some(UsedRefreshTokenRow { hash: "r1".into(), token: "t1".into() }));
}

#[test]
fn a_revoked_token_family_stays_as_a_revoked_row() {
    let revoked = TokenRevoked { reason: TokenRevocation::Reuse };
    let row = Story::default().then("token-t1".into(), issued()).then("token-t1".into(), TokenEvent::from(revoked));
    let row = row.token().unwrap();
    assert!(row.revoked);
    assert_eq!(row.version, 2);
}

#[test]
fn events_of_a_persons_erasure_and_of_reservations_change_no_row() {
    let erased = SubjectErased { subject: "u1".into(), at: at(9) };
    let taken = wac_events::reservation::ReservationTaken { holder: "u1".into() };
    let story = user_created()
        .then("subject-u1".into(), SubjectEvent::from(erased))
        .then("reservation-username:k1".into(), ReservationEvent::from(taken));
    assert_eq!(story.rows(), user_created().rows());
}

#[test]
fn an_event_of_a_wanted_aggregate_that_nobody_knows_is_an_error_not_a_silence() {
    let mut story = user_created();
    story.events[0].event_type = "user.levitated".into();
    let outcome = UsersProjection.apply(&story.events[0]);
    assert!(matches!(outcome, Err(CodecError::Unknown { .. })));
}

#[test]
fn every_index_names_a_column_and_every_projection_a_known_type() {
    for projection in all() {
        for table in projection.tables() {
            for column in table.indexed {
                assert!(table.column(column).is_some(), "{} has no column {column}", table.name);
            }
        }
        for want in projection.wants() {
            assert!(catalogue().any(|info| is_wanted(&[want], info.event_type)), "nothing is called {want}");
        }
    }
}

#[test]
fn every_projection_decodes_every_type_it_wants() {
    for projection in all() {
        for info in catalogue().filter(|info| is_wanted(projection.wants(), info.event_type)) {
            let mut event = user_created().events.remove(0);
            event.event_type = info.event_type.into();
            event.schema_version = info.schema_version;
            event.data = "[]".to_owned();
            let outcome = projection.apply(&event);
            let known = matches!(outcome, Ok(_) | Err(CodecError::Payload { .. }));
            assert!(known, "{} does not know {}", projection.name(), info.event_type);
        }
    }
}
