//! A picture goes on over a network that loses, because what is lost is sent again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wac_media_load::{Arrivals, Media, Participant, Shown, Slots, Stack};

use crate::node::{Node, joined};
use crate::relay::{Passed, Relay, Weather};

const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_PICTURES: Duration = Duration::from_millis(40);
const PACKETS: usize = 3;
const PICTURES: u16 = 300;
/// No picture comes by so much later than the one before it than it was sent, however busy the machine is. On one at rest
/// it is half a second at most; pictures that are held back by the node are late by seconds.
const FREEZE_MAX: Duration = Duration::from_secs(2);

const CALM: Weather =
    Weather { seed: 1, loss_permille: 0, delay: Duration::from_millis(10), late_permille: 0, late: Duration::ZERO };
const BAD: Weather =
    Weather { seed: 2_026, loss_permille: 50, late_permille: 20, late: Duration::from_millis(25), ..CALM };

/// What became of the pictures of one call.
struct Outcome {
    relay: Relay,
    sent: Vec<Instant>,
    /// Of those that were sent in the weather.
    shown: Vec<Shown>,
}

impl Outcome {
    /// Whole pictures, in thousandths.
    fn whole_permille(&self) -> usize {
        self.shown.len() * 1_000 / usize::from(PICTURES)
    }

    /// The longest time by which a picture was later than the whole one before it.
    fn longest_freeze(&self) -> Duration {
        let sent = |shown: &Shown| self.sent[usize::from(shown.picture)];
        let late = |pair: &[Shown]| {
            (pair[1].at - pair[0].at).saturating_sub(sent(&pair[1]).saturating_duration_since(sent(&pair[0])))
        };
        self.shown.windows(2).map(late).max().unwrap_or(Duration::MAX)
    }

    fn told(&self) -> String {
        let Passed { up, down, lost, resent, asked } = self.relay.passed();
        let [up, down, lost, resent, asked] = [up, down, lost, resent, asked].map(Passed::read);
        format!(
            "{} of {PICTURES} whole, longest freeze {:?}; {up} up, {down} down, {lost} lost, {resent} sent again by \
             the publisher, {asked} asked for by clients",
            self.shown.len(),
            self.longest_freeze()
        )
    }
}

/// Alice shows her picture to bob.
struct Call {
    node: Node,
    relay: Relay,
    alice: Participant,
    bob: Participant,
    at_bob: Arc<Arrivals>,
    sent: Vec<Instant>,
}

impl Call {
    async fn begin(weather: Weather, stack: Stack) -> Self {
        let relay = Relay::new(weather).await;
        let node = Node::start_with(|config| config.address = relay.address()).await;
        relay.lead_to(node.media_address());
        let at_bob = Arc::new(Arrivals::of_pictures());
        for name in ["alice", "bob"] {
            node.tell(joined(name)).await;
        }
        let join = async |name: &str, wanted, arrivals: Arc<Arrivals>| {
            let (url, token) = (node.media_url(), node.token(name, name, 60));
            Participant::join_with(stack, &url, &token, wanted, arrivals).await.unwrap()
        };
        let bob = join("bob", (Media::default(), Slots { audio: 0, video: 1 }), at_bob.clone()).await;
        let alice = join("alice", (Media { audio: false, video: true }, Slots::default()), Arc::default()).await;
        Self { node, relay, alice, bob, at_bob, sent: Vec::new() }
    }

    async fn show(&mut self) {
        let key = self.sent.len().is_multiple_of(25);
        self.sent.push(Instant::now());
        self.alice.show(PACKETS, 700, 25, key).await.unwrap();
        tokio::time::sleep(BETWEEN_PICTURES).await;
    }

    /// Shows pictures in the weather, the first of them a key frame, and waits for the last ones.
    async fn weather(mut self) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        while self.at_bob.shown().is_empty() || !self.sent.len().is_multiple_of(25) {
            assert!(Instant::now() < deadline, "no picture arrives");
            self.show().await;
        }
        self.relay.begin();
        let first = self.sent.len();
        for _ in 0..PICTURES {
            self.show().await;
        }
        let in_weather = |at_bob: &Arrivals| -> Vec<Shown> {
            at_bob.shown().into_iter().filter(|shown| usize::from(shown.picture) >= first).collect()
        };
        let deadline = Instant::now() + Duration::from_secs(2);
        while in_weather(&self.at_bob).len() < usize::from(PICTURES) && Instant::now() < deadline {
            tokio::time::sleep(BETWEEN_PICTURES).await;
        }
        assert!(self.alice.is_there() && self.bob.is_there(), "nobody is cut off");
        let shown = in_weather(&self.at_bob);
        self.node.stop().await;
        Outcome { relay: self.relay, sent: self.sent, shown }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_packets_five_are_lost_each_way_and_the_picture_goes_on() {
    let outcome = Call::begin(BAD, Stack::default()).await.weather().await;
    let told = outcome.told();
    println!("{told}");
    assert!(outcome.whole_permille() >= 970, "{told}");
    assert!(outcome.longest_freeze() <= FREEZE_MAX, "{told}");
    let passed = outcome.relay.passed();
    assert!(Passed::read(&passed.resent) > 0 && Passed::read(&passed.asked) > 0, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_lost_nothing_is_sent_again() {
    let outcome = Call::begin(CALM, Stack::default()).await.weather().await;
    let told = outcome.told();
    assert_eq!(outcome.whole_permille(), 1_000, "{told}");
    let passed = outcome.relay.passed();
    assert_eq!((Passed::read(&passed.resent), Passed::read(&passed.asked)), (0, 0), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_neither_ask_for_what_is_lost_nor_send_it_again_do_not_see_every_picture() {
    let outcome = Call::begin(BAD, Stack { repairs: false, ..Stack::default() }).await.weather().await;
    let told = outcome.told();
    assert!(outcome.whole_permille() < 900, "{told}");
    let passed = outcome.relay.passed();
    assert_eq!((Passed::read(&passed.resent), Passed::read(&passed.asked)), (0, 0), "{told}");
}
