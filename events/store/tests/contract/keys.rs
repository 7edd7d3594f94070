//! Keys of personal data.

use std::path::{Path, PathBuf};

use futures::future::join_all;
use wac_events::{Cell, KeyState, SubjectId};
use wac_store::SystemEnvironment;

use crate::harness::*;

on_every_store!(
    a_key_is_made_once_and_found_by_every_node,
    a_destroyed_key_never_comes_back,
    a_key_destroyed_elsewhere_is_forgotten_on_word_of_it,
    keys_are_found_in_the_order_asked_for,
);

fn seal(state: &KeyState) -> Cell {
    let mut cell = Cell::Clear("Ada".to_owned());
    cell.seal("name", state.key().expect("a key"), &SystemEnvironment);
    cell
}

fn opens(cell: &Cell, state: &KeyState) -> bool {
    let mut cell = cell.clone();
    cell.open("name", state.key()).is_ok() && cell.clear() == Some("Ada")
}

async fn a_key_is_made_once_and_found_by_every_node(fixture: Fixture) {
    let other = fixture.other_node().await;
    for n in 0..10 {
        let subject = SubjectId::from(format!("person-{n}"));
        let both = [&fixture.stores.keys, &other.keys].map(|keys| keys.find_or_create(&subject));
        let states = join_all(both).await;
        let sealed = seal(states[0].as_ref().unwrap());
        assert!(opens(&sealed, states[1].as_ref().unwrap()), "both nodes have one key");
        let found = fixture.other_node().await.keys.find(std::slice::from_ref(&subject)).await.unwrap();
        assert!(opens(&sealed, &found[0]));
    }
    assert_eq!(fixture.stores.keys.keyed_hash("name", "ada"), other.keys.keyed_hash("name", "ada"));
}

async fn a_destroyed_key_never_comes_back(fixture: Fixture) {
    let (had, never) = (SubjectId::from("had"), SubjectId::from("never"));
    let keys = &fixture.stores.keys;
    keys.find_or_create(&had).await.unwrap();
    for subject in [&had, &never] {
        keys.destroy(subject).await.unwrap();
        keys.destroy(subject).await.unwrap();
        for node in [keys, &fixture.other_node().await.keys] {
            assert!(matches!(node.find(std::slice::from_ref(subject)).await.unwrap()[..], [KeyState::Erased]));
            assert!(matches!(node.find_or_create(subject).await.unwrap(), KeyState::Erased));
        }
    }
}

async fn a_key_destroyed_elsewhere_is_forgotten_on_word_of_it(fixture: Fixture) {
    let subject = SubjectId::from("somebody");
    let other = fixture.other_node().await;
    fixture.stores.keys.find_or_create(&subject).await.unwrap();
    other.keys.destroy(&subject).await.unwrap();
    fixture.stores.keys.forget(&subject);
    assert!(matches!(fixture.stores.keys.find(&[subject]).await.unwrap()[..], [KeyState::Erased]));
}

async fn keys_are_found_in_the_order_asked_for(fixture: Fixture) {
    let keys = &fixture.stores.keys;
    let [a, b, c] = ["a", "b", "c"].map(SubjectId::from);
    let sealed = seal(&keys.find_or_create(&a).await.unwrap());
    keys.destroy(&b).await.unwrap();
    for keys in [keys, &fixture.other_node().await.keys] {
        let found = keys.find(&[c.clone(), a.clone(), b.clone(), a.clone()]).await.unwrap();
        assert!(matches!(found[..], [KeyState::Absent, KeyState::Present(_), KeyState::Erased, KeyState::Present(_)]));
        assert!(opens(&sealed, &found[1]) && opens(&sealed, &found[3]));
    }
}

on_both_databases!(a_destroyed_key_is_gone_from_the_files, keys_destroyed_at_once_leave_the_others_whole);

async fn a_destroyed_key_is_gone_from_the_files(fixture: Fixture) {
    let keys = &fixture.stores.keys;
    // Company on the same pages.
    for n in 0..200 {
        keys.find_or_create(&SubjectId::from(format!("other-{n}"))).await.unwrap();
    }
    let subject = SubjectId::from("erased-person");
    keys.find_or_create(&subject).await.unwrap();
    let wrapped = wrapped(&fixture, &subject).await;
    let directory = settle_files(&fixture).await;
    assert!(!files_with(&directory, &wrapped).is_empty(), "the search finds a key that is there");
    // What the database's own statistics keep of it must go too.
    fixture.execute("analyze").await.unwrap();
    keys.destroy(&subject).await.unwrap();
    let directory = settle_files(&fixture).await;
    assert_eq!(files_with(&directory, &wrapped), [] as [PathBuf; 0]);
    for n in 0..200 {
        let other = SubjectId::from(format!("other-{n}"));
        let found = fixture.other_node().await.keys.find(&[other]).await.unwrap();
        assert!(matches!(found[..], [KeyState::Present(_)]));
        if n > 5 {
            break;
        }
    }
}

async fn keys_destroyed_at_once_leave_the_others_whole(fixture: Fixture) {
    let other = fixture.other_node().await;
    let subjects: Vec<_> = (0..60).map(|n| SubjectId::from(format!("person-{n}"))).collect();
    join_all(subjects.iter().map(|subject| fixture.stores.keys.find_or_create(subject))).await;
    let destroyed = join_all(subjects.iter().step_by(3).enumerate().map(|(n, subject)| {
        let node = if n % 2 == 0 { &fixture.stores.keys } else { &other.keys };
        node.destroy(subject)
    }));
    let read = join_all(subjects.iter().map(|subject| other.keys.find(std::slice::from_ref(subject))));
    let made: Vec<_> = (60..90).map(|n| SubjectId::from(format!("person-{n}"))).collect();
    let making = join_all(made.iter().map(|subject| fixture.stores.keys.find_or_create(subject)));
    let (destroyed, read, making) = futures::join!(destroyed, read, making);
    destroyed.into_iter().for_each(Result::unwrap);
    for (n, found) in read.into_iter().enumerate() {
        let found = found.unwrap();
        assert!(matches!(found[..], [KeyState::Present(_)]) || n % 3 == 0, "{n}: {found:?}");
    }
    making.into_iter().for_each(|state| assert!(state.unwrap().key().is_some()));
    let states = fixture.other_node().await.keys.find(&subjects).await.unwrap();
    for (n, state) in states.iter().enumerate() {
        assert_eq!(matches!(state, KeyState::Erased), n % 3 == 0, "{n}: {state:?}");
    }
}

async fn wrapped(fixture: &Fixture, subject: &SubjectId) -> Vec<u8> {
    const SQL: &str = "select wrapped from subject_keys where subject = $1";
    match &fixture.stores.db {
        wac_store::Db::Postgres(pool) => sqlx::query_scalar(SQL).bind(subject.as_str()).fetch_one(pool).await.unwrap(),
        wac_store::Db::Sqlite(db) => {
            sqlx::query_scalar(SQL).bind(subject.as_str()).fetch_one(db.readers()).await.unwrap()
        }
    }
}

/// Brings everything to the files, and says where these are.
async fn settle_files(fixture: &Fixture) -> PathBuf {
    match &fixture.stores.db {
        wac_store::Db::Postgres(pool) => {
            sqlx::query("checkpoint").execute(pool).await.unwrap();
            let (data, oid): (String, String) = sqlx::query_as(
                "select current_setting('data_directory'), oid::text from pg_database where datname = current_database()",
            )
            .fetch_one(pool)
            .await
            .unwrap();
            Path::new(&data).join("base").join(oid)
        }
        wac_store::Db::Sqlite(_) => sqlite_directory(&fixture.url),
    }
}

fn files_with(directory: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("the files of the database, {}, can be read: {error}", directory.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    // A file that is removed meanwhile holds nothing any more.
    let found = |path: &PathBuf| {
        std::fs::read(path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    };
    paths.filter(found).collect()
}
