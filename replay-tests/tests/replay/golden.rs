//! Every story gives one answer, however it is read.

use std::process::Command;

use serde_json::{Value, json};
use wac_commands::State;
use wac_events::{AnyEvent, StreamId, UserEvent};
use wac_projections::MemTables;
use wac_replay_tests::fold::{self, States};
use wac_replay_tests::story::{self, Story};
use wac_replay_tests::{databases, environment::SimEnvironment};
use wac_runner::VerifyOptions;
use wac_store::{ImportedKey, LogImport, Stores};

use crate::stories::STORIES;
use crate::support::{Kind, Place, Running, assert_same_rows, rows_in};

fn stories() -> impl Iterator<Item = Story> {
    STORIES.into_iter().map(|name| Story::load(name).unwrap())
}

fn folded(story: &Story, states: States, from: usize, to: usize) -> States {
    fold::fold(states, &story.events[from..to], &|subject| story.keys.key(subject)).unwrap()
}

#[test]
fn a_story_folded_twice_gives_its_states_twice() {
    for story in stories() {
        for round in 1..=2 {
            let states = folded(&story, States::new(), 0, story.events.len());
            assert_eq!(fold::states_json(&states), story.states, "{}, round {round}", story.name);
        }
    }
}

#[test]
fn a_story_projected_twice_gives_its_rows_twice() {
    for story in stories() {
        for round in 1..=2 {
            let tables = fold::project(MemTables::default(), &story.events).unwrap();
            assert_eq!(fold::rows_json(&fold::rows_of(&tables)), story.rows, "{}, round {round}", story.name);
        }
    }
}

#[test]
fn folding_and_projecting_resume_from_every_checkpoint() {
    for story in stories() {
        let end = story.events.len();
        for checkpoint in 0..=end {
            let states = folded(&story, folded(&story, States::new(), 0, checkpoint), checkpoint, end);
            assert_eq!(fold::states_json(&states), story.states, "{} from {checkpoint}", story.name);
            let before = fold::project(MemTables::default(), &story.events[..checkpoint]).unwrap();
            let tables = fold::project(before, &story.events[checkpoint..]).unwrap();
            assert_eq!(fold::rows_json(&fold::rows_of(&tables)), story.rows, "{} from {checkpoint}", story.name);
        }
    }
}

#[test]
fn another_process_gives_the_same_answer() {
    for story in stories() {
        let output = Command::new(env!("CARGO_BIN_EXE_replay-helper")).args(["fold", &story.name]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer, json!({ "states": story.states, "rows": story.rows }), "{}", story.name);
    }
}

#[test]
fn a_user_of_the_first_schema_version_is_read_as_one_of_the_newest() {
    for story in ["tenant-set-up", "user-life"].map(|name| Story::load(name).unwrap()) {
        let mut old =
            story.events.iter().filter(|event| &*event.event_type == "user.created" && event.schema_version == 1);
        let recorded = old.next().expect("this story holds one");
        assert!(recorded.data.contains("mobilePhone\"") && !recorded.data.contains("mobilePhones"));
        let event = fold::decode(recorded, &|subject| story.keys.key(subject)).unwrap();
        let AnyEvent::User(UserEvent::Created(created)) = event else { panic!("not a user's creation") };
        let phones: Vec<_> = created.mobile_phones.iter().map(|phone| phone.clear().unwrap()).collect();
        assert_eq!((phones, created.display_name), (vec!["+34 600 111 222"], None), "{}", story.name);
    }
}

#[test]
fn what_was_erased_stays_erased_and_what_was_not_is_readable() {
    let story = Story::load("user-life").unwrap();
    assert_eq!(story.states["user-erika"]["username"], json!({ "erased": true }));
    assert_eq!(story.states["user-short"]["username"], json!({ "erased": true }));
    assert_eq!(story.states["user-erika-2"]["username"], "Erika");
    assert_eq!(story.states["user-veteran"]["username"], "Veteran of the north");
}

/// Brings the story event by event into a database whose runner ends and begins anew at each of
/// them, and compares the rows there with those in memory every time.
async fn resumes_from_every_checkpoint(kind: Kind) {
    for story in stories() {
        let place = Place::new(kind).await;
        let env = std::sync::Arc::new(SimEnvironment::new(1, story.events[0].recorded_at));
        let stores = databases::open_with(&place.url, env.clone()).await.unwrap();
        let mut tables = MemTables::default();
        for (index, event) in story.events.iter().enumerate() {
            env.set(event.recorded_at);
            story::append_one(&*stores.log, event).await.unwrap();
            let running = Running::start(&stores).await;
            running.reach(event.position).await;
            running.stop().await;
            tables = fold::project(tables, &story.events[index..=index]).unwrap();
            let what = format!("{} on {kind:?} at position {}", story.name, event.position);
            assert_same_rows(&rows_in(&stores).await, &fold::rows_of(&tables), &what);
        }
        assert_eq!(fold::rows_json(&rows_in(&stores).await), story.rows, "{} on {kind:?}", story.name);
        let read_back = story::read_all(&*stores.log).await.unwrap();
        let states = fold::fold(States::new(), &read_back, &|subject| story.keys.key(subject)).unwrap();
        assert_eq!(fold::states_json(&states), story.states, "{} on {kind:?}", story.name);
        stores.close().await;
    }
}

#[tokio::test]
async fn read_models_in_sqlite_resume_from_every_checkpoint() {
    resumes_from_every_checkpoint(Kind::Sqlite).await;
}

#[tokio::test]
async fn read_models_in_postgres_resume_from_every_checkpoint() {
    resumes_from_every_checkpoint(Kind::Postgres).await;
}

async fn import(story: &Story, stores: &Stores) {
    let mut import = LogImport::begin(stores).await.unwrap();
    for event in &story.events {
        import.event(event.clone()).await.unwrap();
    }
    for subject in story.keys.subjects.keys() {
        let wrapped = story.keys.wrapped(subject).map_or(ImportedKey::Erased, ImportedKey::Wrapped);
        import.key(subject, wrapped, story.events[0].recorded_at).await.unwrap();
    }
    import.commit().await.unwrap();
}

/// Imports the story with its keys at once and asks the command handler, a runner that starts from
/// zero, a second process' worth of fresh handles, and the verification.
async fn comes_whole_out_of_an_import(kind: Kind) {
    for story in stories() {
        let place = Place::new(kind).await;
        let stores = databases::open(&place.url).await.unwrap();
        import(&story, &stores).await;
        stores.close().await;
        for round in 1..=2 {
            let stores = databases::open(&place.url).await.unwrap();
            let running = Running::start(&stores).await;
            running.reach(story.events.last().unwrap().position).await;
            running.stop().await;
            let what = format!("{} on {kind:?}, round {round}", story.name);
            assert_eq!(fold::rows_json(&rows_in(&stores).await), story.rows, "{what}");
            assert_eq!(handler_states(&story, &stores).await, story.states, "{what}");
            let projections = wac_projections::all();
            let log = stores.log.clone();
            let report =
                wac_runner::verify(log, &stores.db, projections, VerifyOptions::default(), &mut |_| {}).await.unwrap();
            assert!(report.is_sound(), "{what}: {report:?}");
            stores.close().await;
        }
    }
}

async fn handler_states(story: &Story, stores: &Stores) -> Value {
    let env = std::sync::Arc::new(wac_store::SystemEnvironment);
    let handler = wac_commands::CommandHandler::new(stores.log.clone(), stores.keys.clone(), env, Default::default());
    let streams: Vec<StreamId> =
        story.states.as_object().unwrap().keys().map(|key| StreamId::from(key.as_str())).collect();
    let world = handler.load(&streams).await.unwrap();
    let state = |stream: &StreamId| -> (StreamId, State) { (stream.clone(), world.state(stream).unwrap().clone()) };
    fold::states_json(&streams.iter().map(state).collect())
}

#[tokio::test]
async fn a_story_imported_into_sqlite_gives_its_states_and_rows() {
    comes_whole_out_of_an_import(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_story_imported_into_postgres_gives_its_states_and_rows() {
    comes_whole_out_of_an_import(Kind::Postgres).await;
}
