use serde::{Deserialize, Serialize};
use wac_events::media::{
    MediaConnected, MediaDirection, MediaEnd, MediaEnded, MediaFlowed, MediaLimit, MediaMeasured, MediaRefused,
    MediaSource, MediaTrackEnded, MediaTrackPublished,
};
use wac_events::{DomainId, MediaEvent, MediaSessionId, NodeId, OpeningId, RoomId, SessionId, StreamId, UserId};

use super::MediaSession;
use crate::{Command, Context, Fact, Rejection, World};

/// Whose media it is, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaSessionRef {
    /// The media session.
    pub id: MediaSessionId,
    /// The domain of the room.
    pub domain: DomainId,
    /// The room.
    pub room: RoomId,
    /// The opening.
    pub opening: OpeningId,
    /// Who.
    pub user: UserId,
    /// On which device.
    pub session: SessionId,
    /// The media node, by its name.
    pub node: String,
    /// Its id, as far as it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
}

/// What a media node has to say of a session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaReport {
    /// Media can flow.
    Connected,
    /// The session does not begin, for want of this.
    Refused(MediaLimit),
    /// The first has gone this way.
    Flowed(MediaDirection),
    /// A track is sent.
    Published(String, MediaSource),
    /// It no longer is.
    Unpublished(String),
    /// A summary; its time is that of the command.
    Measured(MediaMeasured),
    /// The session is over.
    Ended(MediaEnd),
}

/// A media node reports. Told twice it is noted once; what comes after the end is dropped, and so is all of a session
/// that never connected.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReportMedia {
    /// Of which session.
    pub of: MediaSessionRef,
    /// What.
    pub report: MediaReport,
}

impl ReportMedia {
    fn event(&self, state: &MediaSession, ctx: &Context) -> Option<MediaEvent> {
        let at = ctx.now;
        match &self.report {
            MediaReport::Connected => {
                let of = self.of.clone();
                let connected = MediaConnected {
                    id: of.id,
                    domain: of.domain,
                    room: of.room,
                    opening: of.opening,
                    user: of.user,
                    session: of.session,
                    node: of.node,
                    node_id: of.node_id,
                    at,
                };
                (!state.connected).then(|| connected.into())
            }
            MediaReport::Refused(limit) => {
                let of = self.of.clone();
                let refused = MediaRefused {
                    id: of.id,
                    domain: of.domain,
                    room: of.room,
                    opening: of.opening,
                    user: of.user,
                    session: of.session,
                    node: of.node,
                    limit: *limit,
                    at,
                };
                (!state.connected).then(|| refused.into())
            }
            _ if !state.connected => None,
            MediaReport::Flowed(direction) => {
                let flowed = MediaFlowed { direction: *direction, at };
                (!state.flowed.contains(direction)).then(|| flowed.into())
            }
            MediaReport::Published(track, source) => {
                let known = state.tracks.contains(track) || state.former_tracks.contains(track);
                let published = MediaTrackPublished { track: track.clone(), source: *source, at };
                (!known).then(|| published.into())
            }
            MediaReport::Unpublished(track) => {
                let ended = MediaTrackEnded { track: track.clone(), at };
                state.tracks.contains(track).then(|| ended.into())
            }
            MediaReport::Measured(measured) => {
                (measured.period > state.period).then(|| MediaMeasured { at, ..measured.clone() }.into())
            }
            MediaReport::Ended(reason) => Some(MediaEnded { reason: *reason, at }.into()),
        }
    }
}

impl Command for ReportMedia {
    fn name(&self) -> &'static str {
        "report_media"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.of.id.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let state = world.media_session(&self.of.id);
        if state.ended {
            return Ok(Vec::new());
        }
        let event = self.event(state, ctx);
        Ok(event.map(|event| Fact::of(&self.of.domain, self.of.id.stream(), event)).into_iter().collect())
    }

    fn correlation(&self, _: &World) -> Option<String> {
        Some(self.of.opening.to_string())
    }
}

/// The media node of a session was given up: whatever became of the session, nobody tells. One that is over, or never
/// connected, stays as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoseMedia {
    /// Which session.
    pub id: MediaSessionId,
}

impl Command for LoseMedia {
    fn name(&self) -> &'static str {
        "lose_media"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let state = world.media_session(&self.id);
        let Some(domain) = state.domain.as_ref().filter(|_| state.is_live()) else { return Ok(Vec::new()) };
        let ended = MediaEnded { reason: MediaEnd::Lost, at: ctx.now };
        Ok(vec![Fact::of(domain, self.id.stream(), MediaEvent::from(ended))])
    }

    fn correlation(&self, world: &World) -> Option<String> {
        world.media_session(&self.id).of.as_ref().map(|(opening, _)| opening.to_string())
    }
}
