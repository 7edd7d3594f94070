//! What rates are made of, each part alone.

use crate::estimate::cluster::{Cluster, Found};
use crate::estimate::control::{Control, Known};
use crate::estimate::delay::Signal;
use crate::estimate::probe::Probes;

const K: u64 = 1_000;
const MS: i64 = 1_000;

/// A cluster at 1 Mbit/s: a packet every 4 ms. `arrival`: when the packet that was sent then arrives.
fn found(packets: i64, arrival: impl Fn(i64) -> Option<i64>) -> Found {
    let mut cluster = Cluster::new(1, 1_000 * K, 0, 0);
    for n in 0..packets {
        assert!(!cluster.is_sent(n * 4 * MS));
        let bytes = cluster.step(n * 4 * MS);
        assert_eq!(bytes, 500);
        assert!(cluster.sent(bytes as usize, n * 4 * MS));
        cluster.told(true, n * 4 * MS, bytes as u16, arrival(n * 4 * MS));
    }
    assert!(cluster.is_told());
    cluster.found()
}

#[test]
fn a_cluster_that_arrives_as_it_was_sent_says_that_the_way_bears_it() {
    assert_eq!(found(7, |sent| Some(sent + 30 * MS)), Found::Bears(1_000 * K));
    assert_eq!(found(7, |sent| (sent != 8 * MS).then_some(sent + 30 * MS)), Found::Bears(833_333));
}

#[test]
fn a_cluster_that_arrives_slower_says_what_the_way_bears() {
    assert_eq!(found(7, |sent| Some(sent * 2 + 30 * MS)), Found::Full(475 * K));
}

#[test]
fn what_goes_out_in_one_step_counts_as_sent_and_as_arrived_at_once() {
    let mut cluster = Cluster::new(1, 1_000 * K, 0, 0);
    for n in 0..14 {
        let sent = n / 2 * 4 * MS + n % 2 * 100;
        assert!(cluster.sent(250, sent));
        cluster.told(true, sent, 250, Some(n / 2 * 8 * MS + n % 2 * 250));
    }
    // Six pairs in 48.25 ms.
    assert_eq!(cluster.found(), Found::Full(497_409 * 95 / 100));
}

#[test]
fn a_cluster_of_which_little_arrives_says_nothing() {
    assert_eq!(found(3, |sent| Some(sent + 30 * MS)), Found::Unclear);
    assert_eq!(found(7, |sent| (sent % (8 * MS) == 0).then_some(sent + 30 * MS)), Found::Unclear);
}

#[test]
fn a_cluster_that_was_held_up_says_nothing() {
    let held_up = |every: i64| move |sent: i64| Some((sent / every + 1) * every);
    assert_eq!(found(7, held_up(50 * MS)), Found::Unclear, "all of it");
    assert_eq!(found(7, held_up(16 * MS)), Found::Unclear, "half of it");
    assert_eq!(found(7, |sent| Some(100 * MS + sent / 4)), Found::Unclear, "it arrives faster than it was sent");
}

#[test]
fn a_cluster_that_told_nothing_is_followed_by_a_longer_one() {
    let lasts = |unclear| {
        let mut cluster = Cluster::new(1, 1_000 * K, unclear, 0);
        (0..).map(|n| n * 4 * MS).find(|at| cluster.is_sent(*at) || !cluster.sent(500, *at)).unwrap()
    };
    assert_eq!([0, 1, 2, 3].map(lasts), [28 * MS, 52 * MS, 100 * MS, 100 * MS]);
}

#[test]
fn a_cluster_ends_when_nobody_pads() {
    let mut cluster = Cluster::new(1, 1_000 * K, 0, 0);
    assert!(cluster.sent(500, 99 * MS));
    assert!(!cluster.is_sent(99 * MS));
    assert!(cluster.is_sent(100 * MS));
    assert!(!cluster.sent(500, 100 * MS));
}

fn known(now: i64, delivered: u64, sending: u64) -> Known {
    Known {
        now,
        delivered: Some(delivered),
        sending: Some(sending),
        told: 100,
        lost: 0,
        round_trip: 50 * MS,
        queue_us: 0,
    }
}

#[test]
fn who_fills_the_way_is_lowered_to_what_arrives_and_who_sends_little_by_half_at_a_time() {
    let mut control = Control::new(2_000 * K);
    assert!(control.update(Some(Signal::Over), &known(0, 600 * K, 2_000 * K)));
    assert_eq!(control.rate(), 510 * K);
    let mut control = Control::new(2_000 * K);
    let rates = [0, 100, 200, 400, 600, 800].map(|ms| {
        control.update(Some(Signal::Over), &known(ms * MS, 150 * K, 150 * K));
        control.rate() / K
    });
    assert_eq!(rates, [1_000, 1_000, 500, 250, 127, 127]);
}

#[test]
fn what_arrives_raises_the_rate_unless_it_comes_from_a_queue() {
    let mut control = Control::new(300 * K);
    control.update(Some(Signal::Normal), &Known { queue_us: 100 * MS, ..known(0, 1_000 * K, 1_000 * K) });
    assert!(control.rate() <= 312 * K, "{}", control.rate());
    control.update(Some(Signal::Normal), &known(100 * MS, 1_000 * K, 500 * K));
    assert_eq!(control.rate(), 475 * K, "nor what was held up");
    control.update(Some(Signal::Normal), &known(200 * MS, 1_000 * K, 1_000 * K));
    assert_eq!(control.rate(), 950 * K);
}

#[test]
fn a_full_way_corrects_what_was_assumed_but_not_what_was_proven() {
    let mut control = Control::new(1_000 * K);
    assert!(!control.probed(500 * K, true));
    assert_eq!(control.rate(), 500 * K);
    assert!(control.probed(900 * K, false));
    assert!(!control.probed(400 * K, true));
    assert_eq!(control.rate(), 900 * K);
}

#[test]
fn loss_between_two_and_ten_percent_holds_the_rate() {
    for (lost, moves) in [(1, 1), (3, 0), (9, 0), (30, -1)] {
        let mut control = Control::new(300 * K);
        for n in 0..20 {
            let known = Known { lost, ..known(n * 100 * MS, 280 * K, 290 * K) };
            control.update(Some(Signal::Normal), &known);
        }
        assert_eq!((control.rate() as i64 - 300_000).signum(), moves, "{lost} of 100");
    }
}

/// Pads from this time on until a cluster has been sent and nothing of it was reported: when that is known.
fn probe(probes: &mut Probes, mut now: i64) -> i64 {
    while probes.found(None, now).is_none() {
        let bytes = probes.padding(300 * K, 50 * MS, now);
        probes.sent(bytes as usize, now);
        now = probes.deadline(300 * K).unwrap().max(now);
    }
    now
}

#[test]
fn probes_that_fail_become_rarer() {
    let (mut probes, mut now) = (Probes::new(), 0);
    probes.desire(2_000 * K, now);
    let waits = [(); 6].map(|()| {
        let over = probe(&mut probes, now);
        probes.failed(over);
        now = probes.deadline(300 * K).unwrap();
        (now - over) / MS
    });
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    probes.failed(now + 60_000 * MS);
    assert_eq!(probes.deadline(300 * K), Some(now + 61_000 * MS), "what failed long ago no longer counts");
}

#[test]
fn a_success_that_is_refuted_at_once_is_a_failure() {
    let waits = |refuted_after: i64| {
        let (mut probes, mut now) = (Probes::new(), 0);
        probes.desire(2_000 * K, now);
        [(); 5].map(|()| {
            probes.succeeded(now);
            now += refuted_after;
            probes.disturbed(now);
            let wait = probes.deadline(300 * K).unwrap() - now;
            now += wait;
            wait / MS
        })
    };
    assert_eq!(waits(1_000 * MS), [2_000, 2_000, 4_000, 8_000, 10_000]);
    assert_eq!(waits(6_000 * MS), [2_000; 5]);
}

#[test]
fn a_probe_whose_report_was_lost_is_repeated() {
    let mut probes = Probes::new();
    probes.desire(2_000 * K, 0);
    let mut now = 0;
    for _ in 0..100 {
        let bytes = probes.padding(300 * K, 50 * MS, now);
        probes.sent(bytes as usize, now);
        now += 4 * MS;
    }
    let until = probes.deadline(300 * K).unwrap();
    assert_eq!(probes.found(Some(now), until - 1), None);
    assert_eq!(probes.found(Some(now), until), Some(Found::Untold));
    assert_eq!(probes.found(Some(now), until), None, "it is told once");
}
