//! What goes out to a peer: sealed, numbered, sent again when it is missed, reported on, and no more of it than its
//! way bears. The connection itself (ICE, DTLS, what comes in) is the library's; for what is sent to many it does too
//! much for each packet.

mod cache;
mod feedback;
mod header;
mod keys;
mod lock;
mod report;
mod stream;
mod vp8;

use std::time::{Duration, Instant};

use str0m::media::Mid;

use self::feedback::{Feedback, missing, read};
pub(crate) use self::header::Ids;
pub(crate) use self::keys::{Keying, provider, yielded};
use self::lock::Lock;
pub(crate) use self::report::Clock;
use self::stream::Sealing;
pub(crate) use self::stream::{Counted, Packet, Stream};
use crate::Way;
use crate::estimate::Estimator;
use crate::peer::Slot;

/// Sender reports are sent this often.
const REPORT_EVERY: Duration = Duration::from_secs(2);
/// Bytes of a packet of padding.
const PADDING_BYTES: usize = 1_000;
/// Before it is known how long a packet is on its way it is not sent again within this.
const ROUND_TRIP_UNKNOWN: Duration = Duration::from_millis(20);
/// Sources of reports of one peer that are remembered.
const REPORTERS_MAX: usize = 16;

/// The outgoing side of a peer.
pub(crate) struct Egress {
    locks: Option<Locks>,
    /// Where media goes: the way that the connection has been found to go.
    pub way: Option<Way>,
    pub estimator: Estimator,
    /// By sender reports and what is said of them.
    round_trip: Option<Duration>,
    reporters: Vec<Reporter>,
    reported_at: Option<Instant>,
    clock: Clock,
    /// Bytes of media sent.
    pub bytes: u64,
}

struct Locks {
    ours: Lock,
    theirs: Lock,
}

/// Which reports of a source have come: the last index, and which of those before it.
struct Reporter {
    source: u32,
    last: u32,
    seen: u64,
}

/// What a compound of reports has brought.
#[derive(Default, Debug)]
pub(crate) struct Heard {
    /// Datagrams to be sent.
    pub datagrams: Vec<Vec<u8>>,
    /// Sections whose pictures need a key frame.
    pub keyframes: Vec<Mid>,
    /// Whether it is news of the way.
    pub is_of_way: bool,
    /// Whether it says something of what the peer sends.
    pub is_of_sender: bool,
}

impl Egress {
    pub(crate) fn new(start_rate: u64, clock: Clock) -> Self {
        Self {
            locks: None,
            way: None,
            estimator: Estimator::new(start_rate),
            round_trip: None,
            reporters: Vec::new(),
            reported_at: None,
            clock,
            bytes: 0,
        }
    }

    /// The handshake is done.
    pub(crate) fn unlock(&mut self, keying: &Keying) {
        let lock = |master| Lock::new(keying.profile, master);
        let locks = (keying.ours().and_then(lock), keying.theirs().and_then(lock));
        if let (Some(ours), Some(theirs)) = locks {
            self.locks = Some(Locks { ours, theirs });
            self.reporters.clear();
        }
    }

    /// The datagram of a packet; `None`: there are no keys yet.
    pub(crate) fn send(&mut self, stream: &mut Stream, packet: &Packet<'_>, now: Instant) -> Option<(Way, Vec<u8>)> {
        let (way, locks) = (self.way?, self.locks.as_ref()?);
        let mut by = Sealing { lock: &locks.ours, estimator: &mut self.estimator, now };
        let datagram = stream.send(packet, &mut by)?;
        self.bytes += datagram.len() as u64;
        Some((way, datagram))
    }

    /// Takes in SRTCP. `None`: it is not authentic, or has come before.
    pub(crate) fn handle_reports(
        &mut self,
        slots: &mut [Slot],
        from: Way,
        packet: &[u8],
        now: Instant,
    ) -> Option<Heard> {
        let mut compound = packet.to_vec();
        let (source, index) = self.locks.as_ref()?.theirs.open_rtcp(&mut compound)?;
        if self.admit(source, index)? {
            self.way = Some(from);
        }
        let mut heard = Heard::default();
        let mut said = Vec::new();
        heard.is_of_sender = read(&compound, |feedback| said.push(feedback));
        for feedback in said {
            self.hear(slots, feedback, &mut heard, now);
        }
        Some(heard)
    }

    /// Whether a report is the newest of its source; `None`: it has come before, or is too old to tell.
    fn admit(&mut self, source: u32, index: u32) -> Option<bool> {
        let Some(reporter) = self.reporters.iter_mut().find(|reporter| reporter.source == source) else {
            if self.reporters.len() == REPORTERS_MAX {
                self.reporters.remove(0);
            }
            self.reporters.push(Reporter { source, last: index, seen: 1 });
            return Some(true);
        };
        if index > reporter.last {
            reporter.seen = reporter.seen.checked_shl(index - reporter.last).unwrap_or(0) | 1;
            reporter.last = index;
            return Some(true);
        }
        let bit = 1_u64.checked_shl(reporter.last - index)?;
        let is_new = reporter.seen & bit == 0;
        reporter.seen |= bit;
        is_new.then_some(false)
    }

    fn hear(&mut self, slots: &mut [Slot], feedback: Feedback<'_>, heard: &mut Heard, now: Instant) {
        match feedback {
            Feedback::Arrivals(packet) => heard.is_of_way |= self.estimator.reported(packet, now),
            Feedback::Report(report) => {
                let round_trip = self.clock.round_trip(report.last_report, report.delay, now);
                self.round_trip = round_trip.or(self.round_trip);
                let mut streams = slots.iter_mut().filter_map(|slot| slot.stream.as_mut());
                if let Some(stream) = streams.find(|stream| stream.source == report.source) {
                    stream.reported(&report);
                }
            }
            Feedback::Keyframe(source) => {
                let mut streams = slots.iter().filter_map(|slot| slot.stream.as_ref());
                heard.keyframes.extend(streams.find(|stream| stream.source == source).map(|stream| stream.mid));
            }
            Feedback::Lost(source, entries) => self.mend(slots, source, entries, heard, now),
        }
    }

    fn mend(&mut self, slots: &mut [Slot], source: u32, entries: &[u8], heard: &mut Heard, now: Instant) {
        let pause = self.round_trip().unwrap_or(ROUND_TRIP_UNKNOWN);
        let mut streams = slots.iter_mut().filter_map(|slot| slot.stream.as_mut());
        let Some(stream) = streams.find(|stream| stream.source == source) else { return };
        let Some(locks) = &self.locks else { return };
        let mut by = Sealing { lock: &locks.ours, estimator: &mut self.estimator, now };
        for sequence in missing(entries) {
            if let Some(datagram) = stream.send_again(sequence, pause, &mut by) {
                self.bytes += datagram.len() as u64;
                heard.datagrams.push(datagram);
            }
        }
    }

    /// How long a packet is on its way and its news on the way back.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.estimator.round_trip().or(self.round_trip)
    }

    /// Padding that is due, to find out whether the way bears more than goes over it.
    pub(crate) fn pad(&mut self, slots: &mut [Slot], now: Instant) -> Vec<Vec<u8>> {
        let mut bytes = self.estimator.padding(now);
        let mut datagrams = Vec::new();
        let Some(locks) = self.locks.as_ref().filter(|_| bytes > 0 && self.way.is_some()) else { return datagrams };
        let mut streams = slots.iter_mut().filter_map(|slot| slot.stream.as_mut());
        let Some(stream) = streams.find(|stream| stream.can_pad()) else { return datagrams };
        let mut by = Sealing { lock: &locks.ours, estimator: &mut self.estimator, now };
        while bytes > 0 {
            let Some(datagram) = stream.send_padding(bytes.min(PADDING_BYTES), &mut by) else { break };
            bytes = bytes.saturating_sub(datagram.len());
            self.bytes += datagram.len() as u64;
            datagrams.push(datagram);
        }
        datagrams
    }

    /// Sender reports, if they are due.
    pub(crate) fn report(&mut self, slots: &[Slot], name: &str, now: Instant) -> Vec<Vec<u8>> {
        let is_due = self.reported_at.is_none_or(|at| now.saturating_duration_since(at) >= REPORT_EVERY);
        let Some(locks) = self.locks.as_mut().filter(|_| is_due && self.way.is_some()) else { return Vec::new() };
        let streams = slots.iter().filter_map(|slot| slot.stream.as_ref());
        let mut compounds = report::compounds(streams, name, self.clock, now);
        if !compounds.is_empty() {
            self.reported_at = Some(now);
        }
        compounds.retain_mut(|compound| locks.ours.seal_rtcp(compound).is_some());
        compounds
    }
}
