//! One event of every type in its newest version, every field set: what new samples are made of.

use wac_events::credential::{
    CredentialChanged, CredentialCreated, CredentialLeaseReleased, CredentialLeased, CredentialMoved,
    CredentialRevoked, RevocationReason,
};
use wac_events::domain::{DomainChanged, DomainClosing, DomainCreated, DomainDeleted, DomainObject, Services};
use wac_events::oauth::{
    ClientChanged, ClientCreated, ClientDeleted, ClientSecretRotated, TokenIssued, TokenRefreshed, TokenRevocation,
    TokenRevoked,
};
use wac_events::reservation::{ReservationReleased, ReservationTaken};
use wac_events::user::{SubjectErased, UserChanged, UserCreated, UserDeleted};
use wac_events::{
    AnyEvent, ClientEvent, CredentialEvent, CredentialKind, DomainEvent, GrantKind, Patch, Personal, ReservationEvent,
    Role, Secret, SubjectEvent, Time, TokenEvent, UserEvent, hex,
};

pub(crate) const DOMAIN: &str = "0198a1b2-0000-7000-8000-000000000001";
const PARENT: &str = "0198a1b2-0000-7000-8000-000000000002";
pub(crate) const USER: &str = "0198a1b2-0000-7000-8000-000000000003";
const CREDENTIAL: &str = "0198a1b2-0000-7000-8000-000000000004";
pub(crate) const CLIENT: &str = "0198a1b2-0000-7000-8000-000000000005";
const TOKEN: &str = "0198a1b2-0000-7000-8000-000000000006";

pub(crate) fn events() -> Vec<AnyEvent> {
    let mut events = Vec::new();
    events.extend(domains().map(AnyEvent::from));
    events.extend(users().map(AnyEvent::from));
    events.push(SubjectEvent::from(SubjectErased { subject: USER.into(), at: at(9) }).into());
    events.extend(credentials().map(AnyEvent::from));
    events.extend(clients().map(AnyEvent::from));
    events.extend(tokens().map(AnyEvent::from));
    let (taken, released) =
        (ReservationTaken { holder: USER.to_owned() }, ReservationReleased { holder: USER.to_owned() });
    events.extend([ReservationEvent::from(taken), released.into()].map(AnyEvent::from));
    events.extend(crate::signaling::events());
    events
}

pub(crate) fn at(minute: i64) -> Time {
    Time::from_millis(1_767_225_600_000 + minute * 60_000)
}

/// What stands for a SHA-256 in hex.
pub(crate) fn hash(byte: u8) -> String {
    hex(&[byte; 32])
}

fn services() -> Services {
    [("contacts".to_owned(), vec!["wac".to_owned(), "static".to_owned()])].into()
}

fn domains() -> [DomainEvent; 4] {
    let created = DomainCreated {
        id: DOMAIN.into(),
        name: "demo".to_owned(),
        parent: Some(PARENT.into()),
        origins: vec![Some("https://*.example.com".to_owned()), None],
        enable_anonymous: true,
        anonymous_expiration_ms: 3_600_000,
        anonymous_capabilities: vec!["-chat".to_owned()],
        services: Some(services()),
        at: at(0),
    };
    let changed = DomainChanged {
        name: Patch::Set("renamed".to_owned()),
        parent: Patch::Set(Some(PARENT.into())),
        origins: Patch::Set(vec![Some("/^https:/".to_owned())]),
        enable_anonymous: Patch::Set(false),
        anonymous_expiration_ms: Patch::Set(0),
        anonymous_capabilities: Patch::Set(vec!["+chat".to_owned()]),
        services: Patch::Set(Some(services())),
    };
    let object = DomainObject {
        id: DOMAIN.into(),
        name: "renamed".to_owned(),
        parent: Some(PARENT.into()),
        origins: vec![Some("/^https:/".to_owned()), None],
        enable_anonymous: false,
        anonymous_expiration_ms: 0,
        anonymous_capabilities: vec!["+chat".to_owned()],
        services: Some(services()),
        created_at: at(0),
    };
    let deleted = DomainDeleted { name: "renamed".to_owned(), domain: Some(object) };
    [created.into(), changed.into(), DomainClosing { at: at(1) }.into(), deleted.into()]
}

fn users() -> [UserEvent; 3] {
    let created = UserCreated {
        id: USER.into(),
        domain: DOMAIN.into(),
        username: Personal::new("Alice"),
        name_key: hash(1),
        role: Role::User,
        email: Some(Personal::new("alice@example.com")),
        mobile_phones: vec![Personal::new("+34600123456"), Personal::new("+34600123457")],
        land_line_number: Some(Personal::new("+34910123456")),
        alias: Personal::new("alice-alias"),
        display_name: Some(Personal::new("Alice A.")),
        capabilities: vec!["+recording".to_owned()],
        at: at(2),
    };
    let changed = UserChanged {
        id: USER.into(),
        domain: Patch::Set(PARENT.into()),
        username: Patch::Set(Personal::new("alice2")),
        name_key: Patch::Set(hash(2)),
        role: Patch::Set(Role::Admin),
        email: Patch::Set(Some(Personal::new("alice2@example.com"))),
        mobile_phones: Patch::Set(vec![Personal::new("+34600123458")]),
        land_line_number: Patch::Set(Some(Personal::new("+34910123457"))),
        alias: Patch::Set(Personal::new("alice2-alias")),
        display_name: Patch::Set(Some(Personal::new("Alice B."))),
        capabilities: Patch::Set(vec!["-recording".to_owned()]),
    };
    let deleted = UserDeleted { id: USER.into(), domain: DOMAIN.into(), cascade: true };
    [created.into(), changed.into(), deleted.into()]
}

fn credentials() -> [CredentialEvent; 6] {
    let context = Personal::new(r#"{"gateway":"sip.example.com"}"#);
    let created = CredentialCreated {
        id: CREDENTIAL.into(),
        kind: CredentialKind::SipMapping,
        source: "wac".to_owned(),
        context: Some(context.clone()),
        domain: DOMAIN.into(),
        user: Some(USER.into()),
        identity_key: Some(hash(3)),
        data: Secret::new(r#"{"uri":"sip:alice@example.com"}"#),
        lease_s: 600,
        at: at(3),
    };
    let changed = CredentialChanged {
        subject: USER.into(),
        source: Patch::Set("carrier".to_owned()),
        context: Patch::Set(context),
        identity_key: Patch::Set(hash(4)),
        data: Patch::Set(Secret::new(r#"{"uri":"sip:alice2@example.com"}"#)),
        lease_s: Patch::Set(0),
    };
    let leased = CredentialLeased { holder: TOKEN.into(), until: at(63) };
    [
        created.into(),
        changed.into(),
        CredentialRevoked { reason: RevocationReason::OwnerDeleted }.into(),
        leased.into(),
        CredentialLeaseReleased { holder: TOKEN.into() }.into(),
        CredentialMoved { domain: DOMAIN.into(), identity_key: Some(hash(5)) }.into(),
    ]
}

fn clients() -> [ClientEvent; 4] {
    let created = ClientCreated {
        id: CLIENT.into(),
        name: "billing".to_owned(),
        redirect_uris: vec!["https://billing.example.com/callback".to_owned()],
        grants: GrantKind::ALL.to_vec(),
        domain: DOMAIN.into(),
        trusted: true,
        access_token_expiration_s: Some(3_600),
        refresh_token_expiration_s: Some(86_400),
        secret_hash: Some(hash(5)),
        at: at(4),
    };
    let changed = ClientChanged {
        name: Patch::Set("billing 2".to_owned()),
        redirect_uris: Patch::Set(vec!["https://billing.example.com/return".to_owned()]),
        grants: Patch::Set(vec![GrantKind::ClientCredentials]),
        trusted: Patch::Set(false),
        access_token_expiration_s: Patch::Set(Some(60)),
        refresh_token_expiration_s: Patch::Set(Some(120)),
    };
    [created.into(), changed.into(), ClientSecretRotated { secret_hash: hash(6) }.into(), ClientDeleted {}.into()]
}

fn tokens() -> [TokenEvent; 3] {
    let issued = TokenIssued {
        id: TOKEN.into(),
        grant: GrantKind::Password,
        user: Some(USER.into()),
        client: Some(CLIENT.into()),
        domain: DOMAIN.into(),
        role: Role::User,
        access_hash: hash(7),
        access_expires_at: at(65),
        refresh_hash: Some(hash(8)),
        refresh_expires_at: Some(at(1_445)),
        at: at(5),
    };
    let refreshed = TokenRefreshed {
        access_hash: hash(9),
        access_expires_at: at(66),
        refresh_hash: hash(10),
        refresh_expires_at: at(1_446),
        used_refresh_hash: hash(8),
    };
    [issued.into(), refreshed.into(), TokenRevoked { reason: TokenRevocation::Reuse }.into()]
}
