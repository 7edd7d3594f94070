//! Feedback of any kind.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::link::origin;
use super::report::feedback;
use crate::estimate::Estimator;
use crate::estimate::feedback::{Feedback, ReceiverClock, Status};

fn statuses(packet: &[u8]) -> Option<Vec<(u16, Status)>> {
    Feedback::read(packet).map(|feedback| feedback.statuses().collect())
}

#[test]
fn every_kind_of_chunk_is_read() {
    let mut packet = vec![0x8f, 205, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2];
    // From 65,534 on twelve packets; the reference time is 1.
    packet.extend([0xff, 0xfe, 0, 12, 0, 0, 1, 0]);
    // Two that arrived soon; one that did not, a later, an earlier and four that did not; three of fourteen.
    packet.extend([0x20, 2, 0b1100_1010, 0, 0b1001_0111, 0xff]);
    packet.extend([4, 8, 0x01, 0x00, 0xff, 0xff, 0, 12, 0, 0]);
    let ms = |quarters: i64| Status::Arrived(quarters * 250);
    let missing = |sequence| (sequence, Status::Missing);
    let mut expected = vec![(65_534, ms(4)), (65_535, ms(12)), missing(0), (1, ms(268)), (2, ms(267))];
    expected.extend((3..7).map(missing));
    expected.extend([missing(7), (8, ms(267)), missing(9)]);
    assert_eq!(statuses(&packet), Some(expected));
}

#[test]
fn what_is_cut_short_or_is_no_feedback_is_not_read() {
    let arrivals: BTreeMap<u64, i64> = (0..40).filter(|n| n % 5 != 1).map(|n| (n, n as i64 * 90_000)).collect();
    let packet = feedback(0, &arrivals);
    assert!(statuses(&packet).is_some());
    for length in 0..packet.len() {
        assert!(statuses(&packet[..length]).is_none(), "{length}");
        let mut cut = packet[..length / 4 * 4].to_vec();
        if let Some(words) = cut.get_mut(2..4) {
            words.copy_from_slice(&((length / 4) as u16).wrapping_sub(1).to_be_bytes());
        }
        // What was cut off may have been no more than padding.
        assert!(length + 4 > packet.len() || statuses(&cut).is_none(), "{length}");
    }
    for (place, value) in [(0, 0x4f), (0, 0x8e), (1, 206), (14, 0xff)] {
        let mut other = packet.clone();
        other[place] = value;
        assert!(statuses(&other).is_none(), "{place}");
    }
    let mut empty = packet;
    empty[14..16].copy_from_slice(&[0, 0]);
    assert!(statuses(&empty).is_none());
}

#[test]
fn the_clock_of_the_receiver_goes_on_when_its_reference_time_wraps() {
    let mut clock = ReceiverClock::default();
    let mut time = |reference: i64| {
        let packet = feedback(1, &BTreeMap::from([(1, reference * 64_000)]));
        clock.reference(&Feedback::read(&packet).unwrap()) / 64_000
    };
    let end = 1 << 24;
    let read = [end - 2, end + 1, end - 1, end + 8_000_000, end + 15_000_000, 2 * end + 3].map(&mut time);
    assert_eq!(read, [end - 2, end + 1, end - 1, end + 8_000_000, end + 15_000_000, 2 * end + 3]);
}

/// An estimator that has sent, and been told of, some packets.
fn estimator(start: Instant) -> Estimator {
    let mut estimator = Estimator::new(300_000);
    for n in 0..100_u64 {
        estimator.sent(1_000, start + Duration::from_millis(n * 10));
    }
    let arrivals = (0..50).map(|n| (n, n as i64 * 10_000)).collect();
    assert!(estimator.reported(&feedback(0, &arrivals), start + Duration::from_secs(1)));
    estimator
}

#[test]
fn bytes_of_any_kind_are_feedback_or_change_nothing() {
    let start = origin();
    let (known, now) = (estimator(start), start + Duration::from_secs(1));
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut estimator = estimator(start);
        let told = estimator.reported(bytes, now);
        assert!(told || (estimator.rate(), estimator.round_trip()) == (known.rate(), known.round_trip()));
    });
}

#[test]
fn feedback_that_is_almost_right_leaves_a_rate_within_bounds() {
    let start = origin();
    let genuine = feedback(40, &(40..100).filter(|n| n % 7 > 1).map(|n| (n, n as i64 * 10_000)).collect());
    bolero::check!().with_type::<Vec<Vec<(u8, u8)>>>().for_each(|packets| {
        let (mut estimator, mut now) = (estimator(start), start + Duration::from_secs(1));
        for changes in packets {
            let mut packet = genuine.clone();
            for (place, value) in changes {
                // What comes before says that it is feedback at all.
                let place = 12 + usize::from(*place) % (packet.len() - 12);
                packet[place] = *value;
            }
            now += Duration::from_millis(50);
            estimator.sent(1_000, now);
            estimator.reported(&packet, now);
            estimator.desire(2_000_000, now);
            let padding = estimator.padding(now);
            assert!(padding <= 20_000, "{padding}");
            assert!(estimator.deadline().is_none_or(|at| at > now));
            assert!(estimator.rate().is_some_and(|rate| (30_000..=100_000_000).contains(&rate)));
            assert!(estimator.lost(now).is_none_or(|lost| (0.0..=1.0).contains(&lost)));
        }
    });
}
