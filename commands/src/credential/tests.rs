use serde_json::json;
use wac_events::credential::RevocationReason;
use wac_events::{AnyEvent, CredentialEvent, CredentialId, CredentialKind, Role};

use super::*;
use crate::testing::*;
use crate::*;

fn story() -> Story {
    given().after(base()).after(child("a")).after(user("alice", "base")).after(user("bob", "base"))
}

fn mapping(id: &str, user: &str, key: &str) -> CreateCredential {
    CreateCredential {
        kind: CredentialKind::SipMapping,
        data: CredentialData::Json(object(json!({ "username": "205", "password": "" }))),
        identity_key: Some(key.to_owned()),
        ..basic(id, user)
    }
}

fn change(id: &str, changes: CredentialChanges) -> ChangeCredential {
    ChangeCredential { id: id.into(), changes, expected_version: None }
}

fn revoke(id: &str) -> RevokeCredential {
    RevokeCredential { id: id.into(), reason: RevocationReason::Requested, expected_version: None }
}

#[test]
fn a_user_has_one_basic_credential() {
    let story = story().after(basic("c1", "alice"));
    story.when(basic("c2", "alice")).then_rejected(Rejection::BasicCredentialExists);
    story.when(basic("c2", "bob")).then(&["reservation.taken", "credential.created"]);
    story.after(revoke("c1")).when(basic("c2", "alice")).then(&["reservation.taken", "credential.created"]);
}

#[test]
fn a_sip_identity_is_unique_in_its_domain() {
    let story = story().after(mapping("c1", "alice", "205"));
    story.when(mapping("c2", "bob", "205")).then_rejected(Rejection::SipIdentityTaken);
    story.after(revoke("c1")).when(mapping("c2", "bob", "205")).then(&["reservation.taken", "credential.created"]);
}

#[test]
fn a_changed_sip_identity_frees_the_old_one() {
    let data = CredentialData::Json(object(json!({ "username": "206" })));
    let to = |key: &str| CredentialChanges {
        data: Some(data.clone()),
        identity_key: Some(key.to_owned()),
        ..Default::default()
    };
    let story = story().after(mapping("c1", "alice", "205")).after(mapping("c2", "bob", "207"));
    story.when(change("c1", to("207"))).then_rejected(Rejection::SipIdentityTaken);
    let moved = story.after(change("c1", to("206")));
    moved.when(mapping("c3", "bob", "205")).then(&["reservation.taken", "credential.created"]);
    moved.after(revoke("c1")).when(mapping("c3", "bob", "206")).then(&["reservation.taken", "credential.created"]);
}

/// A user moves to the domain `a`, known there by his own name, with these credentials.
fn moves(user: &str, credentials: &[(&str, Option<&str>)]) -> ChangeUser {
    let name = UserName { domain: "a".into(), username: user.to_owned(), key: format!("a-{user}") };
    let follower = |(id, key): &(&str, Option<&str>)| follower(id, *key);
    let credentials = credentials.iter().map(follower).collect();
    let changes = UserChanges { name: Some(name), credentials, ..UserChanges::default() };
    ChangeUser { id: user.into(), changes, expected_version: None }
}

fn follower(id: &str, key: Option<&str>) -> Follower {
    Follower { id: id.into(), identity_key: key.map(str::to_owned) }
}

fn follows(id: &str, key: Option<&str>) -> MoveCredential {
    MoveCredential { follower: follower(id, key), domain: "a".into() }
}

/// Alice has a password and a SIP identity.
fn with_both() -> Story {
    story().after(basic("c1", "alice")).after(mapping("c2", "alice", "205"))
}

const MOVED: [&str; 7] = [
    "credential.moved",
    "reservation.taken",
    "reservation.released",
    "credential.moved",
    "reservation.taken",
    "reservation.released",
    "user.changed",
];

#[test]
fn credentials_move_with_their_owner_in_the_same_append() {
    let move_all = moves("alice", &[("c1", None), ("c2", Some("a-205"))]);
    with_both().when(move_all.clone()).then(&MOVED);
    let moved = with_both().after(move_all);
    for id in ["c1", "c2"] {
        let State::Credential(credential) = moved.state(&CredentialId::from(id).stream()) else { unreachable!() };
        assert_eq!((credential.domain.as_str(), credential.exists()), ("a", true));
    }
    moved.when(mapping("c3", "bob", "205")).then(&["reservation.taken", "credential.created"]);
    let there = CreateCredential { domain: "a".into(), ..mapping("c3", "alice", "a-205") };
    moved.when(there).then_rejected(Rejection::SipIdentityTaken);
    moved.after(revoke("c2")).when(follows("c1", None)).then_nothing();
}

#[test]
fn who_brings_a_sip_identity_that_is_taken_does_not_move() {
    let carol = user("carol", "a");
    let theirs = CreateCredential { domain: "a".into(), ..mapping("c3", "carol", "a-205") };
    let story = with_both().after(carol).after(theirs);
    story.when(moves("alice", &[("c2", Some("a-205"))])).then_rejected(Rejection::SipIdentityTaken);
}

#[test]
fn only_his_own_credentials_move_with_a_user() {
    let story = with_both().after(basic("c9", "bob"));
    let changed = ["reservation.taken", "reservation.released", "user.changed"];
    story.when(moves("alice", &[("c9", None), ("nothing", None)])).then(&changed);
}

#[test]
fn a_credential_that_was_left_behind_follows_its_owner() {
    let left = with_both().after(moves("alice", &[]));
    left.when(follows("c1", None)).then(&["credential.moved"]);
    let sip = ["reservation.taken", "reservation.released", "credential.moved"];
    left.when(follows("c2", Some("a-205"))).then(&sip);
    with_both().when(follows("c1", None)).then_nothing();
    let gone = DeleteUser { id: "alice".into(), cascade: false, erase: false, expected_version: None };
    left.after(gone).when(follows("c1", None)).then_nothing();
}

#[test]
fn a_sip_identity_that_is_taken_where_its_owner_went_is_revoked() {
    let theirs = CreateCredential { domain: "a".into(), ..mapping("c3", "carol", "a-205") };
    let left = with_both().after(user("carol", "a")).after(theirs).after(moves("alice", &[]));
    let events = left.when(follows("c2", Some("a-205"))).then(&["reservation.released", "credential.revoked"]);
    let AnyEvent::Credential(CredentialEvent::Revoked(revoked)) = &events[1] else { unreachable!() };
    assert_eq!(revoked.reason, RevocationReason::IdentityTaken);
}

#[test]
fn a_credentials_owner_exists_and_is_in_its_domain() {
    story().when(basic("c", "nobody")).then_invalid(&[("user_unknown", "/user")]);
    let elsewhere = CreateCredential { domain: "a".into(), ..basic("c", "alice") };
    story().when(elsewhere).then_invalid(&[("domain_not_the_users", "/domain")]);
    let nowhere = CreateCredential { domain: "x".into(), ..pool("c", "x") };
    story().when(nowhere).then_invalid(&[("domain_unknown", "/domain")]);
}

#[test]
fn only_an_ims_credential_is_without_a_user() {
    story().when(pool("p", "a")).then(&["credential.created"]);
    let ownerless = CreateCredential { user: None, ..basic("c", "alice") };
    story().when(ownerless).then_invalid(&[("user_required", "/user")]);
}

#[test]
fn a_password_is_kept_as_an_argon2id_hash_only() {
    let clear = CreateCredential { data: CredentialData::PasswordHash("qa2".to_owned()), ..basic("c", "alice") };
    story().when(clear).then_invalid(&[("data_invalid", "/data")]);
    let hashed = CreateCredential { kind: CredentialKind::Token, ..basic("c", "alice") };
    story().when(hashed).then_invalid(&[("data_invalid", "/data")]);
}

#[test]
fn a_password_has_1_to_1024_bytes() {
    let of = |bytes: usize| object(json!({ "password": "x".repeat(bytes) }));
    assert_eq!(password(&of(3)), Ok("xxx"));
    assert!(password(&of(PASSWORD_BYTES_MAX)).is_ok());
    for data in [of(0), of(PASSWORD_BYTES_MAX + 1), object(json!({})), object(json!({ "password": 7 }))] {
        assert_eq!(
            password(&data).map_err(|r| (r.code(), r.pointer().map(str::to_owned))),
            Err(("password_invalid", Some("/data/password".to_owned())))
        );
    }
    assert_eq!(password(&object(json!({ "password": "x", "hint": "y" }))).unwrap_err().pointer(), Some("/data/hint"));
}

#[test]
fn ims_data_names_account_gateway_and_ice_servers() {
    assert_eq!(check_data(CredentialKind::Ims, &ims_data()), Ok(()));
    for missing in ["username", "userauthname", "password", "authserver"] {
        let mut data = ims_data();
        data.remove(missing);
        let rejection = check_data(CredentialKind::Ims, &data).unwrap_err();
        assert_eq!(rejection.pointer(), Some(format!("/data/{missing}").as_str()));
    }
    for (field, value) in [
        ("authserver", json!("https://gateway")),
        ("authserver", json!("wss://")),
        ("iceserver", json!("turn:host")),
        ("iceserver", json!([{ "username": "alice" }])),
        ("iceserver", json!(vec![json!({ "urls": "turn:host" }); ICE_SERVERS_MAX + 1])),
    ] {
        let mut data = ims_data();
        data.insert(field.to_owned(), value);
        assert!(check_data(CredentialKind::Ims, &data).is_err(), "{field}");
    }
}

#[test]
fn data_of_a_known_form_has_only_the_fields_of_that_form() {
    let mut data = ims_data();
    data.insert("authserver/2".to_owned(), json!("wss://gateway.example.org"));
    let refused = check_data(CredentialKind::Ims, &data).unwrap_err();
    let fields: Vec<_> = refused.fields().iter().map(|field| (field.code, field.pointer.as_str())).collect();
    assert_eq!(fields, [("field_unknown", "/data/authserver~12")]);
    data.remove("authserver/2");
    check_data(CredentialKind::Ims, &data).unwrap();
}

#[test]
fn free_data_is_bounded() {
    let large = object(json!({ "blob": "x".repeat(DATA_BYTES_MAX) }));
    assert!(check_data(CredentialKind::Token, &large).is_err());
    let wordy =
        CreateCredential { context: large, source: String::new(), lease_s: LEASE_S_MAX + 1, ..basic("c", "alice") };
    story().when(wordy).then_invalid(&[
        ("source_invalid", "/source"),
        ("lease_invalid", "/lease"),
        ("context_invalid", "/context"),
    ]);
}

#[test]
fn a_credential_change_holds_only_what_differs() {
    let story = story().after(basic("c", "alice"));
    let same = CredentialChanges {
        source: Some("wac".to_owned()),
        lease_s: Some(0),
        data: Some(basic("c", "alice").data),
        ..Default::default()
    };
    story.when(change("c", same)).then_nothing();
    let longer = CredentialChanges { lease_s: Some(60), ..Default::default() };
    let events = story.when(change("c", longer)).then(&["credential.changed"]);
    let AnyEvent::Credential(CredentialEvent::Changed(changed)) = &events[0] else { panic!("a change") };
    assert!(changed.data.is_keep() && changed.source.is_keep() && changed.context.is_keep());
}

#[test]
fn a_revoked_credential_is_not_found() {
    let story = story().after(basic("c", "alice")).after(revoke("c"));
    let missing = || Rejection::NotFound { what: "credential", id: "c".to_owned() };
    story.when(revoke("c")).then_rejected(missing());
    story.when(change("c", CredentialChanges::default())).then_rejected(missing());
    story.when(basic("c", "alice")).then_rejected(Rejection::AlreadyExists { what: "credential", id: "c".to_owned() });
}

#[test]
fn a_credential_of_an_older_version_is_neither_changed_nor_revoked() {
    let story = story().after(basic("c", "alice"));
    let stale = || Rejection::PreconditionFailed { expected: 3, actual: 1 };
    story.when(RevokeCredential { expected_version: Some(3), ..revoke("c") }).then_rejected(stale());
    story
        .when(ChangeCredential { expected_version: Some(3), ..change("c", CredentialChanges::default()) })
        .then_rejected(stale());
}

fn lease(holder: &str, seconds: u64) -> LeaseCredential {
    LeaseCredential { id: "p".into(), holder: holder.into(), until: later(seconds) }
}

#[test]
fn a_pool_credential_serves_one_guest_until_the_lease_ends() {
    let story = story().after(pool("p", "a")).after(lease("t1", 60));
    story.when(lease("t2", 90)).then_rejected(Rejection::CredentialLeased);
    story.when(lease("t1", 60)).then_nothing();
    story.when(lease("t1", 90)).then(&["credential.leased"]);
    story.at(later(60)).when(lease("t2", 90)).then(&["credential.leased"]);
}

#[test]
fn a_lease_given_back_is_free_for_the_next() {
    let release = |holder: &str| ReleaseLease { id: "p".into(), holder: holder.into() };
    let story = story().after(pool("p", "a")).after(lease("t1", 60));
    story.when(release("t2")).then_nothing();
    story.after(release("t1")).when(lease("t2", 60)).then(&["credential.leased"]);
}

#[test]
fn only_pool_credentials_are_leased_and_only_into_the_future() {
    let ims =
        CreateCredential { data: CredentialData::Json(ims_data()), kind: CredentialKind::Ims, ..basic("p", "alice") };
    story().after(ims).when(lease("t", 60)).then_rejected(Rejection::NotAPoolCredential);
    story().after(pool("p", "a")).when(lease("t", 0)).then_invalid(&[("lease_invalid", "/until")]);
}

#[test]
fn a_guest_takes_user_token_and_lease_in_one_decision() {
    let story = story().after(pool("p", "a"));
    let guest = |id: &str| OpenGuest { lease: Some("p".into()), ..testing::guest(id, "a") };
    story.when(guest("g")).then(&["reservation.taken", "user.created", "credential.leased", "token.issued"]);
    story.after(guest("g")).when(guest("h")).then_rejected(Rejection::CredentialLeased);
}

#[test]
fn a_guest_leases_from_its_own_domain_only() {
    let guest = OpenGuest { lease: Some("p".into()), ..testing::guest("g", "a") };
    story().after(pool("p", "base")).when(guest).then_rejected(Rejection::NotAPoolCredential);
    let user = OpenGuest { user: CreateUser { role: Role::User, ..user("g", "a") }, ..testing::guest("g", "a") };
    story().when(user).then_invalid(&[("guest_invalid", "/user")]);
}
