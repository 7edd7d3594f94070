//! Alarms about calls: raised once for each media session and rule, and taken notice of.

use wac_events::alarm::{AlarmRule, MediaAlarmAcknowledged, MediaAlarmRaised};
use wac_events::{DomainId, EventId, MediaEvent, MediaSessionId, OpeningId, StreamId, UserId};

use crate::{Command, Context, Fact, Rejection, World};

/// A summary has broken a rule.
#[derive(Clone, PartialEq, Debug)]
pub struct RaiseCallAlarm {
    /// The media session that was measured.
    pub id: MediaSessionId,
    /// The domain of the room.
    pub domain: DomainId,
    /// The call.
    pub opening: OpeningId,
    /// Whose media.
    pub user: UserId,
    /// The rule.
    pub rule: AlarmRule,
    /// The value that broke it.
    pub value: f64,
    /// Of which summary.
    pub period: u32,
}

impl Command for RaiseCallAlarm {
    fn name(&self) -> &'static str {
        "raise_call_alarm"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream()]
    }

    /// Whoever sees it first raises it; two nodes at once, or the next summary, change nothing.
    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        if world.media_session(&self.id).alarms.contains_key(&self.rule.id) {
            return Ok(Vec::new());
        }
        let raised = MediaAlarmRaised {
            domain: self.domain.clone(),
            opening: self.opening.clone(),
            user: self.user.clone(),
            rule: self.rule.clone(),
            value: self.value,
            period: self.period,
            at: ctx.now,
        };
        Ok(vec![Fact::of(&self.domain, self.id.stream(), MediaEvent::from(raised))])
    }

    fn correlation(&self, _: &World) -> Option<String> {
        Some(self.opening.to_string())
    }
}

/// Somebody takes notice of an alarm.
#[derive(Clone, PartialEq, Debug)]
pub struct AcknowledgeCallAlarm {
    /// The media session it is about.
    pub id: MediaSessionId,
    /// The domain of the room.
    pub domain: DomainId,
    /// The call.
    pub opening: OpeningId,
    /// The alarm.
    pub alarm: EventId,
    /// Id of its rule.
    pub rule: String,
    /// Who; `None`: an OAuth2 client.
    pub by: Option<UserId>,
}

impl Command for AcknowledgeCallAlarm {
    fn name(&self) -> &'static str {
        "acknowledge_call_alarm"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        match world.media_session(&self.id).alarms.get(&self.rule) {
            None => Err(Rejection::NotFound { what: "alarm", id: self.alarm.to_string() }),
            Some(true) => Ok(Vec::new()),
            Some(false) => {
                let (alarm, rule, by) = (self.alarm, self.rule.clone(), self.by.clone());
                let noticed = MediaAlarmAcknowledged { alarm, rule, by, at: ctx.now };
                Ok(vec![Fact::of(&self.domain, self.id.stream(), MediaEvent::from(noticed))])
            }
        }
    }

    fn correlation(&self, _: &World) -> Option<String> {
        Some(self.opening.to_string())
    }
}
