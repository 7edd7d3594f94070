use wac_events::GrantKind;

use super::*;
use crate::testing::*;
use crate::*;

fn story() -> Story {
    given().after(base()).after(client("c"))
}

fn change(changes: ClientChanges) -> ChangeClient {
    ChangeClient { id: "c".into(), changes, expected_version: None }
}

#[test]
fn a_client_is_registered_in_a_domain_that_exists() {
    given().after(base()).when(client("c")).then(&["client.created"]);
    let nowhere = CreateClient { domain: "x".into(), ..client("c") };
    given().when(nowhere).then_invalid(&[("domain_unknown", "/domain")]);
    story().when(client("c")).then_rejected(Rejection::AlreadyExists { what: "client", id: "c".to_owned() });
}

#[test]
fn every_wrong_field_of_a_client_is_named_at_once() {
    let wrong = CreateClient {
        name: " ".to_owned(),
        redirect_uris: vec!["https://ok.example/".to_owned(), "/relative".to_owned(), "https://a/#f".to_owned()],
        grants: vec![GrantKind::Password, GrantKind::Password],
        access_token_expiration_s: Some(TOKEN_EXPIRATION_S_MAX + 1),
        secret_hash: Some("clear".to_owned()),
        ..client("d")
    };
    story().when(wrong).then_invalid(&[
        ("name_invalid", "/name"),
        ("redirect_uri_invalid", "/redirectUris/1"),
        ("redirect_uri_invalid", "/redirectUris/2"),
        ("grants_invalid", "/grants"),
        ("expiration_invalid", "/accessTokenExpiration"),
        ("secret_invalid", "/secret"),
    ]);
}

#[test]
fn a_redirect_uri_runs_no_script() {
    let with = |uri: &str| CreateClient { redirect_uris: vec![uri.to_owned()], ..client("d") };
    for uri in ["javascript:alert(1)", "data:text/html,x", "https:///path", "no-scheme"] {
        story().when(with(uri)).then_invalid(&[("redirect_uri_invalid", "/redirectUris/0")]);
    }
    story().when(with("com.example.phone:/callback")).then(&["client.created"]);
}

#[test]
fn grants_that_redirect_need_a_redirect_uri_and_client_credentials_a_secret() {
    let code = CreateClient { redirect_uris: Vec::new(), grants: vec![GrantKind::AuthorizationCode], ..client("d") };
    story().when(code).then_invalid(&[("redirect_uri_required", "/redirectUris")]);
    let public = CreateClient { secret_hash: None, ..client("d") };
    story().when(public).then_invalid(&[("secret_required", "/grants")]);
    let none = CreateClient { grants: Vec::new(), ..client("d") };
    story().when(none).then_invalid(&[("grants_invalid", "/grants")]);
}

#[test]
fn a_change_is_judged_by_the_whole_client() {
    let no_uris = ClientChanges { redirect_uris: Some(Vec::new()), ..ClientChanges::default() };
    story().when(change(no_uris.clone())).then(&["client.changed"]);
    let code = ClientChanges { grants: Some(vec![GrantKind::Implicit]), ..no_uris };
    story().when(change(code)).then_invalid(&[("redirect_uri_required", "/redirectUris")]);
    story().when(change(ClientChanges { name: Some("Phone".to_owned()), ..ClientChanges::default() })).then_nothing();
}

#[test]
fn a_secret_is_rotated() {
    let rotate = |secret_hash: String| RotateClientSecret { id: "c".into(), secret_hash, expected_version: None };
    story().when(rotate(hash('d'))).then(&["client.secret_rotated"]);
    story().when(rotate("clear".to_owned())).then_invalid(&[("secret_invalid", "/secret")]);
}

#[test]
fn a_deleted_client_is_not_found() {
    let delete = || DeleteClient { id: "c".into(), expected_version: None };
    let story = story().after(delete());
    let missing = || Rejection::NotFound { what: "client", id: "c".to_owned() };
    story.when(delete()).then_rejected(missing());
    story.when(change(ClientChanges::default())).then_rejected(missing());
    story.when(client("c")).then_rejected(Rejection::AlreadyExists { what: "client", id: "c".to_owned() });
}

#[test]
fn a_client_of_an_older_version_stays() {
    let stale = || Rejection::PreconditionFailed { expected: 9, actual: 1 };
    story().when(DeleteClient { id: "c".into(), expected_version: Some(9) }).then_rejected(stale());
    story().when(ChangeClient { expected_version: Some(9), ..change(ClientChanges::default()) }).then_rejected(stale());
}
