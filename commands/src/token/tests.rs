use wac_events::oauth::TokenRevocation;
use wac_events::{AnyEvent, GrantKind, Role, TokenEvent};

use super::*;
use crate::testing::*;
use crate::*;

fn story() -> Story {
    given().after(base()).after(child("a")).after(user("alice", "base")).after(basic("pw", "alice")).after(client("c"))
}

fn refresh(used: char, next: char) -> RefreshToken {
    RefreshToken {
        id: "t".into(),
        client: None,
        used_refresh_hash: hash(used),
        access_hash: hash('9'),
        access_expires_at: later(3600),
        refresh_hash: hash(next),
        refresh_expires_at: later(7200),
        session_expires_at: None,
    }
}

fn revoke(reason: TokenRevocation) -> RevokeToken {
    RevokeToken { id: "t".into(), reason }
}

#[test]
fn a_token_is_issued_to_a_user_in_its_domain_and_role() {
    story().when(token("t", "alice")).then(&["token.issued"]);
    story().when(token("t", "nobody")).then_invalid(&[("user_unknown", "/user")]);
    let elsewhere = IssueToken { domain: "a".into(), ..token("t", "alice") };
    story().when(elsewhere).then_invalid(&[("domain_not_the_users", "/domain")]);
    story().when(IssueToken { role: Role::Admin, ..token("t", "alice") }).then_rejected(Rejection::RoleChanged);
}

#[test]
fn a_token_id_is_used_once() {
    let exists = Rejection::AlreadyExists { what: "token", id: "t".to_owned() };
    story().after(token("t", "alice")).when(token("t", "alice")).then_rejected(exists);
}

#[test]
fn a_deleted_user_or_a_closing_domain_gets_no_token() {
    let delete = DeleteUser { id: "alice".into(), cascade: true, erase: false, expected_version: None };
    story().after(delete).when(token("t", "alice")).then_invalid(&[("user_unknown", "/user")]);
    let close = DeleteDomain { id: "a".into(), cascade: true, inspection: None, expected_version: None };
    let bob = IssueToken { domain: "a".into(), ..token("t", "bob") };
    story().after(user("bob", "a")).after(close).when(bob).then_rejected(Rejection::DomainClosing);
}

#[test]
fn a_password_that_changed_since_it_was_checked_opens_nothing() {
    let with =
        |version: u64| IssueToken { proof: Some(Proof { credential: "pw".into(), version }), ..token("t", "alice") };
    story().when(with(1)).then(&["token.issued"]);
    story().when(with(2)).then_rejected(Rejection::CredentialChanged);
    let others = story().after(user("bob", "base"));
    others.when(IssueToken { user: Some("bob".into()), ..with(1) }).then_rejected(Rejection::CredentialChanged);
}

#[test]
fn a_client_uses_only_the_grants_it_has() {
    let of = |grant| IssueToken { client: Some("c".into()), grant, ..token("t", "alice") };
    story().when(of(GrantKind::Password)).then(&["token.issued"]);
    story().when(of(GrantKind::Implicit)).then_rejected(Rejection::GrantNotAllowed);
    let unknown = IssueToken { client: Some("x".into()), ..token("t", "alice") };
    story().when(unknown).then_invalid(&[("client_unknown", "/client")]);
}

#[test]
fn client_credentials_are_a_clients_own_in_its_own_domain() {
    let own =
        IssueToken { grant: GrantKind::ClientCredentials, user: None, client: Some("c".into()), ..token("t", "alice") };
    story().when(own.clone()).then(&["token.issued"]);
    story().when(IssueToken { client: None, ..own.clone() }).then_rejected(Rejection::GrantNotAllowed);
    story().when(IssueToken { domain: "a".into(), ..own.clone() }).then_rejected(Rejection::GrantNotAllowed);
    story().when(IssueToken { user: Some("alice".into()), ..own }).then_invalid(&[("user_invalid", "/user")]);
}

#[test]
fn only_a_users_token_opens_a_session() {
    let session = crate::session::OpenSession { context: Default::default(), expires_at: later(60) };
    let own = IssueToken {
        grant: GrantKind::ClientCredentials,
        user: None,
        client: Some("c".into()),
        session: Some(session),
        ..token("t", "alice")
    };
    story().when(own).then_invalid(&[("session_invalid", "/session")]);
}

#[test]
fn a_token_is_kept_as_a_hash_and_ends_after_it_begins() {
    let clear = IssueToken { access_hash: "clear".to_owned(), ..token("t", "alice") };
    story().when(clear).then_invalid(&[("token_invalid", "/token")]);
    story().at(later(3601)).when(token("t", "alice")).then_invalid(&[("expiration_invalid", "/expiration")]);
    let endless = IssueToken { refresh_expires_at: None, ..token("t", "alice") };
    story().when(endless).then_invalid(&[("token_invalid", "/token")]);
    let refresh = IssueToken { grant: GrantKind::RefreshToken, ..token("t", "alice") };
    story().when(refresh).then_invalid(&[("grant_invalid", "/grant")]);
}

#[test]
fn a_refresh_token_is_replaced_when_it_is_used() {
    let story = story().after(token("t", "alice"));
    story.when(refresh('b', 'd')).then(&["token.refreshed"]);
    story.after(refresh('b', 'd')).when(refresh('d', 'e')).then(&["token.refreshed"]);
}

#[test]
fn a_refresh_token_used_twice_ends_the_family() {
    let story = story().after(token("t", "alice")).after(refresh('b', 'd'));
    let events = story.when(refresh('b', 'e')).then(&["token.revoked"]);
    let AnyEvent::Token(TokenEvent::Revoked(revoked)) = &events[0] else { panic!("a revocation") };
    assert_eq!(revoked.reason, TokenRevocation::Reuse);
    story.after(refresh('b', 'e')).when(refresh('d', 'f')).then_rejected(Rejection::TokenRevoked);
}

#[test]
fn a_refresh_token_nobody_gave_out_is_unknown() {
    story().after(token("t", "alice")).when(refresh('7', 'd')).then_rejected(Rejection::TokenUnknown);
    story().when(refresh('b', 'd')).then_rejected(Rejection::TokenUnknown);
}

#[test]
fn a_refresh_token_is_its_clients_only() {
    let issued = story().after(IssueToken { client: Some("c".into()), ..token("t", "alice") });
    issued.when(refresh('b', 'd')).then_rejected(Rejection::TokenUnknown);
    issued.when(RefreshToken { client: Some("c".into()), ..refresh('b', 'd') }).then(&["token.refreshed"]);
    let changes = ClientChanges { grants: Some(vec![GrantKind::Password]), ..ClientChanges::default() };
    let narrowed = issued.after(ChangeClient { id: "c".into(), changes, expected_version: None });
    narrowed
        .when(RefreshToken { client: Some("c".into()), ..refresh('b', 'd') })
        .then_rejected(Rejection::GrantNotAllowed);
}

#[test]
fn a_refresh_token_expires_by_the_commands_clock() {
    let story = story().after(token("t", "alice"));
    let long = RefreshToken { access_expires_at: later(9000), refresh_expires_at: later(9000), ..refresh('b', 'd') };
    story.clone().at(later(7199)).when(long.clone()).then(&["token.refreshed"]);
    story.at(later(7200)).when(long).then_rejected(Rejection::TokenExpired);
}

#[test]
fn a_deleted_users_token_is_not_refreshed() {
    let delete = DeleteUser { id: "alice".into(), cascade: false, erase: false, expected_version: None };
    story().after(token("t", "alice")).after(delete).when(refresh('b', 'd')).then_rejected(Rejection::TokenRevoked);
}

#[test]
fn a_family_remembers_a_bounded_number_of_used_refresh_tokens() {
    let name = |n: usize| format!("{n:064x}");
    let mut story = story().after(IssueToken { refresh_hash: Some(name(0)), ..token("t", "alice") });
    for n in 0..=USED_REFRESH_MAX {
        story =
            story.after(RefreshToken { used_refresh_hash: name(n), refresh_hash: name(n + 1), ..refresh('b', 'd') });
    }
    let reuse = |n: usize| RefreshToken { used_refresh_hash: name(n), ..refresh('b', 'd') };
    story.when(reuse(0)).then_rejected(Rejection::TokenUnknown);
    story.when(reuse(1)).then(&["token.revoked"]);
}

#[test]
fn revoking_twice_is_revoking_once() {
    let story = story().after(token("t", "alice"));
    story.when(revoke(TokenRevocation::Requested)).then(&["token.revoked"]);
    story.clone().after(revoke(TokenRevocation::Requested)).when(revoke(TokenRevocation::Superseded)).then_nothing();
    let missing = RevokeToken { id: "x".into(), reason: TokenRevocation::Requested };
    story.when(missing).then_rejected(Rejection::NotFound { what: "token", id: "x".to_owned() });
}

#[test]
fn guests_need_a_domain_that_allows_them() {
    story().when(guest("g", "a")).then(&["reservation.taken", "user.created", "token.issued"]);
    story().when(guest("g", "base")).then_rejected(Rejection::AnonymousDisabled);
}

fn expire() -> ExpireGuest {
    ExpireGuest { user: "g".into(), token: "token-g".into() }
}

#[test]
fn a_guest_goes_when_its_token_has_ended() {
    let story = story().after(guest("g", "a"));
    story.clone().at(later(3599)).when(expire()).then_nothing();
    story.at(later(3600)).when(expire()).then(&["reservation.released", "user.deleted"]);
}

#[test]
fn a_guest_whose_token_was_revoked_goes_at_once() {
    let revoked = RevokeToken { id: "token-g".into(), reason: TokenRevocation::Requested };
    story().after(guest("g", "a")).after(revoked).when(expire()).then(&["reservation.released", "user.deleted"]);
}

#[test]
fn a_guest_who_became_a_user_stays() {
    let changes = UserChanges { role: Some(Role::User), ..UserChanges::default() };
    let story = story().after(guest("g", "a")).after(ChangeUser { id: "g".into(), changes, expected_version: None });
    story.at(later(9999)).when(expire()).then_nothing();
}

#[test]
fn an_anonymous_user_made_by_an_administrator_does_not_expire() {
    let anonymous = CreateUser { role: Role::Anonymous, ..user("g", "base") };
    let story = story().after(anonymous).after(IssueToken { role: Role::Anonymous, ..token("token-g", "g") });
    story.at(later(9999)).when(expire()).then_nothing();
}
