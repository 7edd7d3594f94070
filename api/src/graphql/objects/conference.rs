//! The conference log. Its entries are made from what SAPI shows, so that both say the same.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use serde::{Deserialize, Deserializer};
use wac_events::{Time, UserId};

use super::User;
use crate::graphql::moment::Moment;
use crate::graphql::scalars::{DateTime, Long, Position};
use crate::graphql::session::platform;
use crate::reads::ConferenceView;
use crate::sapi::conferences::{conference_json, sees};
use crate::{Caller, Problem};

fn instant<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<DateTime, D::Error> {
    Ok(DateTime(Time::from_millis(i64::deserialize(from)?)))
}

fn instant_or_none<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<DateTime>, D::Error> {
    Ok(Option::<i64>::deserialize(from)?.map(|millis| DateTime(Time::from_millis(millis))))
}

/// A stay of one device in a conference.
#[derive(SimpleObject, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(in crate::graphql) struct ConferenceParticipant {
    /// `wac-user:<id>`.
    address: String,
    /// The device.
    session_id: String,
    /// When it came.
    #[serde(rename = "createdAt", deserialize_with = "instant")]
    joined: DateTime,
    /// When it left; null: it is there.
    #[serde(rename = "finishedAt", deserialize_with = "instant_or_none")]
    left: Option<DateTime>,
    /// The media node that carried its media last.
    node: Option<String>,
    /// How well media went; null: nothing was measured.
    quality: Option<ConferenceQuality>,
}

/// How well media went: means weighted by time, and sums. What was not measured is null.
#[derive(SimpleObject, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(in crate::graphql) struct ConferenceQuality {
    /// Mean opinion score to be expected of what was heard, 1 to 4.5: an estimate from loss and delay.
    estimated_mos: Option<f64>,
    /// Lost of what was sent, percent.
    lost_sent_percent: Option<f64>,
    /// Lost of what was received, percent.
    lost_received_percent: Option<f64>,
    /// To the media node and back, milliseconds.
    round_trip_ms: Option<f64>,
    /// Packets lost of what was sent.
    packets_lost_sent: Option<Long>,
    /// Packets lost of what was received.
    packets_lost_received: Option<Long>,
    /// By how much the time between packets varied of what was sent, milliseconds.
    jitter_sent_ms: Option<f64>,
    /// By how much it varied of what was received, milliseconds.
    jitter_received_ms: Option<f64>,
    /// Bytes of media sent.
    bytes_sent: Long,
    /// Bytes of media received.
    bytes_received: Long,
    /// Spoken, milliseconds.
    speaking_ms: Long,
    /// Measured, milliseconds.
    measured_ms: Long,
}

/// What was refused.
#[derive(SimpleObject, Deserialize, Clone)]
pub(in crate::graphql) struct ConferenceRefused {
    /// The command, snake_case.
    command: String,
    /// Why: the code of the refusal.
    code: String,
}

/// A step of a conference.
#[derive(SimpleObject, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(in crate::graphql) struct ConferenceStep {
    /// Its event's place in the log; null: a refusal, which is no event.
    position: Option<Position>,
    /// When.
    #[serde(deserialize_with = "instant")]
    at: DateTime,
    /// The event's type; null: a refusal.
    event: Option<String>,
    /// Who did it: `wac-user:<id>`, `client:<id>` or `system:<name>`.
    by: Option<String>,
    /// On which device.
    session_id: Option<String>,
    /// On which node: the one that held the device, or carried the media.
    node: Option<String>,
    /// Call code it came to.
    code: Option<u16>,
    /// What was refused; null: it happened.
    refused: Option<ConferenceRefused>,
    /// The step as a sentence.
    text: String,
}

/// Kinds of media.
#[derive(SimpleObject, Deserialize, Clone)]
pub(in crate::graphql) struct ConferenceMedia {
    /// Sound.
    audio: bool,
    /// Moving pictures.
    video: bool,
    /// A screen; of transfers only.
    #[serde(default)]
    screen: bool,
}

/// Somebody who was called.
#[derive(SimpleObject, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(in crate::graphql) struct ConferenceCandidate {
    /// `wac-user:<id>`.
    address: String,
    /// Call code: 200 accepted, 603 declined, 487 cancelled, 408 missed, 404 without a device; null while it rings.
    end_reason: Option<u16>,
}

/// An invitation into a conference.
#[derive(SimpleObject, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(in crate::graphql) struct ConferenceInvite {
    /// Its id.
    id: String,
    /// `wac-user:<id>` of the caller.
    from: String,
    /// `wac-user:<id>` or `wac-group:<id>`.
    to: String,
    /// `RINGING`, `ACCEPTED`, `DECLINED`, `DECLINED_BY_CREATOR` or `DECLINED_BY_TIMEOUT`.
    state: String,
    /// Whether a group was called.
    group: bool,
    /// Whether the caller asked to be let in.
    invite_request: bool,
    /// The media offered.
    mediatypes: ConferenceMedia,
    /// Call code it came to; null while it rings.
    #[serde(rename = "error")]
    code: Option<u16>,
    /// Who was called.
    candidates: Vec<ConferenceCandidate>,
}

/// A transfer out of a conference.
#[derive(SimpleObject, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(in crate::graphql) struct ConferenceTransfer {
    /// Its id.
    id: String,
    /// `wac-user:<id>` of the transferor.
    from: String,
    /// `wac-user:<id>`, `wac-group:<id>`, or the id of the room the party was moved to.
    to: Option<String>,
    /// The invitation sent in the party's name.
    #[serde(rename = "idInvite")]
    invite_id: Option<String>,
    /// `INVITED` or `DECLINED`.
    state: String,
    /// The media of the call to be made.
    mediatypes: ConferenceMedia,
}

/// An entry as SAPI shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: String,
    room_id: String,
    owner: Option<String>,
    state: String,
    #[serde(deserialize_with = "instant")]
    created_at: DateTime,
    #[serde(deserialize_with = "instant_or_none")]
    finished_at: Option<DateTime>,
    domains: Vec<String>,
    participants: Vec<ConferenceParticipant>,
    invites: Vec<ConferenceInvite>,
    transfers: Vec<ConferenceTransfer>,
    quality: Option<ConferenceQuality>,
}

/// An entry of the conference log: one opening of a room.
pub(in crate::graphql) struct Conference {
    entry: Entry,
    view: ConferenceView,
    moment: Arc<Moment>,
}

impl Conference {
    /// The conference, if the caller may see it.
    pub(in crate::graphql) fn seen(
        caller: &Caller,
        view: &ConferenceView,
        moment: &Arc<Moment>,
    ) -> Result<Option<Self>, Problem> {
        if !sees(caller, view) {
            return Ok(None);
        }
        let entry = serde_json::from_value(conference_json(view)).map_err(|error| Problem::internal(&error))?;
        Ok(Some(Self { entry, view: view.clone(), moment: moment.clone() }))
    }
}

/// An entry of the conference log: one opening of a room.
#[Object]
impl Conference {
    /// Its id.
    async fn id(&self) -> ID {
        ID::from(self.entry.id.as_str())
    }

    /// The room.
    async fn room_id(&self) -> &str {
        &self.entry.room_id
    }

    /// The room's owner.
    async fn owner(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        match &self.entry.owner {
            Some(owner) => User::load(ctx, &self.moment, &UserId::from(owner.as_str())).await,
            None => Ok(None),
        }
    }

    /// Id of the room's owner.
    async fn owner_id(&self) -> Option<ID> {
        self.entry.owner.as_deref().map(ID::from)
    }

    /// `active` or `finished`.
    async fn state(&self) -> &str {
        &self.entry.state
    }

    /// When it was opened.
    async fn created(&self) -> DateTime {
        self.entry.created_at
    }

    /// When it ended; null: it goes on.
    async fn finished(&self) -> Option<DateTime> {
        self.entry.finished_at
    }

    /// Names of the domains involved.
    async fn domains(&self) -> &[String] {
        &self.entry.domains
    }

    /// Who sat in it: one entry for each stay of a device.
    async fn participants(&self) -> &[ConferenceParticipant] {
        &self.entry.participants
    }

    /// Who was invited.
    async fn invites(&self) -> &[ConferenceInvite] {
        &self.entry.invites
    }

    /// Who was transferred.
    async fn transfers(&self) -> &[ConferenceTransfer] {
        &self.entry.transfers
    }

    /// How well media went for all together; null: nothing was measured.
    async fn quality(&self) -> &Option<ConferenceQuality> {
        &self.entry.quality
    }

    /// Who did what, when and on which node, and what was refused, in the order in which it happened; at most a
    /// thousand steps behind the position `after`. Of a moment of the past: what had happened by then.
    #[graphql(complexity = "50 + child_complexity")]
    async fn timeline(&self, ctx: &Context<'_>, after: Option<Position>) -> Result<Vec<ConferenceStep>> {
        const STEPS_MAX: usize = 1_000;
        let after = after.map_or(wac_events::Position::START, Into::into);
        let (steps, _) = platform(ctx).timeline(&self.view, after, self.moment.position, STEPS_MAX).await?;
        let steps: std::result::Result<_, _> = steps.into_iter().map(serde_json::from_value).collect();
        Ok(steps.map_err(|error| Problem::internal(&error))?)
    }
}
