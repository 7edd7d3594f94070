use futures::executor::block_on;
use futures::future::select;
use wac_events::oauth::TokenRevocation;
use wac_events::{Actor, StreamId};

use super::*;
use crate::testing::*;
use crate::*;

fn started() -> Bench {
    let bench = Bench::new();
    bench.run(base());
    bench.run(child("a"));
    bench
}

fn world(bench: &Bench, streams: &[&str]) -> World {
    let streams: Vec<StreamId> = streams.iter().map(|stream| StreamId::from(*stream)).collect();
    block_on(bench.node(Limits::default()).load(&streams)).unwrap()
}

fn delete(id: &str) -> DeleteUser {
    DeleteUser { id: id.into(), cascade: true, erase: false, expected_version: None }
}

fn with_belongings(bench: &Bench, id: &str) {
    bench.run(user(id, "base"));
    bench.run(basic(&format!("c-{id}"), id));
    bench.run(token(&format!("t-{id}"), id));
}

#[test]
fn a_deleted_users_credentials_and_tokens_go_with_it() {
    let bench = started();
    with_belongings(&bench, "alice");
    with_belongings(&bench, "bob");
    bench.run(delete("alice"));
    bench.settle(&bench.ports(), 0);
    let world = world(&bench, &["credential-c-alice", "token-t-alice", "credential-c-bob", "token-t-bob"]);
    assert!(!world.credential(&"c-alice".into()).exists() && !world.token(&"t-alice".into()).exists());
    assert!(world.credential(&"c-bob".into()).exists() && world.token(&"t-bob".into()).exists());
}

#[test]
fn who_moves_takes_his_credentials_along_and_logs_in_anew() {
    let bench = started();
    with_belongings(&bench, "alice");
    with_belongings(&bench, "bob");
    let name = UserName { domain: "a".into(), username: "alice".to_owned(), key: "a-alice".to_owned() };
    let changes = UserChanges { name: Some(name), ..UserChanges::default() };
    bench.run(ChangeUser { id: "alice".into(), changes, expected_version: None });
    bench.run(IssueToken { domain: "a".into(), ..token("t-new", "alice") });
    bench.settle(&bench.ports(), 0);
    let names = ["credential-c-alice", "token-t-alice", "token-t-new", "credential-c-bob", "token-t-bob"];
    let world = world(&bench, &names);
    assert_eq!(world.credential(&"c-alice".into()).domain, "a".into());
    assert!(!world.token(&"t-alice".into()).exists(), "what he opened in the old domain has ended");
    assert!(world.token(&"t-new".into()).exists(), "what he opened in the new one has not");
    assert_eq!(world.credential(&"c-bob".into()).domain, "base".into());
    assert!(world.token(&"t-bob".into()).exists());
}

#[test]
fn what_follows_names_its_cause() {
    let bench = started();
    with_belongings(&bench, "alice");
    bench.run(delete("alice"));
    let cause = bench.log.events().pop().unwrap();
    bench.settle(&bench.ports(), 0);
    for event in bench.log.events().into_iter().filter(|event| event.position > cause.position) {
        let meta = event.meta().unwrap();
        assert_eq!(meta.causation_id, Some(cause.event_id), "{}", event.event_type);
        assert_eq!(meta.correlation_id, cause.meta().unwrap().correlation_id);
        assert_eq!(meta.actor, Actor::System("user_cascade".to_owned()));
    }
}

#[test]
fn without_cascade_everything_stays() {
    let bench = started();
    with_belongings(&bench, "alice");
    bench.run(DeleteUser { cascade: false, ..delete("alice") });
    let before = bench.log.events().len();
    bench.settle(&bench.ports(), 0);
    assert_eq!(bench.log.events().len(), before);
}

#[test]
fn what_a_deletion_left_goes_with_a_later_erasure() {
    let bench = started();
    with_belongings(&bench, "alice");
    with_belongings(&bench, "bob");
    bench.run(DeleteUser { cascade: false, ..delete("alice") });
    bench.settle(&bench.ports(), 0);
    bench.run(DeleteUser { erase: true, ..delete("alice") });
    bench.settle(&bench.ports(), 0);
    let world = world(&bench, &["credential-c-alice", "token-t-alice", "credential-c-bob", "token-t-bob"]);
    assert!(!world.credential(&"c-alice".into()).exists() && !world.token(&"t-alice".into()).exists());
    assert!(world.credential(&"c-bob".into()).exists() && world.token(&"t-bob".into()).exists());
}

#[test]
fn a_manager_that_forgot_its_checkpoint_changes_nothing_twice() {
    let bench = started();
    with_belongings(&bench, "alice");
    bench.run(delete("alice"));
    bench.settle(&bench.ports(), 0);
    let before = bench.log.events().len();
    bench.settle(&bench.ports(), 0);
    assert_eq!(bench.log.events().len(), before);
}

fn close(id: &str) -> DeleteDomain {
    DeleteDomain { id: id.into(), cascade: true, inspection: None, expected_version: None }
}

#[test]
fn a_closing_domain_is_emptied_and_goes_last() {
    let bench = started();
    bench.run(CreateDomain { parent: Some("a".into()), ..child("b") });
    bench.run(CreateDomain { parent: Some("b".into()), ..child("c") });
    for domain in ["a", "b", "c"] {
        bench.run(user(&format!("user-{domain}"), domain));
        bench.run(CreateCredential {
            domain: domain.into(),
            ..basic(&format!("pw-{domain}"), &format!("user-{domain}"))
        });
        bench.run(pool(&format!("pool-{domain}"), domain));
        bench.run(CreateClient { domain: domain.into(), ..client(&format!("client-{domain}")) });
    }
    bench.run(user("outside", "base"));
    bench.run(close("a"));
    bench.settle(&bench.ports(), 0);
    for domain in ["a", "b", "c"] {
        let stream = |kind: &str| format!("{kind}-{domain}");
        let names = [
            stream("domain"),
            stream("user-user"),
            stream("credential-pw"),
            stream("credential-pool"),
            stream("client-client"),
        ];
        let world = world(&bench, &names.each_ref().map(String::as_str));
        assert!(!world.domain(&domain_id(domain)).exists(), "{domain}");
        assert!(!world.user(&format!("user-{domain}").into()).exists());
        assert!(!world.credential(&format!("pw-{domain}").into()).exists());
        assert!(!world.credential(&format!("pool-{domain}").into()).exists());
        assert!(!world.client(&format!("client-{domain}").into()).exists());
    }
    assert!(world(&bench, &["user-outside"]).user(&"outside".into()).exists());
    let events = bench.log.events();
    let last_of = |domain: &str| events.iter().rev().find(|e| e.domain == Some(domain_id(domain))).unwrap();
    assert!(["a", "b", "c"].iter().all(|domain| &*last_of(domain).event_type == "domain.deleted"));
    assert!(last_of("c").position < last_of("b").position && last_of("b").position < last_of("a").position);
}

#[test]
fn who_has_moved_out_of_a_closing_domain_stays() {
    let bench = started();
    bench.run(user("alice", "a"));
    bench.run(close("a"));
    let name = UserName { domain: "base".into(), username: "alice".to_owned(), key: "base-alice".to_owned() };
    let changes = UserChanges { name: Some(name), ..UserChanges::default() };
    bench.run(ChangeUser { id: "alice".into(), changes, expected_version: None });
    bench.settle(&bench.ports(), 0);
    let world = world(&bench, &["user-alice", "domain-a"]);
    assert!(world.user(&"alice".into()).exists() && !world.domain(&"a".into()).exists());
}

fn plain(id: &str) -> DeleteDomain {
    DeleteDomain { cascade: false, ..close(id) }
}

#[test]
fn an_empty_domain_is_removed_plainly_and_an_occupied_one_is_not() {
    let bench = started();
    bench.run(user("alice", "a"));
    bench.run(child("b"));
    let lookup = bench.ports().lookup;
    let remove = |id: &str| block_on(delete_empty_domain(&bench.handler, &*lookup, plain(id), bench.ctx()));
    assert!(matches!(remove("a"), Err(CommandError::Rejected(Rejection::DomainNotEmpty))));
    assert!(remove("b").is_ok());
    bench.run(delete("alice"));
    assert!(remove("a").is_ok());
    assert!(matches!(remove("base"), Err(CommandError::Rejected(Rejection::BaseDomain))));
}

#[test]
fn a_repeated_plain_removal_returns_its_first_result() {
    let bench = started();
    let lookup = bench.ports().lookup;
    let ctx = Context { idempotency: Idempotency::Before, request: Some("r".to_owned()), ..bench.ctx() };
    let first = block_on(delete_empty_domain(&bench.handler, &*lookup, plain("a"), ctx.clone())).unwrap();
    let second = block_on(delete_empty_domain(&bench.handler, &*lookup, plain("a"), ctx)).unwrap();
    assert!(second.duplicate && second.position == first.position);
}

#[test]
fn an_erased_persons_key_is_destroyed() {
    let bench = started();
    bench.run(user("alice", "base"));
    bench.run(DeleteUser { erase: true, ..delete("alice") });
    bench.settle(&bench.ports(), 0);
    let user = world(&bench, &["user-alice"]).user(&"alice".into()).clone();
    assert_eq!(user.username.clear(), None);
}

#[test]
fn of_too_many_tokens_the_newest_stay() {
    let bench = started();
    bench.run(user("alice", "base"));
    for (second, id) in ["t1", "t2", "t3"].iter().enumerate() {
        bench.env.set(later(second as u64));
        bench.run(token(id, "alice"));
    }
    bench.settle(&bench.ports(), 2);
    let world = world(&bench, &["token-t1", "token-t2", "token-t3"]);
    assert_eq!(["t1", "t2", "t3"].map(|id| world.token(&id.into()).exists()), [false, true, true]);
}

#[test]
fn no_limit_leaves_every_token() {
    let bench = started();
    bench.run(user("alice", "base"));
    bench.run(token("t1", "alice"));
    bench.run(token("t2", "alice"));
    bench.settle(&bench.ports(), 0);
    assert!(!bench.log.types().contains(&"token.revoked".to_owned()));
}

#[test]
fn a_guests_pool_credential_is_free_when_its_token_is_revoked() {
    let bench = started();
    bench.run(pool("p", "a"));
    bench.run(OpenGuest { lease: Some("p".into()), ..guest("g", "a") });
    bench.run(RevokeToken { id: "token-g".into(), reason: TokenRevocation::Requested });
    bench.settle(&bench.ports(), 0);
    assert_eq!(world(&bench, &["credential-p"]).credential(&"p".into()).lease, None);
}

#[test]
fn a_new_password_ends_the_sessions_opened_before() {
    let bench = started();
    with_belongings(&bench, "alice");
    let changes = CredentialChanges {
        data: Some(CredentialData::PasswordHash("$argon2id$new".to_owned())),
        ..CredentialChanges::default()
    };
    bench.run(ChangeCredential { id: "c-alice".into(), changes, expected_version: None });
    bench.run(token("t-after", "alice"));
    bench.settle(&bench.ports(), 0);
    let world = world(&bench, &["token-t-alice", "token-t-after"]);
    assert!(!world.token(&"t-alice".into()).exists() && world.token(&"t-after".into()).exists());
}

#[test]
fn a_deleted_clients_tokens_go_with_it() {
    let bench = started();
    bench.run(user("alice", "base"));
    bench.run(client("c"));
    bench.run(IssueToken { client: Some("c".into()), ..token("t", "alice") });
    bench.run(DeleteClient { id: "c".into(), expected_version: None });
    bench.settle(&bench.ports(), 0);
    assert!(!world(&bench, &["token-t"]).token(&"t".into()).exists());
}

#[test]
fn a_guest_is_deleted_when_its_time_is_over_and_not_before() {
    let bench = started();
    bench.run(guest("g", "a"));
    let ports = bench.ports();
    let watch = async {
        for _ in 0..10_000 {
            if bench.log.types().contains(&"user.deleted".to_owned()) {
                return;
            }
            yield_now().await;
        }
        panic!("the guest is still there");
    };
    block_on(async {
        let running = std::pin::pin!(run_guest_expiry(&ports));
        select(running, std::pin::pin!(watch)).await;
    });
    let deleted = bench.log.events().pop().unwrap();
    assert_eq!(&*deleted.event_type, "user.deleted");
    assert!(deleted.occurred_at >= later(3600), "{}", deleted.occurred_at);
    let issued = bench.log.events().into_iter().find(|event| &*event.event_type == "token.issued").unwrap();
    assert_eq!(deleted.meta().unwrap().causation_id, Some(issued.event_id));
}

#[test]
fn a_manager_that_fails_goes_on_from_what_it_had_done() {
    let bench = started();
    for id in ["alice", "bob"] {
        with_belongings(&bench, id);
        bench.run(delete(id));
    }
    let ports = bench.ports();
    bench.log.always_conflict.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(block_on(catch_up(&UserCascade, &ports)), Err(ProcessError::Command { .. })));
    bench.log.always_conflict.store(false, std::sync::atomic::Ordering::SeqCst);
    block_on(catch_up(&UserCascade, &ports)).unwrap();
    let world = world(&bench, &["token-t-alice", "token-t-bob"]);
    assert!(["t-alice", "t-bob"].iter().all(|id| !world.token(&(*id).into()).exists()));
}
