//! What the node has to say goes into the log as commands, in order, until each has got there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wac_commands::{Context, MediaReport, MediaSessionRef, ReportMedia};
use wac_events::media::{MediaDirection, MediaEnd, MediaLimit, MediaMeasured, MediaSource, MediaTrackMeasured};
use wac_events::{Actor, CommandId, Time};
use wac_media::wire::{ByeReason, Source};
use wac_media::{Direction, Limit, PeerFact, PeerId, Summary, TrackSummary};

use crate::feed::{ReportError, ReportSink};

/// So many reports may wait for the log; more are dropped and counted.
pub(crate) const REPORTS_WAITING_MAX: usize = 16_384;
/// How long to wait after the log could not be written.
const RETRY: Duration = Duration::from_millis(500);
/// In whose name nodes report.
pub const REPORTER: &str = "media";

/// A session has begun, or something is to be told of one.
pub(crate) enum Report {
    /// Whose it is.
    Began(PeerId, Box<MediaSessionRef>),
    /// What happened, and when.
    Fact(PeerId, Box<PeerFact>, Time),
    /// None has begun, for want of this.
    Refused(Box<MediaSessionRef>, Limit, Time),
}

/// Writes reports, one after the other. Ends when all senders are gone, or at `shutdown` when
/// the log does not answer.
pub(crate) async fn write_reports(
    sink: Arc<dyn ReportSink>,
    mut reports: mpsc::Receiver<Report>,
    shutdown: CancellationToken,
) {
    let mut sessions: HashMap<PeerId, Arc<MediaSessionRef>> = HashMap::new();
    while let Some(report) = reports.recv().await {
        let (peer, fact, at) = match report {
            Report::Began(peer, of) => {
                sessions.insert(peer, Arc::new(*of));
                continue;
            }
            Report::Refused(of, limit, at) => {
                write(&*sink, &of, ("refused", MediaReport::Refused(limit_of(limit))), at, &shutdown).await;
                continue;
            }
            Report::Fact(peer, fact, at) => (peer, fact, at),
        };
        let ends = matches!(*fact, PeerFact::Ended(_));
        let of = match ends {
            true => sessions.remove(&peer),
            false => sessions.get(&peer).cloned(),
        };
        if let Some(of) = of {
            write(&*sink, &of, (&key_of(&fact), report_of(&fact, at)), at, &shutdown).await;
        }
    }
}

/// Writes one report; its key distinguishes it from the others of its session.
async fn write(
    sink: &dyn ReportSink,
    of: &MediaSessionRef,
    (key, report): (&str, MediaReport),
    at: Time,
    shutdown: &CancellationToken,
) {
    let command = ReportMedia { of: of.clone(), report };
    let key = format!("{}:{key}", of.id);
    let ctx = Context::new(at, Actor::System(REPORTER.to_owned()), CommandId::derived("media", &key));
    loop {
        match sink.report(&command, ctx.clone()).await {
            Ok(()) => return,
            Err(error @ ReportError::Refused(_)) => {
                tracing::warn!(media.session = %of.id, %error, "a report of the media node was refused");
                return;
            }
            Err(error) => {
                tracing::warn!(media.session = %of.id, %error, "a report of the media node waits to be taken")
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Distinguishes the reports of one session.
fn key_of(fact: &PeerFact) -> String {
    match fact {
        PeerFact::Connected => "connected".to_owned(),
        PeerFact::Sent => "sent".to_owned(),
        PeerFact::Received => "received".to_owned(),
        PeerFact::Published(track, _) => format!("published {track}"),
        PeerFact::Unpublished(track) => format!("unpublished {track}"),
        PeerFact::Measured(summary) => format!("measured {}", summary.period),
        PeerFact::Ended(_) => "ended".to_owned(),
    }
}

fn report_of(fact: &PeerFact, at: Time) -> MediaReport {
    match fact {
        PeerFact::Connected => MediaReport::Connected,
        PeerFact::Sent => MediaReport::Flowed(MediaDirection::Sent),
        PeerFact::Received => MediaReport::Flowed(MediaDirection::Received),
        PeerFact::Published(track, source) => MediaReport::Published(track.to_string(), source_of(*source)),
        PeerFact::Unpublished(track) => MediaReport::Unpublished(track.to_string()),
        PeerFact::Measured(summary) => MediaReport::Measured(measured(summary, at)),
        PeerFact::Ended(reason) => MediaReport::Ended(end_of(*reason)),
    }
}

fn measured(summary: &Summary, at: Time) -> MediaMeasured {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    MediaMeasured {
        period: summary.period,
        duration_ms: millis(summary.duration),
        bytes_sent: summary.bytes_sent,
        bytes_received: summary.bytes_received,
        lost_sent_permille: summary.lost_sent_permille,
        lost_received_permille: summary.lost_received_permille,
        round_trip_ms: summary.round_trip.map(short),
        speaking_ms: millis(summary.speaking),
        packets_lost_sent: summary.packets_lost_sent,
        packets_lost_received: summary.packets_lost_received,
        jitter_sent_ms: summary.jitter_sent.map(short),
        jitter_received_ms: summary.jitter_received.map(short),
        tracks: summary.tracks.iter().map(track_measured).collect(),
        at,
    }
}

fn track_measured(track: &TrackSummary) -> MediaTrackMeasured {
    MediaTrackMeasured {
        direction: match track.direction {
            Direction::Sent => MediaDirection::Sent,
            Direction::Received => MediaDirection::Received,
        },
        track: track.track.to_string(),
        source: source_of(track.source),
        bytes: track.bytes,
        packets: track.packets,
        packets_lost: track.packets_lost,
        jitter_ms: track.jitter.map(short),
    }
}

/// In milliseconds.
fn short(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn source_of(source: Source) -> MediaSource {
    match source {
        Source::Microphone => MediaSource::Microphone,
        Source::Camera => MediaSource::Camera,
        Source::Screen => MediaSource::Screen,
        Source::ScreenAudio => MediaSource::ScreenAudio,
    }
}

fn limit_of(limit: Limit) -> MediaLimit {
    match limit {
        Limit::Sessions => MediaLimit::Sessions,
        Limit::Rooms => MediaLimit::Rooms,
        Limit::Participants => MediaLimit::Participants,
        Limit::Bandwidth => MediaLimit::Bandwidth,
    }
}

fn end_of(reason: ByeReason) -> MediaEnd {
    match reason {
        ByeReason::Left => MediaEnd::Left,
        ByeReason::Expelled => MediaEnd::Expelled,
        ByeReason::Closed => MediaEnd::Closed,
        ByeReason::Lost => MediaEnd::Lost,
        ByeReason::Replaced => MediaEnd::Replaced,
        ByeReason::Failed => MediaEnd::Failed,
        ByeReason::Stopping => MediaEnd::Stopping,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::FutureExt as _;
    use futures::future::BoxFuture;

    use super::*;

    /// Away for the first reports.
    struct Away {
        left: Mutex<usize>,
        taken: Mutex<Vec<(CommandId, MediaReport)>>,
    }

    impl ReportSink for Away {
        fn report<'a>(&'a self, report: &'a ReportMedia, ctx: Context) -> BoxFuture<'a, Result<(), ReportError>> {
            let mut left = self.left.lock().unwrap();
            let answer = if *left > 0 {
                *left -= 1;
                Err(ReportError::Away("nobody is there".to_owned()))
            } else {
                self.taken.lock().unwrap().push((ctx.command_id, report.report.clone()));
                Ok(())
            };
            futures::future::ready(answer).boxed()
        }
    }

    fn session() -> MediaSessionRef {
        MediaSessionRef {
            id: "m".into(),
            domain: "d".into(),
            room: "r".into(),
            opening: "o".into(),
            user: "u".into(),
            session: "s".into(),
            node: "n".to_owned(),
            node_id: None,
        }
    }

    #[tokio::test]
    async fn while_nobody_takes_reports_they_wait_and_then_all_come_in_order_each_under_its_own_id() {
        let sink = Arc::new(Away { left: Mutex::new(2), taken: Mutex::default() });
        let (reports, waiting) = mpsc::channel(REPORTS_WAITING_MAX);
        let facts = [PeerFact::Connected, PeerFact::Sent, PeerFact::Received, PeerFact::Ended(ByeReason::Left)];
        reports.send(Report::Began(PeerId(1), Box::new(session()))).await.unwrap();
        for fact in facts {
            reports.send(Report::Fact(PeerId(1), Box::new(fact), Time::EPOCH)).await.unwrap();
        }
        drop(reports);
        write_reports(sink.clone(), waiting, CancellationToken::new()).await;
        let taken = sink.taken.lock().unwrap();
        let kinds: Vec<&MediaReport> = taken.iter().map(|(_, report)| report).collect();
        let flowed = |direction| MediaReport::Flowed(direction);
        let (sent, received) = (flowed(MediaDirection::Sent), flowed(MediaDirection::Received));
        assert_eq!(kinds, [&MediaReport::Connected, &sent, &received, &MediaReport::Ended(MediaEnd::Left)]);
        let ids: std::collections::HashSet<CommandId> = taken.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), 4);
    }
}
