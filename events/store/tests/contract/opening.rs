//! What opening a store says when it cannot.

use std::sync::Arc;

use wac_events::MasterKey;
use wac_store::{OpenError, StoreOptions, migrate};

use crate::harness::*;

on_both_databases!(
    many_processes_may_open_a_new_database_at_once,
    another_master_key_is_refused,
    a_database_of_a_newer_version_is_refused,
    an_older_database_is_refused_unless_it_may_be_migrated,
);

/// A database nobody has opened yet.
async fn fresh(fixture: &Fixture) -> (String, Home) {
    match fixture.url.starts_with("sqlite") {
        true => sqlite_home(),
        false => {
            let database = TestDatabase::create().await;
            (database.url.clone(), Home::Database(database))
        }
    }
}

async fn refusal(url: &str, options: StoreOptions) -> OpenError {
    match wac_store::open(url, options).await {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error,
    }
}

async fn many_processes_may_open_a_new_database_at_once(fixture: Fixture) {
    let (url, _home) = fresh(&fixture).await;
    let opening: Vec<_> = (0..6)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { wac_store::open(&url, StoreOptions::new(master_key())).await.map(drop) })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().expect("each of them opens it");
    }
    let again = migrate(&url).await.unwrap();
    assert_eq!(again.from, again.to);
}

async fn another_master_key_is_refused(fixture: Fixture) {
    let error = refusal(&fixture.url, StoreOptions::new(MasterKey::new([8; 32]))).await;
    assert!(matches!(error, OpenError::WrongMasterKey { .. }), "{error:?}");
    open(&fixture.url).await;
}

async fn a_database_of_a_newer_version_is_refused(fixture: Fixture) {
    let now = if fixture.url.starts_with("sqlite") { "0" } else { "now()" };
    let newer = format!(
        "insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
         select 999, 'from the future', {now}, success, checksum, 0 from _sqlx_migrations where version = 1"
    );
    fixture.execute(&newer).await.unwrap();
    let error = refusal(&fixture.url, StoreOptions::new(master_key())).await;
    assert!(matches!(error, OpenError::NewerVersion { found: 999, .. }), "{error:?}");
    assert!(error.to_string().contains("newer version"), "{error}");
    assert!(matches!(migrate(&fixture.url).await, Err(OpenError::NewerVersion { .. })));
}

async fn an_older_database_is_refused_unless_it_may_be_migrated(fixture: Fixture) {
    let (url, _home) = fresh(&fixture).await;
    let options = || StoreOptions { migrate: false, ..StoreOptions::new(master_key()) };
    let error = refusal(&url, options()).await;
    assert!(matches!(error, OpenError::OlderVersion { found: 0, .. }), "{error:?}");
    let migrated = migrate(&url).await.unwrap();
    assert_eq!(migrated.from, 0);
    assert!(migrated.to >= 1);
    wac_store::open(&url, options()).await.expect("it opens once migrated");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    let url = "postgres://wac:secret@127.0.0.1:1/calls";
    let error = refusal(url, StoreOptions::new(master_key())).await;
    let text = error.to_string();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(text.contains("calls at 127.0.0.1:1") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_server_that_only_reads_is_called_read_only() {
    let database = TestDatabase::create().await;
    let name = database.url.rsplit_once('/').unwrap().1.to_owned();
    admin(&format!("alter database {name} set default_transaction_read_only = on")).await;
    let error = refusal(&database.url, StoreOptions::new(master_key())).await;
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
    admin(&format!("alter database {name} set default_transaction_read_only = off")).await;
    Fixture::new(database.url.clone(), Home::Database(database), Arc::new(wac_store::SystemEnvironment)).await;
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let error = refusal("sqlite:///nowhere/at/all/wac.db", StoreOptions::new(master_key())).await;
    assert!(error.to_string().contains("/nowhere/at/all/wac.db"), "{error}");
}
