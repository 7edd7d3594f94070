//! Events of failed log-ins, stream `login-<key>`, `key` being the keyed hash of domain and name, so
//! that names nobody has are counted too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{Cell, DomainId, EventId, Personal, PersonalFields, StreamId, SubjectId, Time, UserId};

/// Somebody could not log in ("Failed login" of service "Login").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginFailed {
    /// The domain tried.
    pub domain: DomainId,
    /// The user, if there is one of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The name as typed; erased from the start if no user has it: it may be that of a person who had been erased or
    /// is erased later, whose key would not reach it. The stream tells one such name from another.
    pub name: Personal,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<Personal>,
    /// What the client said it is (`User-Agent`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub useragent: Option<Personal>,
    /// Why: `unknown_user`, `wrong_password`.
    pub reason: String,
    /// How often: more than once if failures of one name from one address are noted together.
    #[serde(default = "once")]
    pub count: u32,
    /// When, or when the last of them was noted.
    pub at: Time,
}

fn once() -> u32 {
    1
}

/// It happened too often: once for each window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginAlarmRaised {
    /// The domain tried.
    pub domain: DomainId,
    /// The user, if there is one of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Failures within the window (`login.limitRateUnits`).
    pub failures: u32,
    /// The window (`login.limitRateSeconds`).
    pub window_s: u64,
    /// When.
    pub at: Time,
}

/// Somebody has taken notice of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginAlarmAcknowledged {
    /// The alarm: id of the event that raised it.
    pub alarm: EventId,
    /// Who; `None`: an OAuth2 client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// When.
    pub at: Time,
}

impl PersonalFields for LoginFailed {
    fn subject(&self) -> Option<SubjectId> {
        Some(self.user.as_ref().map_or_else(|| SubjectId::of_domain(&self.domain), SubjectId::of_user))
    }

    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        visit("name", &mut self.name.0);
        if let Some(src) = &mut self.src {
            visit("src", &mut src.0);
        }
        if let Some(useragent) = &mut self.useragent {
            visit("useragent", &mut useragent.0);
        }
    }
}

impl PersonalFields for LoginAlarmRaised {}
impl PersonalFields for LoginAlarmAcknowledged {}

aggregate_events! {
    /// What happens when somebody cannot log in.
    pub enum LoginEvent in "login" {
        /// See [`LoginFailed`].
        Failed(LoginFailed) = "login.failed", 1;
        /// See [`LoginAlarmRaised`].
        AlarmRaised(LoginAlarmRaised) = "login.alarm_raised", 1;
        /// See [`LoginAlarmAcknowledged`].
        AlarmAcknowledged(LoginAlarmAcknowledged) = "login.alarm_acknowledged", 1;
    }
}

/// `login-<key>`; `name_key` is the keyed hash under which a username is reserved in its domain.
pub fn login_stream(name_key: &str) -> StreamId {
    StreamId::of("login", name_key)
}
