//! Media sessions: what the media node reports of one device's media, each thing once.

mod command;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use wac_events::MediaEvent;
use wac_events::media::MediaDirection;

pub use command::{MediaReport, MediaSessionRef, ReportMedia};

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
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: MediaSession, event: &MediaEvent) -> MediaSession {
    state.version += 1;
    match event {
        MediaEvent::Connected(_) => state.connected = true,
        MediaEvent::Flowed(flowed) => _ = state.flowed.insert(flowed.direction),
        MediaEvent::TrackPublished(published) => _ = state.tracks.insert(published.track.clone()),
        MediaEvent::TrackEnded(ended) => {
            state.tracks.remove(&ended.track);
            state.former_tracks.insert(ended.track.clone());
        }
        MediaEvent::Measured(measured) => state.period = measured.period,
        MediaEvent::Ended(_) => state.ended = true,
    }
    state
}
