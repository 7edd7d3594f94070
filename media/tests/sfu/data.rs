//! Messages over data channels.

use std::time::Duration;

use crate::world::World;

const MOMENT: Duration = Duration::from_millis(300);

fn three() -> World {
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        let client = world.join(name);
        world.clients[client].microphone().channel("wac");
        world.negotiate(client);
    }
    world.run_until("channels", |world| world.clients.iter().all(|client| client.has_channel("wac")));
    world
}

fn messages(world: &World) -> [&[String]; 3] {
    [0, 1, 2].map(|client| world.clients[client].messages.as_slice())
}

#[test]
fn a_message_reaches_everybody_else_with_the_id_of_its_sender() {
    let mut world = three();
    world.clients[0].send_message("wac", r#"{"data":{"text":"hello"},"from":"somebody else"}"#);
    world.run(MOMENT);
    let expected = [r#"{"from":"a","data":{"text":"hello"}}"#.to_owned()];
    assert_eq!(messages(&world), [&[][..], &expected, &expected]);
}

#[test]
fn a_message_to_one_reaches_him_alone() {
    let mut world = three();
    world.clients[0].send_message("wac", r#"{"to":"c","data":1}"#);
    world.run(MOMENT);
    assert_eq!(messages(&world), [&[][..], &[], &[r#"{"from":"a","data":1}"#.to_owned()]]);
}

#[test]
fn what_is_no_message_or_too_long_or_too_much_is_refused() {
    let mut world = three();
    world.clients[0].send_message("wac", "hello");
    world.clients[0].send_message("wac", &format!(r#"{{"data":"{}"}}"#, "x".repeat(17_000)));
    world.run(MOMENT);
    let refused = |error: &str| format!(r#"{{"error":"{error}"}}"#);
    assert_eq!(messages(&world), [&[refused("malformed"), refused("too_long")][..], &[], &[]]);
    for _ in 0..120 {
        world.clients[0].send_message("wac", r#"{"data":0}"#);
        world.run(Duration::from_millis(2));
    }
    world.run(MOMENT);
    assert!(world.clients[0].messages.contains(&refused("too_many")));
    assert!(world.clients[1].messages.len() <= 101);
}

#[test]
fn messages_survive_loss() {
    let mut world = three();
    world.loss_permille = 100;
    for n in 0..20 {
        world.clients[0].send_message("wac", &format!(r#"{{"data":{n}}}"#));
        world.run(Duration::from_millis(50));
    }
    world.run(Duration::from_secs(10));
    let expected: Vec<String> = (0..20).map(|n| format!(r#"{{"from":"a","data":{n}}}"#)).collect();
    assert_eq!(world.clients[1].messages, expected);
}
