//! What has been sent over one media section of late, to be sent again when it is missed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many packets are kept, and for so long.
const PACKETS_MAX: usize = 1_024;
const AGE_MAX: Duration = Duration::from_secs(1);
/// Over how long it is looked at how much is sent again.
const SHARE_WINDOW: Duration = Duration::from_millis(500);
/// At most this part of what goes out over a section is sent again, in percent; beyond it what is asked for is not.
/// Clients whose way loses one packet in twenty ask for one in ten, since what is lost on the way of the publisher is
/// missing here as well, and some ask for each several times, repaired or not.
const SHARE_PERCENT_MAX: u64 = 50;

/// A packet as it was sent. Its payload is that of the publisher, which all who are sent it share.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub payload: Arc<[u8]>,
    pub timestamp: u32,
    pub marker: bool,
    pub payload_type: u8,
    pub orientation: Option<u8>,
    pub picture_id: Option<u16>,
    pub tl0: Option<u8>,
    pub at: Instant,
    pub again_at: Option<Instant>,
}

/// The packets of one section, by extended sequence number.
#[derive(Default, Debug)]
pub(crate) struct Cache {
    /// The sequence number of the first entry.
    first: u64,
    packets: VecDeque<Option<Sent>>,
    share: Share,
}

impl Cache {
    /// Keeps a packet.
    pub(crate) fn keep(&mut self, sequence: u64, sent: Sent) {
        self.share.count(sent.payload.len(), false, sent.at);
        self.forget(sent.at);
        if self.packets.is_empty() {
            self.first = sequence;
        }
        let Some(place) = sequence.checked_sub(self.first) else { return };
        if place >= (self.packets.len() + PACKETS_MAX) as u64 {
            self.packets.clear();
            self.first = sequence;
        }
        let place = (sequence - self.first) as usize;
        if self.packets.len() <= place {
            self.packets.resize_with(place + 1, || None);
        }
        self.packets[place] = Some(sent);
        while self.packets.len() > PACKETS_MAX {
            self.packets.pop_front();
            self.first += 1;
        }
    }

    /// A packet that is asked for; `None`: it is not there any more, has just been sent again, or too much is. `pause`:
    /// how long it may have been on its way.
    pub(crate) fn again(&mut self, sequence: u16, pause: Duration, now: Instant) -> Option<(u64, Sent)> {
        if self.share.is_spent(now) {
            return None;
        }
        let sequence = self.extended(sequence)?;
        let sent = self.packets.get_mut((sequence - self.first) as usize)?.as_mut()?;
        let is_on_its_way = sent.again_at.is_some_and(|at| now.saturating_duration_since(at) < pause);
        if is_on_its_way || now.saturating_duration_since(sent.at) > AGE_MAX {
            return None;
        }
        sent.again_at = Some(now);
        let sent = sent.clone();
        self.share.count(sent.payload.len(), true, now);
        Some((sequence, sent))
    }

    /// The last packet, for what is sent only to be counted.
    pub(crate) fn last(&self) -> Option<(u64, &Sent)> {
        let place = self.packets.len().checked_sub(1)?;
        Some((self.first + place as u64, self.packets[place].as_ref()?))
    }

    /// The sequence number among those that are kept with these lower bits.
    fn extended(&self, sequence: u16) -> Option<u64> {
        let ahead = u64::from(sequence.wrapping_sub(self.first as u16));
        (ahead < self.packets.len() as u64).then_some(self.first + ahead)
    }

    fn forget(&mut self, now: Instant) {
        let is_old =
            |sent: &Option<Sent>| sent.as_ref().is_none_or(|sent| now.saturating_duration_since(sent.at) > AGE_MAX);
        while self.packets.front().is_some_and(is_old) {
            self.packets.pop_front();
            self.first += 1;
        }
    }
}

/// How much of what goes out is sent again.
#[derive(Default, Debug)]
struct Share {
    since: Option<Instant>,
    /// Bytes sent, and sent again, of this window and of the one before.
    now: (u64, u64),
    before: (u64, u64),
}

impl Share {
    fn count(&mut self, bytes: usize, again: bool, now: Instant) {
        self.turn(now);
        let bytes = bytes as u64;
        if again { self.now.1 += bytes } else { self.now.0 += bytes }
    }

    fn is_spent(&mut self, now: Instant) -> bool {
        self.turn(now);
        let (sent, again) = (self.now.0 + self.before.0, self.now.1 + self.before.1);
        again * 100 > (sent + again) * SHARE_PERCENT_MAX
    }

    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(*self.since.get_or_insert(now));
        if passed >= SHARE_WINDOW {
            self.before = if passed < 2 * SHARE_WINDOW { self.now } else { (0, 0) };
            (self.now, self.since) = ((0, 0), Some(now));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test begins its simulated time somewhere")]

    use super::*;

    const PAUSE: Duration = Duration::from_millis(20);

    fn sent(at: Instant) -> Sent {
        Sent {
            payload: vec![1; 100].into(),
            timestamp: 0,
            marker: false,
            payload_type: 96,
            orientation: None,
            picture_id: None,
            tl0: None,
            at,
            again_at: None,
        }
    }

    fn full(sequences: impl IntoIterator<Item = u64>, at: Instant) -> Cache {
        let mut cache = Cache::default();
        sequences.into_iter().for_each(|sequence| cache.keep(sequence, sent(at)));
        cache
    }

    #[test]
    fn what_was_sent_is_there_by_its_lower_bits_whatever_came_between() {
        let start = Instant::now();
        let mut cache = full([65_530, 65_533, 65_531, 65_540], start);
        let found = |cache: &mut Cache, sequence| cache.again(sequence, PAUSE, start).map(|(sequence, _)| sequence);
        assert_eq!(found(&mut cache, 65_531), Some(65_531));
        assert_eq!(found(&mut cache, 4), Some(65_540), "behind the turn of 16 bits");
        assert_eq!(found(&mut cache, 65_532), None, "it was not sent");
        assert_eq!(found(&mut cache, 65_529), None, "before the first");
        assert_eq!(found(&mut cache, 5), None, "not sent yet");
    }

    #[test]
    fn what_has_just_been_sent_again_is_not_at_once_and_what_is_old_never() {
        let start = Instant::now();
        let mut cache = full(0..100, start);
        let found = |cache: &mut Cache, millis| cache.again(50, PAUSE, start + Duration::from_millis(millis)).is_some();
        assert_eq!([0, 10, 20, 39, 41, 1_001].map(|at| found(&mut cache, at)), [true, false, true, false, true, false]);
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let start = Instant::now();
        let mut cache = full(0..3_000, start);
        assert_eq!((cache.packets.len(), cache.first), (PACKETS_MAX, 3_000 - PACKETS_MAX as u64));
        cache.keep(3_000, sent(start + AGE_MAX * 2));
        assert_eq!((cache.packets.len(), cache.first), (1, 3_000), "the others are old");
        cache.keep(1 << 40, sent(start + AGE_MAX * 2));
        assert_eq!((cache.packets.len(), cache.first), (1, 1 << 40), "a leap does not take memory");
    }

    #[test]
    fn no_more_than_half_of_what_goes_out_is_sent_again() {
        let start = Instant::now();
        let mut cache = full(0..10, start);
        let again = (0..100_u64).filter(|turn| {
            let at = start + PAUSE * (*turn as u32 / 10);
            cache.again((*turn % 10) as u16, PAUSE, at).is_some()
        });
        assert_eq!(again.count(), 11, "as much as was sent, and the one that goes beyond it");
        let later = start + Duration::from_millis(900);
        (10..20).for_each(|sequence| cache.keep(sequence, sent(later)));
        assert!(cache.again(15, PAUSE, later + SHARE_WINDOW).is_some(), "what was long ago does not count");
    }
}
