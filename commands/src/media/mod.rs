//! Media sessions: what the media node reports of one device's media, each thing once.

mod alarms;
mod command;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use wac_events::media::MediaDirection;
use wac_events::{DomainId, MediaEvent, NodeId, OpeningId, UserId};

pub use alarms::{AcknowledgeCallAlarm, RaiseCallAlarm};
pub use command::{LoseMedia, MediaReport, MediaSessionRef, ReportMedia};

/// A media session's state: what has been reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaSession {
    /// Events so far.
    pub version: u64,
    /// Whether media could flow.
    pub connected: bool,
    /// Which ways it has.
    pub flowed: BTreeSet<MediaDirection>,
    /// The tracks that are sent.
    pub tracks: BTreeSet<String>,
    /// The tracks that were.
    pub former_tracks: BTreeSet<String>,
    /// The last summary's number.
    pub period: u32,
    /// Whether it is over.
    pub ended: bool,
    /// The call, and whose media it is.
    pub of: Option<(OpeningId, UserId)>,
    /// The domain of the room.
    pub domain: Option<DomainId>,
    /// The node that carries it.
    pub node: Option<NodeId>,
    /// Rules that were broken, by their ids, and whether somebody has taken notice.
    pub alarms: BTreeMap<String, bool>,
}

impl MediaSession {
    /// Whether media can flow.
    pub fn is_live(&self) -> bool {
        self.connected && !self.ended
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: MediaSession, event: &MediaEvent) -> MediaSession {
    state.version += 1;
    match event {
        MediaEvent::Connected(connected) => {
            state.connected = true;
            state.of = Some((connected.opening.clone(), connected.user.clone()));
            state.domain = Some(connected.domain.clone());
            state.node.clone_from(&connected.node_id);
        }
        MediaEvent::Refused(_) => state.ended = true,
        MediaEvent::Flowed(flowed) => _ = state.flowed.insert(flowed.direction),
        MediaEvent::TrackPublished(published) => _ = state.tracks.insert(published.track.clone()),
        MediaEvent::TrackEnded(ended) => {
            state.tracks.remove(&ended.track);
            state.former_tracks.insert(ended.track.clone());
        }
        MediaEvent::Measured(measured) => state.period = measured.period,
        MediaEvent::Ended(_) => state.ended = true,
        MediaEvent::AlarmRaised(raised) => _ = state.alarms.insert(raised.rule.id.clone(), false),
        MediaEvent::AlarmAcknowledged(noticed) => _ = state.alarms.insert(noticed.rule.clone(), true),
    }
    state
}
