//! Alarms about calls: the rule that fired, and what becomes of the alarm. Its events stand in the stream of the media
//! session that was measured, `media-<id>`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::media::MediaMeasured;
use crate::{DomainId, EventId, OpeningId, PersonalFields, Time, UserId, estimated_mos};

/// How the measured value is compared with the threshold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum AlarmCondition {
    /// Greater.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
}

impl AlarmCondition {
    /// Every condition, with its sign; those of two characters first.
    const SIGNS: [(&'static str, Self); 4] =
        [(">=", Self::GreaterOrEqual), ("<=", Self::LessOrEqual), (">", Self::Greater), ("<", Self::Less)];

    /// Whether it holds.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }
}

/// When an alarm is raised: a value of a section of the media statistics crosses a threshold.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlarmRule {
    /// Its name.
    pub id: String,
    /// The section of the statistics: `ssrc` (what goes over the wire) or `quality`.
    pub section: String,
    /// The value there.
    pub value: String,
    /// How it is compared.
    pub cond: AlarmCondition,
    /// With what.
    pub threshold: f64,
    /// Whether the value is a share: percent of packets, or bytes a second.
    pub relative: bool,
}

/// The values that rules may name: section, value, and whether it is a share.
const VALUES: [(&str, &str, bool); 11] = [
    ("ssrc", "packetsLost", true),
    ("ssrc", "packetsLost", false),
    ("ssrc", "bytesSent", false),
    ("ssrc", "bytesReceived", false),
    ("ssrc", "bytesSent", true),
    ("ssrc", "bytesReceived", true),
    ("quality", "lostSent", true),
    ("quality", "lostReceived", true),
    ("quality", "roundTripMs", false),
    ("quality", "jitterMs", false),
    ("quality", "estimatedMos", false),
];

impl AlarmRule {
    /// Reads `id: section.value cond threshold`, with `%` behind the threshold of a share: `loss: ssrc.packetsLost > 2%`.
    ///
    /// Errors: what is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (id, rest) = text.split_once(':').ok_or("has no name before a colon")?;
        let id = id.trim();
        if id.is_empty() || id.len() > 64 {
            return Err("has a name of 1 to 64 bytes".to_owned());
        }
        let sign = AlarmCondition::SIGNS.iter().find(|(sign, _)| rest.contains(sign));
        let (sign, cond) = *sign.ok_or("has no condition: >, >=, < or <=")?;
        let (value, threshold) = rest.split_once(sign).ok_or("has no condition: >, >=, < or <=")?;
        let (section, value) = value.trim().split_once('.').ok_or("names its value as section.value")?;
        let threshold = threshold.trim();
        let relative = threshold.ends_with('%');
        let number = threshold.trim_end_matches('%').trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let threshold = number.ok_or("has a number for a threshold")?;
        if !VALUES.contains(&(section, value, relative)) {
            let share = |relative| if relative { " %" } else { "" };
            let known = VALUES.map(|(section, value, relative)| format!("{section}.{value}{}", share(relative)));
            return Err(format!("names one of {}", known.join(", ")));
        }
        let (id, section, value) = (id.to_owned(), section.to_owned(), value.to_owned());
        Ok(Self { id, section, value, cond, threshold, relative })
    }

    /// What a summary says of the rule's value; `None`: it is not known.
    pub fn measure(&self, measured: &MediaMeasured) -> Option<f64> {
        let percent = |permille: Option<u32>| permille.map(|permille| f64::from(permille) / 10.0);
        let (sent, received) = (percent(measured.lost_sent_permille), percent(measured.lost_received_permille));
        // Bytes of a summary are far from what a float cannot hold exactly.
        let bytes = |bytes: u64| match self.relative {
            true => (measured.duration_ms > 0).then(|| bytes as f64 * 1_000.0 / measured.duration_ms as f64),
            false => Some(bytes as f64),
        };
        match (self.section.as_str(), self.value.as_str()) {
            ("ssrc", "packetsLost") if self.relative => sent.into_iter().chain(received).reduce(f64::max),
            ("ssrc", "packetsLost") => {
                let ways = [measured.packets_lost_sent, measured.packets_lost_received];
                ways.into_iter().flatten().max().map(|lost| lost as f64)
            }
            ("ssrc", "bytesSent") => bytes(measured.bytes_sent),
            ("ssrc", "bytesReceived") => bytes(measured.bytes_received),
            ("quality", "lostSent") => sent,
            ("quality", "lostReceived") => received,
            ("quality", "jitterMs") => {
                [measured.jitter_sent_ms, measured.jitter_received_ms].into_iter().flatten().max().map(f64::from)
            }
            ("quality", "roundTripMs") => measured.round_trip_ms.map(f64::from),
            ("quality", "estimatedMos") => Some(estimated_mos(received?, measured.round_trip_ms?.into())),
            _ => None,
        }
    }

    /// The value that breaks the rule, if it does.
    pub fn broken_by(&self, measured: &MediaMeasured) -> Option<f64> {
        self.measure(measured).filter(|value| self.cond.holds(*value, self.threshold))
    }
}

/// A rule was broken: once for each media session and rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaAlarmRaised {
    /// The domain of the room.
    pub domain: DomainId,
    /// The call.
    pub opening: OpeningId,
    /// Whose media was measured.
    pub user: UserId,
    /// The rule as it was.
    pub rule: AlarmRule,
    /// The value that broke it.
    pub value: f64,
    /// Of which summary.
    pub period: u32,
    /// When.
    pub at: Time,
}

/// Somebody has taken notice of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaAlarmAcknowledged {
    /// The alarm: id of the event that raised it.
    pub alarm: EventId,
    /// Id of its rule.
    pub rule: String,
    /// Who; `None`: an OAuth2 client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// When.
    pub at: Time,
}

impl PersonalFields for MediaAlarmRaised {}
impl PersonalFields for MediaAlarmAcknowledged {}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(lost: Option<u32>) -> MediaMeasured {
        let summary = r#"{"period":1,"durationMs":60000,"bytesSent":600000,"bytesReceived":0,"speakingMs":0,
            "lostSentPermille":5,"roundTripMs":40,"at":"2026-01-01T00:00:00Z"}"#;
        MediaMeasured { lost_received_permille: lost, ..serde_json::from_str(summary).expect("a summary") }
    }

    #[test]
    fn a_rule_is_read_from_a_line() {
        let rule = AlarmRule::parse("main: ssrc.packetsLost > 2%").expect("a rule");
        let json = serde_json::to_value(&rule).expect("plain JSON");
        let expected = serde_json::json!({
            "id": "main", "section": "ssrc", "value": "packetsLost", "cond": ">", "threshold": 2.0, "relative": true,
        });
        assert_eq!(json, expected);
        for wrong in [
            "",
            "main",
            ": ssrc.packetsLost > 2%",
            "a: packetsLost > 2%",
            "a: ssrc.packetsLost > two%",
            "a: ssrc.packetsLost = 2%",
            "a: ssrc.jokes > 2",
            "a: quality.jitterMs > 2%",
            "a: ssrc.bytesSent > inf",
        ] {
            assert!(AlarmRule::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lost_packets_and_jitter_are_those_of_the_worse_way() {
        let summary = MediaMeasured {
            packets_lost_sent: Some(30),
            packets_lost_received: Some(7),
            jitter_sent_ms: None,
            jitter_received_ms: Some(41),
            ..measured(Some(3))
        };
        let broken = |rule: &str| AlarmRule::parse(rule).expect("a rule").broken_by(&summary);
        assert_eq!(broken("many: ssrc.packetsLost >= 30"), Some(30.0));
        assert_eq!(broken("uneven: quality.jitterMs > 40"), Some(41.0));
        assert_eq!(broken("uneven: quality.jitterMs > 41"), None);
        assert_eq!(AlarmRule::parse("many: ssrc.packetsLost >= 0").expect("a rule").measure(&measured(None)), None);
    }

    #[test]
    fn a_rule_is_broken_by_the_worse_way_and_never_by_what_is_unknown() {
        let rule = AlarmRule::parse("main: ssrc.packetsLost > 2%").expect("a rule");
        assert_eq!(rule.broken_by(&measured(Some(21))), Some(2.1));
        assert_eq!(rule.broken_by(&measured(Some(20))), None);
        assert_eq!(rule.broken_by(&measured(None)), None);
        let received = AlarmRule::parse("main: quality.lostReceived >= 0%").expect("a rule");
        assert_eq!(received.broken_by(&measured(None)), None);
    }

    #[test]
    fn bytes_a_second_and_scores_are_compared_too() {
        let silent = AlarmRule::parse("silent: ssrc.bytesSent <= 10000%").expect("a rule");
        assert_eq!(silent.broken_by(&measured(None)), Some(10_000.0));
        let bad = AlarmRule::parse("bad: quality.estimatedMos < 3.5").expect("a rule");
        assert_eq!(bad.broken_by(&measured(Some(0))), None);
        assert!(bad.broken_by(&measured(Some(100))).is_some_and(|mos| mos < 3.5));
    }
}
