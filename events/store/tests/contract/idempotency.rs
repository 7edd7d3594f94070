//! A command appends once.

use futures::future::join_all;
use wac_events::{Appended, Position};

use crate::harness::*;

on_every_store!(
    a_repeated_command_gets_its_first_positions,
    a_repeated_command_is_known_to_a_node_that_never_saw_it,
    a_command_sent_many_times_at_once_appends_once,
    a_command_sent_by_two_nodes_at_once_appends_once,
    a_repeated_command_does_not_hold_up_its_neighbours,
    a_refused_command_leaves_no_trace,
);

fn duplicate(first: u64, last: u64) -> Appended {
    Appended { first: Position(first), last: Position(last), duplicate: true }
}

async fn a_repeated_command_gets_its_first_positions(fixture: Fixture) {
    let (a, b) = (stream("a"), stream("b"));
    let command =
        batch(vec![exactly(&a, 0, vec![event("room.created", 1)]), exactly(&b, 0, vec![event("room.created", 2)])]);
    assert_eq!(fixture.log().append(command.clone()).await.unwrap(), new(1, 2));
    fixture.log().append(one(&a, 1)).await.unwrap();
    assert_eq!(fixture.log().append(command.clone()).await.unwrap(), duplicate(1, 2));
    let found = fixture.log().outcome(command.command_id).await.unwrap().unwrap();
    assert_eq!((found.first, found.last), (Position(1), Position(2)));
    assert_eq!(everything(fixture.log()).await.len(), 3);
}

async fn a_repeated_command_is_known_to_a_node_that_never_saw_it(fixture: Fixture) {
    let a = stream("a");
    let first = one(&a, 0);
    fixture.log().append(first.clone()).await.unwrap();
    let other = fixture.other_node().await;
    // With the expectation of then, which no longer holds, and with one that does.
    assert_eq!(other.log.append(first.clone()).await.unwrap(), duplicate(1, 1));
    let mut decided_again = one(&a, 1);
    decided_again.command_id = first.command_id;
    assert_eq!(fixture.other_node().await.log.append(decided_again).await.unwrap(), duplicate(1, 1));
    assert_eq!(everything(fixture.log()).await.len(), 1);
}

async fn a_command_sent_many_times_at_once_appends_once(fixture: Fixture) {
    let command = one(&stream("a"), 0);
    let results = join_all((0..20).map(|_| fixture.log().append(command.clone()))).await;
    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert!(results.iter().all(|appended| appended.first == Position(1)), "{results:?}");
    assert_eq!(results.iter().filter(|appended| !appended.duplicate).count(), 1, "{results:?}");
    assert_eq!(everything(fixture.log()).await.len(), 1);
}

async fn a_command_sent_by_two_nodes_at_once_appends_once(fixture: Fixture) {
    let other = fixture.other_node().await;
    for n in 1..=20u64 {
        let command = one(&stream(&n.to_string()), 0);
        let (here, there) = futures::join!(fixture.log().append(command.clone()), other.log.append(command));
        let (here, there) = (here.unwrap(), there.unwrap());
        assert_eq!((here.first, there.first), (Position(n), Position(n)));
        assert!(here.duplicate != there.duplicate, "{here:?} {there:?}");
    }
    assert_in_order(&everything(fixture.log()).await);
}

async fn a_repeated_command_does_not_hold_up_its_neighbours(fixture: Fixture) {
    let repeated = one(&stream("repeated"), 0);
    fixture.log().append(repeated.clone()).await.unwrap();
    let other = fixture.other_node().await;
    let names: Vec<_> = (0..30).map(|n| stream(&n.to_string())).collect();
    let neighbours = join_all(names.iter().map(|name| other.log.append(one(name, 0))));
    let (again, neighbours) = futures::join!(other.log.append(repeated), neighbours);
    assert_eq!(again.unwrap(), duplicate(1, 1));
    neighbours.into_iter().for_each(|result| assert!(!result.unwrap().duplicate));
    assert_in_order(&everything(fixture.log()).await);
}

async fn a_refused_command_leaves_no_trace(fixture: Fixture) {
    let a = stream("a");
    fixture.log().append(one(&a, 0)).await.unwrap();
    let mut command = one(&a, 0);
    assert!(is_conflict(&fixture.log().append(command.clone()).await, 0, 1));
    assert_eq!(fixture.log().outcome(command.command_id).await.unwrap(), None);
    command.appends = one(&a, 1).appends;
    assert_eq!(fixture.log().append(command).await.unwrap(), new(2, 2));
}
