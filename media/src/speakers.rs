//! Who speaks in a room, from the audio levels that clients send with each packet (RFC 6464).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use wac_events::UserId;

/// Louder than this, in dBov, on average is speech.
const SPEECH_DBOV: f32 = -50.0;
/// How fast the average follows: a fifth of a second of packets of 20 ms.
const SMOOTHING: f32 = 0.1;
/// Who has been silent for so long no longer speaks.
const SILENCE: Duration = Duration::from_millis(800);
/// At most so many are named.
pub(crate) const SPEAKERS_MAX: usize = 8;

/// The loudness of everybody in a room.
#[derive(Default)]
pub(crate) struct Speakers {
    voices: HashMap<UserId, Voice>,
    told: Vec<UserId>,
}

struct Voice {
    average: f32,
    /// When the average was last that of speech.
    spoke: Option<Instant>,
}

impl Speakers {
    /// Takes in the level of one packet, in dBov: 0 is loudest, -127 silence.
    pub(crate) fn heard(&mut self, user: &UserId, level: i8, now: Instant) {
        let voice = match self.voices.get_mut(user) {
            Some(voice) => voice,
            None => self.voices.entry(user.clone()).or_insert(Voice { average: -127.0, spoke: None }),
        };
        voice.average += (f32::from(level) - voice.average) * SMOOTHING;
        if voice.average > SPEECH_DBOV {
            voice.spoke = Some(now);
        }
    }

    /// Whether somebody was among the speakers when they were last told.
    pub(crate) fn speaks(&self, user: &UserId) -> bool {
        self.told.contains(user)
    }

    /// How many were louder than he when the speakers were last told; `None`: he does not speak.
    pub(crate) fn place(&self, user: &UserId) -> Option<usize> {
        self.told.iter().position(|speaker| speaker == user)
    }

    /// Nobody hears of somebody who has left.
    pub(crate) fn forget(&mut self, user: &UserId) {
        self.voices.remove(user);
    }

    /// Who speaks, the loudest first, if that has changed since it was last asked.
    pub(crate) fn changed(&mut self, now: Instant) -> Option<Vec<UserId>> {
        let speaks = |voice: &Voice| voice.spoke.is_some_and(|spoke| now.saturating_duration_since(spoke) < SILENCE);
        let mut speaking: Vec<(&UserId, &Voice)> = self.voices.iter().filter(|(_, voice)| speaks(voice)).collect();
        speaking.sort_by(|one, other| other.1.average.total_cmp(&one.1.average));
        let speaking: Vec<UserId> = speaking.into_iter().take(SPEAKERS_MAX).map(|(user, _)| user.clone()).collect();
        if speaking == self.told {
            return None;
        }
        self.told.clone_from(&speaking);
        Some(speaking)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test begins its simulated time somewhere")]

    use super::*;

    #[test]
    fn who_speaks_is_told_once_and_again_when_he_stops() {
        let (mut speakers, start) = (Speakers::default(), Instant::now());
        let (a, b) = (UserId::from("a"), UserId::from("b"));
        for n in 0..50u64 {
            let now = start + Duration::from_millis(n * 20);
            speakers.heard(&a, -20, now);
            speakers.heard(&b, -90, now);
        }
        let now = start + Duration::from_secs(1);
        assert_eq!(speakers.changed(now), Some(vec![a.clone()]));
        assert_eq!(speakers.changed(now), None);
        assert_eq!(speakers.changed(now + Duration::from_secs(2)), Some(Vec::new()));
    }
}
