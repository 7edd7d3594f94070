//! Media sessions and what their summaries come to.

use wac_events::media::*;
use wac_events::*;
use wac_projections::*;

use crate::story::{Story, at};

fn connected() -> MediaConnected {
    MediaConnected {
        id: "m1".into(),
        domain: "d1".into(),
        room: "r1".into(),
        opening: "o1".into(),
        user: "u1".into(),
        session: "s1".into(),
        node: "media-1".to_owned(),
        node_id: Some("n1".into()),
        at: at(1),
    }
}

fn measured(period: u32, lost: Option<u32>, round_trip: Option<u32>) -> MediaMeasured {
    MediaMeasured {
        period,
        duration_ms: 60_000,
        bytes_sent: 100,
        bytes_received: 200,
        lost_sent_permille: lost,
        lost_received_permille: lost,
        round_trip_ms: round_trip,
        packets_lost_sent: Some(3),
        packets_lost_received: None,
        jitter_sent_ms: None,
        jitter_received_ms: round_trip.map(|time| time / 2),
        tracks: Vec::new(),
        speaking_ms: 5_000,
        at: at(60),
    }
}

trait Told {
    fn media(self, event: impl Into<MediaEvent>) -> Self;
}

impl Told for Story {
    fn media(self, event: impl Into<MediaEvent>) -> Self {
        self.then(MediaSessionId::from("m1").stream(), event.into())
    }
}

fn row(story: &Story) -> Option<MediaSessionRow> {
    story.row(&MEDIA_SESSIONS, "m1", MediaSessionRow::from_row)
}

#[test]
fn the_summaries_of_a_media_session_are_summed_up_and_their_means_weighted() {
    let story = Story::default()
        .media(connected())
        .media(measured(1, Some(10), Some(40)))
        .media(measured(2, Some(30), None))
        .media(MediaEnded { reason: MediaEnd::Left, at: at(130) });
    let row = row(&story).unwrap();
    assert_eq!((row.node.as_str(), row.ended_at, row.end_reason), ("media-1", Some(at(130)), Some(MediaEnd::Left)));
    let quality = row.quality;
    assert_eq!((quality.measured_ms, quality.bytes_sent, quality.speaking_ms), (120_000, 200, 10_000));
    assert_eq!((quality.lost_received.value(), quality.round_trip.value()), (Some(20.0), Some(40.0)));
    assert_eq!((quality.packets_lost_sent, quality.packets_lost_received), (Some(6), None));
    assert_eq!((quality.jitter_received.value(), quality.jitter_sent.value()), (Some(20.0), None));
    assert!(quality.mos().is_some_and(|mos| (3.5..4.3).contains(&mos)), "{:?}", quality.mos());
}

#[test]
fn what_no_summary_knows_is_unknown_and_not_nothing() {
    let story = Story::default().media(connected()).media(measured(1, None, None));
    let quality = row(&story).unwrap().quality;
    assert_eq!((quality.lost_sent.value(), quality.round_trip.value(), quality.mos()), (None, None, None));
    assert_eq!(quality.measured_ms, 60_000);
}

#[test]
fn a_summary_of_a_session_that_never_connected_makes_no_row() {
    assert_eq!(row(&Story::default().media(measured(1, None, None))), None);
}

#[test]
fn a_session_counts_as_one_of_its_node_until_it_is_over() {
    let live = |story: &Story| story.rows.rows(&MEDIA_SESSIONS).unwrap()["m1"]["live_node"].clone();
    let story = Story::default().media(connected());
    assert_eq!(live(&story), Value::from("n1"));
    assert_eq!(live(&story.media(MediaEnded { reason: MediaEnd::Lost, at: at(130) })), Value::Null);
}
