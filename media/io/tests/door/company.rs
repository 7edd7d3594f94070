//! People in a room who are to notice nothing of what others do to the node, on another WebRTC stack than the node's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wac_media_load::{Arrivals, Counted, Media, Participant, Slots, Stack};

use crate::node::{Node, joined};

const PATIENCE: Duration = Duration::from_secs(30);
const BOTH: Media = Media { audio: true, video: true };
/// A picture and 20 ms of sound.
const ROUND: Duration = Duration::from_millis(20);
/// Of each kind, everybody receives so many packets while something else goes on.
const MEANWHILE: u64 = 50;
/// The same, of one sender, afterwards.
const ALONE: u64 = 30;

/// Somebody, and what has reached him.
pub(crate) struct Person {
    pub(crate) client: Participant,
    pub(crate) arrivals: Arc<Arrivals>,
    /// Packets of sound, and as many of pictures.
    sent: AtomicU64,
}

impl Person {
    async fn speak(&self, round: u64) {
        self.client.speak(80).await.unwrap();
        self.client.show(1, 900, 50, round.is_multiple_of(25)).await.unwrap();
        self.sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// All of them, in the one room of a node.
pub(crate) struct Company {
    pub(crate) node: Node,
    pub(crate) people: Vec<Person>,
}

fn has(counted: &Counted, packets: u64) -> bool {
    counted.audio >= packets && counted.video >= packets
}

impl Company {
    /// They come in, one after the other.
    pub(crate) async fn meet(node: Node, names: &[&str]) -> Self {
        let all: Vec<(&str, Stack)> = names.iter().map(|name| (*name, Stack::default())).collect();
        Self::meet_with(node, &all).await
    }

    /// They come in with these stacks, one after the other.
    pub(crate) async fn meet_with(node: Node, names: &[(&str, Stack)]) -> Self {
        // One more than there are voices: somebody may have a second microphone.
        let slots = Slots { audio: names.len(), video: names.len() - 1 };
        let mut people = Vec::new();
        for (name, stack) in names {
            node.tell(joined(name)).await;
            let arrivals = Arc::<Arrivals>::default();
            let (url, token) = (node.media_url(), node.token(name, name, 60));
            let client = Participant::join_with(*stack, &url, &token, (BOTH, slots), arrivals.clone()).await.unwrap();
            people.push(Person { client, arrivals, sent: AtomicU64::new(0) });
        }
        Self { node, people }
    }

    fn received(&self) -> Vec<Counted> {
        self.people.iter().map(|person| person.arrivals.read()).collect()
    }

    /// All speak and show themselves, and in every round something else happens, until that is enough and everybody has
    /// received a good deal meanwhile.
    pub(crate) async fn goes_on_while(&self, mut enough: impl AsyncFnMut() -> bool) {
        let before = self.received();
        let meanwhile = async {
            for round in 0_u64.. {
                for person in &self.people {
                    person.speak(round).await;
                }
                let is_enough = enough().await;
                let since = self.received();
                if is_enough && since.iter().zip(&before).all(|(now, before)| has(&now.since(before), MEANWHILE)) {
                    return;
                }
                tokio::time::sleep(ROUND).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, meanwhile).await;
        assert!(came.is_ok(), "{:?}, {:?}", self.received(), self.node.figures());
    }

    /// One after the other is heard and seen by all others while nobody else sends; and nobody has been cut off.
    pub(crate) async fn hear_and_see_one_another(&self) {
        for (place, speaker) in self.people.iter().enumerate() {
            let before = self.received();
            let others = || self.received().into_iter().zip(&before).enumerate().filter(|(other, _)| *other != place);
            let heard = async {
                for round in 0_u64.. {
                    speaker.speak(round).await;
                    if others().all(|(_, (now, before))| has(&now.since(before), ALONE)) {
                        return;
                    }
                    tokio::time::sleep(ROUND).await;
                }
            };
            let came = tokio::time::timeout(PATIENCE, heard).await;
            assert!(came.is_ok(), "of number {place}: {:?}, before {before:?}", self.received());
        }
        assert!(self.people.iter().all(|person| person.client.is_there()), "nobody is cut off");
    }

    /// Most packets, sound and pictures together, that have been sent for somebody.
    pub(crate) fn sent_for(&self, place: usize) -> u64 {
        let others = self.people.iter().enumerate().filter(|(other, _)| *other != place);
        others.map(|(_, person)| 2 * person.sent.load(Ordering::Relaxed)).sum()
    }

    /// They go, and the node stops.
    pub(crate) async fn end(self) {
        for person in self.people {
            person.client.leave().await;
        }
        self.node.stop().await;
    }
}
