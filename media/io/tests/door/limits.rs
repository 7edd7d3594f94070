//! What a node does not let in is named at every door, told to the log, and counted.

use std::sync::Arc;
use std::time::Duration;

use wac_events::MediaEvent;
use wac_events::media::MediaLimit;
use wac_media_io::{Dropped, Limit, MediaConfig};
use wac_media_load::{Arrivals, HttpSession, LoadError, Media, Participant, Slots};

use crate::node::{Node, joined};

const PATIENCE: Duration = Duration::from_secs(20);

/// A node set to this, with a first participant whose media socket is open, and a second one who is not in yet.
async fn with_one_inside(change: impl FnOnce(&mut MediaConfig)) -> (Node, crate::socket::Socket) {
    let node = Node::start_with(change).await;
    for name in ["alice", "bob"] {
        node.tell(joined(name)).await;
    }
    let alice = node.enter(&node.token("alice", "first", 60)).await.unwrap();
    (node, alice)
}

async fn refusals(node: &Node) -> Vec<(u16, String)> {
    let mut refused = vec![node.refusal(Some(&node.token("bob", "by-socket", 60))).await];
    let token = |door| node.token("bob", door, 60);
    let sending = Media { audio: true, video: true };
    let published = HttpSession::publish(&node.http_url("/whip/opening"), &token("whip"), sending).await;
    let viewed = HttpSession::view(&node.http_url("/whep/opening"), &token("whep"), Arc::default()).await;
    for begun in [published, viewed] {
        let Err(LoadError::Answered(status, body)) = begun else { panic!("not refused") };
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        refused.push((status, problem["code"].as_str().unwrap().to_owned()));
    }
    refused
}

/// Every door names the same limit, the log is told of each, and they are counted.
async fn names((node, inside): (Node, crate::socket::Socket), limit: (Limit, MediaLimit), refusal: (u16, &str)) {
    assert_eq!(refusals(&node).await, vec![(refusal.0, refusal.1.to_owned()); 3]);
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let told = node.told_of_media().await;
        let limits: Vec<MediaLimit> = told
            .iter()
            .filter_map(|event| match event {
                MediaEvent::Refused(refused) => Some(refused.limit),
                _ => None,
            })
            .collect();
        if limits == [limit.1; 3] && node.figures().refused(limit.0) == 3 {
            break;
        }
        assert!(tokio::time::Instant::now() < end, "{told:?}, {:?}", node.figures());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(inside);
    node.stop().await;
}

#[tokio::test]
async fn a_full_node_is_named_at_every_door_and_in_the_log() {
    let inside = with_one_inside(|config| config.peers_max = 1).await;
    names(inside, (Limit::Sessions, MediaLimit::Sessions), (503, "node_full")).await;
}

#[tokio::test]
async fn a_full_room_is_named_at_every_door_and_in_the_log() {
    let inside = with_one_inside(|config| config.participants_max = 1).await;
    names(inside, (Limit::Participants, MediaLimit::Participants), (403, "participants_limit")).await;
}

#[tokio::test]
async fn a_node_with_rooms_enough_takes_no_further_one() {
    let node = Node::start_with(|config| config.rooms_max = 0).await;
    node.tell(joined("alice")).await;
    let refused = node.refusal(Some(&node.token("alice", "t1", 60))).await;
    assert_eq!(refused, (503, "rooms_limit".to_owned()));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_publisher_who_floods_the_rest_is_dropped_and_the_others_go_on() {
    let node = Node::start_with(|config| config.publisher_max = 300_000).await;
    for name in ["alice", "bob", "carol"] {
        node.tell(joined(name)).await;
    }
    let both = Media { audio: true, video: true };
    let (at_bob, unread) = (Arc::<Arrivals>::default(), Arc::<Arrivals>::default());
    let join = |name: &str, slots: Slots, arrivals: &Arc<Arrivals>| {
        let (url, token, arrivals) = (node.media_url(), node.token(name, name, 60), arrivals.clone());
        async move { Participant::join(&url, &token, both, slots, arrivals).await.unwrap() }
    };
    let alice = join("alice", Slots::default(), &unread).await;
    let carol = join("carol", Slots::default(), &unread).await;
    let bob = join("bob", Slots { audio: 2, video: 2 }, &at_bob).await;
    // About 4 Mbit/s of pictures, and somebody who only speaks.
    let enough = async {
        for picture in 0_u32.. {
            alice.show(9, 1_100, 50, picture.is_multiple_of(25)).await.unwrap();
            carol.speak(80).await.unwrap();
            if at_bob.read().audio >= 100 && node.figures().dropped(Dropped::Flood) >= 500 {
                return picture;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        0
    };
    let pictures = tokio::time::timeout(PATIENCE, enough).await;
    let pictures = pictures.unwrap_or_else(|_| panic!("{:?}, {:?}", at_bob.read(), node.figures()));
    let arrived = at_bob.read();
    assert!(arrived.video < u64::from(pictures) * 9 / 2, "{arrived:?} of {pictures} pictures");
    assert!(alice.is_there() && carol.is_there() && bob.is_there());
    for somebody in [alice, carol, bob] {
        somebody.leave().await;
    }
    node.stop().await;
}
