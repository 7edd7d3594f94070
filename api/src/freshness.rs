//! Caches that are never stale: what the log's tail has touched, and since when.
//!
//! Every cached entry names the streams it was made from and a position it is not older than. The
//! tail writes, for each event, its position into the slot of its stream; an entry holds as long
//! as none of its slots is beyond its own position. Nothing has to be removed, so nothing stale can
//! be put back: an entry that was read before an event and stored after it is simply never valid.
//! Two streams that share a slot cost a needless read, never a stale answer.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wac_events::{Position, StreamId};

/// Slots of the table; 8 bytes each.
pub const SLOTS: usize = 16_384;

/// The aggregates cached entries are made from.
pub const MADE_FROM: [&str; 5] = ["user", "domain", "client", "token", "session"];

/// How long the log's tail may have been silent before cached entries are no longer trusted. It is
/// also the longest time a token revoked on another node can still work here.
pub const TAIL_TRUST: Duration = Duration::from_secs(5);

/// What the tail knows.
pub struct Freshness {
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
    tail: AtomicU64,
    base: AtomicU64,
    started: Instant,
    confirmed_ms: AtomicU64,
}

/// The slots an entry depends on, and the position it is not older than.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<const N: usize> {
    slots: [u32; N],
    position: u64,
}

impl Default for Freshness {
    fn default() -> Self {
        let slots = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        let started = Instant::now();
        Self {
            slots,
            hasher: RandomState::new(),
            tail: AtomicU64::new(0),
            base: AtomicU64::new(0),
            started,
            confirmed_ms: AtomicU64::new(0),
        }
    }
}

impl Freshness {
    /// The tail follows the log from `position` on. What an entry older than that depends on is not
    /// known, so it never holds.
    pub fn start_at(&self, position: Position) {
        self.base.fetch_max(position.0, Ordering::AcqRel);
        self.confirm(position);
    }

    /// An event of `stream` stands at `position`. Only streams of [`MADE_FROM`] count: calls would
    /// otherwise fill the table, and thousands of entries would be read anew every second.
    pub fn touch(&self, stream: &StreamId, position: Position) {
        if !MADE_FROM.contains(&stream.aggregate()) {
            return;
        }
        self.slots[self.slot(stream)].fetch_max(position.0, Ordering::AcqRel);
    }

    /// The tail has looked at everything up to `position`, now.
    pub fn confirm(&self, position: Position) {
        self.tail.fetch_max(position.0, Ordering::AcqRel);
        let elapsed = self.started.elapsed().as_millis();
        self.confirmed_ms.store(u64::try_from(elapsed).unwrap_or(u64::MAX).max(1), Ordering::Release);
    }

    /// Everything up to here is reflected.
    pub fn tail(&self) -> Position {
        Position(self.tail.load(Ordering::Acquire))
    }

    /// Whether the tail has been heard of within [`TAIL_TRUST`].
    pub fn is_trusted(&self) -> bool {
        let confirmed = self.confirmed_ms.load(Ordering::Acquire);
        let silent = self.started.elapsed().saturating_sub(Duration::from_millis(confirmed));
        confirmed > 0 && silent <= TAIL_TRUST
    }

    /// The stamp of an entry made from `streams` as they were at `position` or later.
    /// They are of [`MADE_FROM`], or nobody's.
    pub fn stamp<const N: usize>(&self, streams: [&StreamId; N], position: Position) -> Stamp<N> {
        debug_assert!(streams.iter().all(|stream| MADE_FROM.contains(&stream.aggregate())), "{streams:?}");
        let slots = streams.map(|stream| u32::try_from(self.slot(stream)).expect("there are fewer slots than 2^32"));
        Stamp { slots, position: position.0 }
    }

    /// Whether nothing an entry was made from has moved since.
    pub fn holds<const N: usize>(&self, stamp: &Stamp<N>) -> bool {
        stamp.position >= self.base.load(Ordering::Acquire)
            && stamp.slots.iter().all(|slot| self.slots[*slot as usize].load(Ordering::Acquire) <= stamp.position)
    }

    fn slot(&self, stream: &StreamId) -> usize {
        usize::try_from(self.hasher.hash_one(stream) % SLOTS as u64).expect("a slot number is small")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_read_before_an_event_never_holds_after_it() {
        let freshness = Freshness::default();
        let (user, domain) = (StreamId::from("user-1"), StreamId::from("domain-1"));
        let stamp = freshness.stamp([&user, &domain], Position(7));
        assert!(freshness.holds(&stamp));
        freshness.touch(&user, Position(7));
        assert!(freshness.holds(&stamp), "what stands at the entry's own position is in it");
        freshness.touch(&domain, Position(8));
        assert!(!freshness.holds(&stamp));
        assert!(!freshness.holds(&freshness.stamp([&user, &domain], Position(7))), "putting it back does not help");
        assert!(freshness.holds(&freshness.stamp([&user, &domain], Position(8))));
    }

    #[test]
    fn an_entry_older_than_where_the_tail_began_does_not_hold() {
        let freshness = Freshness::default();
        freshness.start_at(Position(10));
        let stream = StreamId::from("user-1");
        assert!(!freshness.holds(&freshness.stamp([&stream], Position(9))));
        assert!(freshness.holds(&freshness.stamp([&stream], Position(10))));
    }

    #[test]
    fn calls_leave_every_entry_as_it_is() {
        let freshness = Freshness::default();
        let user = StreamId::from("user-1");
        let stamp = freshness.stamp([&user], Position(7));
        (0..100_000).for_each(|room| freshness.touch(&StreamId::from(format!("room-d-{room}")), Position(8)));
        assert!(freshness.holds(&stamp));
    }

    #[test]
    fn nothing_is_trusted_before_the_tail_has_been_heard_of() {
        let freshness = Freshness::default();
        assert!(!freshness.is_trusted());
        freshness.confirm(Position(3));
        assert!(freshness.is_trusted());
        assert_eq!(freshness.tail(), Position(3));
    }
}
