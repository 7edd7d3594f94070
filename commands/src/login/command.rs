use std::fmt;
use std::time::Duration;

use wac_events::login::{LoginAlarmAcknowledged, LoginAlarmRaised, LoginFailed};
use wac_events::{Cell, DomainId, EventId, LoginEvent, Personal, StreamId, UserId};

use super::{FAILURES_REMEMBERED, LOGIN_NAME_CHARS_MAX, LOGIN_SRC_CHARS_MAX, LoginKey};
use crate::rejection::Checks;
use crate::session::CONTEXT_CHARS_MAX;
use crate::{Command, Context, Fact, Rejection, World};

/// Somebody could not log in; too often, and an alarm is raised, once for each window.
#[derive(Clone, PartialEq)]
pub struct NoteFailedLogin {
    /// The domain tried.
    pub domain: DomainId,
    /// The user, if there is one of that name.
    pub user: Option<UserId>,
    /// The name as typed; kept only if a user has it.
    pub name: String,
    /// [`crate::name_key`] of domain and name.
    pub name_key: String,
    /// Where from: an IP address.
    pub src: Option<String>,
    /// What the client says it is.
    pub useragent: Option<String>,
    /// How often, at least once: more if failures of one name from one address are noted together.
    pub count: u32,
    /// Why: `unknown_user`, `wrong_password`.
    pub reason: &'static str,
    /// How many failures are too many (`login.limitRateUnits`), at most [`FAILURES_REMEMBERED`]; 0: none ever are.
    pub units: u32,
    /// Within which time (`login.limitRateSeconds`).
    pub window: Duration,
}

/// Shows nothing personal.
impl fmt::Debug for NoteFailedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoteFailedLogin")
            .field("domain", &self.domain)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl NoteFailedLogin {
    fn key(&self) -> LoginKey {
        LoginKey(self.name_key.clone())
    }

    fn check(&self) -> Result<(), Rejection> {
        let mut checks = Checks::default();
        let short = self.name.chars().count() <= LOGIN_NAME_CHARS_MAX;
        checks.require(short, "username_invalid", "/username", "a username has at most 128 characters");
        let short = self.src.as_ref().is_none_or(|src| src.chars().count() <= LOGIN_SRC_CHARS_MAX);
        checks.require(short, "src_invalid", "/src", "an address has at most 64 characters");
        let short = self.useragent.as_ref().is_none_or(|agent| agent.chars().count() <= CONTEXT_CHARS_MAX);
        checks.require(short, "useragent_invalid", "/useragent", "a user agent has at most 512 characters");
        let counted = usize::try_from(self.count).is_ok_and(|count| (1..=FAILURES_REMEMBERED).contains(&count));
        checks.require(counted, "count_invalid", "/count", "1 to 100 failures are noted together");
        let countable = usize::try_from(self.units).is_ok_and(|units| units <= FAILURES_REMEMBERED);
        checks.require(countable, "units_invalid", "/limitRateUnits", "at most 100 failures are counted");
        checks.done()
    }

    /// The failures within the window if they are too many, these included, and no alarm has
    /// been raised within it.
    fn alarm(&self, world: &World, ctx: &Context) -> Option<u32> {
        let login = world.login(&self.key());
        let within = |at: wac_events::Time| ctx.now.since(at) < self.window;
        let failures = login.failures.iter().filter(|at| within(**at)).count();
        let failures = u32::try_from(failures).unwrap_or(u32::MAX).saturating_add(self.count);
        let silent = login.alarm_at.is_none_or(|at| !within(at));
        (self.units > 0 && failures >= self.units && silent).then_some(failures)
    }
}

impl Command for NoteFailedLogin {
    fn name(&self) -> &'static str {
        "note_failed_login"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.key().stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.check()?;
        let fact = |event: LoginEvent| Fact::of(&self.domain, self.key().stream(), event);
        let failed = LoginFailed {
            domain: self.domain.clone(),
            user: self.user.clone(),
            // Erasing a person must reach every copy of his name, and this one would be nobody's.
            name: self.user.as_ref().map_or(Personal(Cell::Erased), |_| Personal::new(&self.name)),
            src: self.src.as_ref().map(Personal::new),
            useragent: self.useragent.as_ref().map(Personal::new),
            reason: self.reason.to_owned(),
            count: self.count,
            at: ctx.now,
        };
        let alarm = self.alarm(world, ctx).map(|failures| LoginAlarmRaised {
            domain: self.domain.clone(),
            user: self.user.clone(),
            failures,
            window_s: self.window.as_secs(),
            at: ctx.now,
        });
        Ok([fact(failed.into())].into_iter().chain(alarm.map(|alarm| fact(alarm.into()))).collect())
    }
}

/// Somebody takes notice of an alarm.
#[derive(Clone, PartialEq, Debug)]
pub struct AcknowledgeLoginAlarm {
    /// The name that was tried.
    pub login: LoginKey,
    /// The domain that was tried.
    pub domain: DomainId,
    /// The alarm.
    pub alarm: EventId,
    /// Who; `None`: an OAuth2 client.
    pub by: Option<UserId>,
}

impl Command for AcknowledgeLoginAlarm {
    fn name(&self) -> &'static str {
        "acknowledge_login_alarm"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.login.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        let login = world.login(&self.login);
        if login.alarm_at.is_none() {
            return Err(Rejection::NotFound { what: "alarm", id: self.alarm.to_string() });
        }
        if login.acknowledged.contains(&self.alarm) {
            return Ok(Vec::new());
        }
        let noticed = LoginAlarmAcknowledged { alarm: self.alarm, by: self.by.clone(), at: ctx.now };
        Ok(vec![Fact::of(&self.domain, self.login.stream(), LoginEvent::from(noticed))])
    }
}
