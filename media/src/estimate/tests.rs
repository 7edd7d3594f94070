//! What is estimated of ways whose nature is known.

mod hostile;
mod link;
mod parts;
mod report;

use std::time::Duration;

use link::{Link, Pace, World};

/// bit/s.
const K: u64 = 1_000;
const PACES: [Pace; 2] = [Pace::Even, Pace::Frames];

fn world(pace: Pace, start_rate: u64, desired: u64, link: Link) -> World {
    let mut world = World::new(start_rate, desired, link);
    world.pace = pace;
    world
}

#[test]
fn nothing_is_known_nor_padded_before_the_first_report() {
    let mut world = world(Pace::Even, 300 * K, 2_000 * K, Link { reports_lost: 10_000, ..Link::default() });
    world.run(5_000, |_| 150 * K);
    let now = world.now();
    let estimator = &mut world.estimator;
    assert_eq!((estimator.rate(), estimator.round_trip(), estimator.lost(now)), (None, None, None));
    assert_eq!((estimator.deadline(), estimator.padding(now), world.padded), (None, 0, 0));
}

#[test]
fn somebody_who_is_sent_little_could_be_sent_more_and_that_is_found_out() {
    for pace in PACES {
        let mut world = world(pace, 300 * K, 2_000 * K, Link::default());
        let (_, most) = world.watch(5_000, |_| 150 * K);
        assert!(world.rate() >= 1_900 * K, "{}", world.rate());
        assert!(most <= 2_200 * K, "{most}");
        let padded = world.padded;
        let (least, most) = world.watch(60_000, |_| 150 * K);
        assert!(least >= 1_900 * K && most <= 2_200 * K, "{least} {most}");
        assert_eq!(world.padded, padded, "what is enough is not probed for");
    }
}

#[test]
fn padding_may_be_late_and_reports_rare() {
    for (pace, pad_every_ms) in PACES.into_iter().flat_map(|pace| [(pace, 1), (pace, 5), (pace, 10)]) {
        let mut world = world(pace, 300 * K, 2_000 * K, Link::default());
        (world.pad_every_ms, world.report_every_ms) = (pad_every_ms, 250);
        let (_, most) = world.watch(10_000, |_| 150 * K);
        assert!(world.rate() >= 1_800 * K && most <= 2_200 * K, "{pad_every_ms}: {} {most}", world.rate());
    }
}

#[test]
fn nothing_is_padded_when_no_more_is_desired() {
    let mut world = world(Pace::Even, 300 * K, 250 * K, Link::default());
    world.run(10_000, |_| 150 * K);
    assert_eq!((world.padded, world.estimator.deadline()), (0, None));
    let most = world.rate();
    assert!(most <= (150 * 3 / 2 + 130) * K, "it is not assumed that the way bears anything: {most}");
}

#[test]
fn a_narrow_way_is_filled_without_a_long_queue() {
    for (pace, start_rate) in PACES.into_iter().flat_map(|pace| [(pace, 300 * K), (pace, 1_000 * K)]) {
        let mut world = world(pace, start_rate, 2_000 * K, Link { rate: 600 * K, ..Link::default() });
        let media = |rate: u64| rate.min(2_000 * K);
        world.run(5_000, media);
        (world.queued, world.padded) = (0, 0);
        let mut sum = 0;
        for _ in 0..600 {
            world.run(100, media);
            assert!((420 * K..690 * K).contains(&world.rate()), "{}", world.rate());
            sum += world.rate() / 600;
        }
        assert!((420 * K..630 * K).contains(&sum), "{sum}");
        assert!(world.queued <= 150_000, "{}", world.queued);
        assert!(world.padded < 60_000, "{}", world.padded);
    }
}

#[test]
fn what_a_narrow_way_bears_is_also_found_out_by_somebody_who_is_sent_little() {
    for (pace, start_rate) in PACES.into_iter().flat_map(|pace| [(pace, 300 * K), (pace, 1_000 * K)]) {
        let mut world = world(pace, start_rate, 2_000 * K, Link { rate: 600 * K, ..Link::default() });
        world.run(5_000, |_| 150 * K);
        let (least, most) = world.watch(60_000, |_| 150 * K);
        assert!(least >= 420 * K && most <= 630 * K, "{least} {most}");
        assert!(world.padded < 100_000, "{}", world.padded);
    }
}

#[test]
fn a_way_that_narrows_and_widens_is_followed() {
    for pace in PACES {
        let mut world = world(pace, 300 * K, 2_500 * K, Link { rate: 3_000 * K, ..Link::default() });
        let media = |rate: u64| rate.min(2_500 * K);
        world.run(10_000, media);
        assert!(world.rate() >= 2_400 * K, "{}", world.rate());
        world.link.rate = 500 * K;
        world.run(2_000, media);
        let (least, most) = world.watch(30_000, media);
        assert!(least >= 350 * K && most <= 575 * K, "{least} {most}");
        world.link.rate = 3_000 * K;
        world.run(12_000, media);
        let (least, _) = world.watch(10_000, media);
        assert!(least >= 2_400 * K, "{least}");
    }
}

#[test]
fn a_deep_queue_is_seen_and_drained() {
    for pace in PACES {
        let link = Link { rate: 800 * K, queue_ms: 3_000, ..Link::default() };
        let mut world = world(pace, 2_000 * K, 2_000 * K, link);
        let media = |rate: u64| rate.min(2_000 * K);
        world.run(8_000, media);
        world.queued = 0;
        let (least, _) = world.watch(30_000, media);
        assert!(world.queued <= 150_000, "{}", world.queued);
        assert!(least >= 500 * K, "{least}");
    }
}

#[test]
fn loss_by_chance_takes_little_away() {
    for (pace, media) in PACES.into_iter().flat_map(|pace| [(pace, 150 * K), (pace, 2_000 * K)]) {
        let mut world = world(pace, 300 * K, 2_000 * K, Link { loss: 500, ..Link::default() });
        let media = |rate: u64| rate.min(media);
        world.run(10_000, media);
        let (least, _) = world.watch(60_000, media);
        assert!(least >= 1_500 * K, "{least}");
    }
}

#[test]
fn heavy_loss_lowers_the_rate() {
    for pace in PACES {
        let mut world = world(pace, 300 * K, 2_000 * K, Link::default());
        let media = |rate: u64| rate.min(2_000 * K);
        world.run(5_000, media);
        assert!(world.rate() >= 1_900 * K, "{}", world.rate());
        world.link.loss = 3_000;
        world.run(5_000, media);
        assert!(world.rate() <= 1_000 * K, "{}", world.rate());
    }
}

#[test]
fn loss_and_round_trip_are_those_of_the_way() {
    let mut world = world(Pace::Even, 300 * K, 0, Link { loss: 1_000, delay_ms: 40, ..Link::default() });
    world.run(2_000, |_| 150 * K);
    let (mut sum, seconds) = (0.0, 60);
    for _ in 0..seconds {
        world.run(1_000, |_| 150 * K);
        let now = world.now();
        sum += world.estimator.lost(now).unwrap();
    }
    let lost = sum / seconds as f32;
    assert!((0.08..0.12).contains(&lost), "{lost}");
    let round_trip = world.estimator.round_trip().unwrap();
    assert!((Duration::from_millis(80)..Duration::from_millis(120)).contains(&round_trip), "{round_trip:?}");
    world.run(3_000, |_| 0);
    let now = world.now();
    assert_eq!(world.estimator.lost(now), None);
}

#[test]
fn jitter_and_packets_held_up_together_are_no_congestion() {
    let jitter = Link { jitter_ms: 8, ..Link::default() };
    let held_up = Link { held_up_ms: 20, ..Link::default() };
    for (pace, link) in PACES.into_iter().flat_map(|pace| [(pace, jitter), (pace, held_up)]) {
        let mut world = world(pace, 300 * K, 2_000 * K, link);
        world.run(20_000, |rate| rate.min(500 * K));
        let (least, most) = world.watch(30_000, |rate| rate.min(500 * K));
        assert!(least >= 1_500 * K && most <= 2_200 * K, "{least} {most}");
    }
}

#[test]
fn packets_held_up_together_do_not_make_a_way_look_wider() {
    for (pace, media) in PACES.into_iter().flat_map(|pace| [(pace, 150 * K), (pace, 2_000 * K)]) {
        let link = Link { rate: 1_000 * K, held_up_ms: 20, ..Link::default() };
        let mut world = world(pace, 300 * K, 2_000 * K, link);
        world.run(10_000, |rate| rate.min(media));
        let (least, most) = world.watch(60_000, |rate| rate.min(media));
        assert!(least >= 700 * K && most <= 1_150 * K, "{least} {most}");
    }
}

#[test]
fn a_way_that_becomes_longer_is_no_queue_for_ever() {
    for pace in PACES {
        let mut world = world(pace, 300 * K, 2_000 * K, Link::default());
        world.run(5_000, |rate| rate.min(2_000 * K));
        world.link.delay_ms += 300;
        world.run(10_000, |rate| rate.min(2_000 * K));
        assert!(world.rate() >= 1_700 * K, "{}", world.rate());
    }
}

#[test]
fn a_minute_of_silence_changes_nothing() {
    for pace in PACES {
        let mut world = world(pace, 300 * K, 2_000 * K, Link::default());
        world.run(5_000, |_| 150 * K);
        let (rate, padded) = (world.rate(), world.padded);
        world.run(60_000, |_| 0);
        assert_eq!((world.rate(), world.padded), (rate, padded));
        let (least, most) = world.watch(10_000, |_| 150 * K);
        assert!(least >= 1_900 * K && most <= 2_200 * K, "{least} {most}");
    }
}

#[test]
fn nothing_heard_of_what_is_sent_lowers_the_rate_until_it_is_heard_again() {
    for pace in PACES {
        let mut world = world(pace, 300 * K, 2_000 * K, Link::default());
        world.run(5_000, |_| 150 * K);
        world.link.loss = 10_000;
        world.run(10_000, |_| 150 * K);
        assert!(world.rate() <= 300 * K, "{}", world.rate());
        let padded = world.padded;
        world.run(60_000, |_| 150 * K);
        assert!(world.padded - padded <= 10_000, "{}", world.padded - padded);
        world.link.loss = 0;
        world.run(20_000, |_| 150 * K);
        assert!(world.rate() >= 1_900 * K, "{}", world.rate());
    }
}

#[test]
fn reports_that_are_lost_late_or_repeated_do_no_harm() {
    for pace in PACES {
        let link = Link { rate: 3_000 * K, reports_lost: 2_000, reports_late: 2_000, ..Link::default() };
        let mut world = world(pace, 300 * K, 2_000 * K, link);
        world.run(15_000, |rate| rate.min(2_000 * K));
        let (least, most) = world.watch(60_000, |rate| rate.min(2_000 * K));
        assert!(least >= 1_900 * K && most <= 3_300 * K, "{least} {most}");
    }
}

#[test]
fn sequence_numbers_and_reference_times_wrap() {
    let mut world = world(Pace::Even, 300 * K, 2_000 * K, Link { loss: 10, ..Link::default() });
    world.run(5_000, |_| 1_800 * K);
    let (least, _) = world.watch(400_000, |_| 1_800 * K);
    assert!(world.sent() > u64::from(u16::MAX) + 10_000);
    assert!(least >= 1_700 * K, "{least}");
}

#[test]
fn layers_chosen_by_it_are_not_taken_up_and_down_in_turn() {
    const LAYERS: [u64; 3] = [150 * K, 500 * K, 1_500 * K];
    for (pace, link_rate, best) in
        PACES.into_iter().flat_map(|pace| [(pace, 10_000, 2), (pace, 1_200, 1), (pace, 520, 0)])
    {
        let mut world = world(pace, 300 * K, 2_050 * K, Link { rate: link_rate * K, ..Link::default() });
        let (mut layer, mut rises) = (0, 0);
        for _ in 0..600 {
            let budget = world.rate() * 95 / 100;
            let fits = |other: usize| LAYERS[other] * if other > layer { 115 } else { 100 } / 100 <= budget;
            let chosen = (0..3).rev().find(|other| fits(*other)).unwrap_or(0);
            rises += usize::from(chosen > layer);
            layer = chosen;
            world.run(200, |_| LAYERS[layer]);
        }
        assert_eq!(layer, best, "{link_rate}");
        assert!(rises <= 2, "{link_rate}: {rises}");
    }
}

#[test]
fn an_estimator_takes_little_memory() {
    assert!(size_of::<super::Estimator>() <= 2_048, "{}", size_of::<super::Estimator>());
}
