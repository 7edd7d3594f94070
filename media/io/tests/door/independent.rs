//! A client on another WebRTC stack than the node's.

use std::sync::Arc;
use std::time::Duration;

use wac_media_load::{Arrivals, Media, Network, Participant, Slots};

use crate::node::{Node, joined};

const PATIENCE: Duration = Duration::from_secs(20);
const BOTH: Media = Media { audio: true, video: true };
const ONE_EACH: Slots = Slots { audio: 1, video: 1 };

/// Sends sound and pictures until enough has arrived on the other side.
async fn sends_until(sender: &Participant, arrivals: &Arrivals, (audio, video): (u64, u64)) {
    let enough = async {
        for picture in 0_u32.. {
            sender.speak(80).await.unwrap();
            sender.show(2, 1_100, 50, picture.is_multiple_of(25)).await.unwrap();
            let counted = arrivals.read();
            if counted.audio >= audio && counted.video >= video {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, enough).await;
    assert!(came.is_ok(), "too little has arrived: {:?}", arrivals.read());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_of_another_stack_hear_and_see_one_another() {
    hear_and_see_over(Network::Udp, Network::Udp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_network_lets_no_datagram_through_comes_in_by_tcp() {
    hear_and_see_over(Network::Tcp, Network::Udp).await;
}

async fn hear_and_see_over(of_alice: Network, of_bob: Network) {
    let node = Node::start().await;
    for name in ["alice", "bob"] {
        node.tell(joined(name)).await;
    }
    let (at_alice, at_bob) = (Arc::<Arrivals>::default(), Arc::<Arrivals>::default());
    let join = |name: &str, network, arrivals: &Arc<Arrivals>| {
        let (url, token) = (node.media_url(), node.token(name, name, 60));
        let arrivals = arrivals.clone();
        async move { Participant::join_over(network, &url, &token, (BOTH, ONE_EACH), arrivals).await.unwrap() }
    };
    let alice = join("alice", of_alice, &at_alice).await;
    let bob = join("bob", of_bob, &at_bob).await;
    sends_until(&alice, &at_bob, (50, 80)).await;
    sends_until(&bob, &at_alice, (50, 80)).await;
    assert!(at_bob.read().delay_ms(500).is_some(), "what arrives is what was sent");
    bob.leave().await;
    alice.leave().await;
    node.stop().await;
}
