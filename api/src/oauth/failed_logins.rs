//! Failed log-ins on their way into the log ("Failed login" of service "Login", guide §5.1.6.2).
//!
//! Each is noted by itself before it is answered. When somebody tries in masses, those of one name
//! from one address are gathered and noted together, so that the log grows at a bounded rate
//! whoever tries what from where, and the alarm still counts every one of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use wac_commands::login::{FAILURES_REMEMBERED, LOGIN_NAME_CHARS_MAX, NoteFailedLogin};
use wac_commands::{Command, Context};
use wac_events::{Actor, AnyEvent, CommandId, DomainId, LoginEvent, UserId};

use crate::Platform;
use crate::allowance::Allowance;

/// Failures a node notes by themselves in a burst.
const NOTED_BURST: u32 = 100;
/// Notes a node appends in a second for as long as it is being tried at.
const NOTED_PER_SECOND: u32 = 2;
/// Pairs of name and address whose failures are gathered at once; beyond that they are counted in
/// metrics only.
const GATHERED_MAX: usize = 10_000;
/// How often it is looked whether what is gathered may be noted.
const NOTE_EVERY: Duration = Duration::from_millis(500);

/// Somebody could not log in.
#[derive(Clone)]
pub(super) struct FailedLogin {
    /// The domain tried; the base domain if there is none of that name.
    pub(super) domain: DomainId,
    /// The name as typed.
    pub(super) name: String,
    /// Its keyed hash in its domain.
    pub(super) name_key: String,
    /// The user, if there is one of that name.
    pub(super) user: Option<UserId>,
    /// Where from.
    pub(super) src: Option<IpAddr>,
    /// `User-Agent`.
    pub(super) useragent: Option<String>,
}

impl FailedLogin {
    fn reason(&self) -> &'static str {
        if self.user.is_some() { "wrong_password" } else { "unknown_user" }
    }
}

/// Failures that wait to be noted together.
struct Gathered {
    failed: FailedLogin,
    count: u32,
}

struct State {
    allowance: Allowance,
    gathered: HashMap<(String, Option<IpAddr>), Gathered>,
    /// Whether somebody notes what is gathered.
    attended: bool,
}

/// What is to happen with a failure.
enum Turn {
    /// It is noted now.
    Now,
    /// It waits with others of its kind; `unattended`: nobody looks after them yet.
    Later { unattended: bool },
}

/// Failures that are not in the log yet.
pub(crate) struct FailedLogins(Mutex<State>);

impl Default for FailedLogins {
    fn default() -> Self {
        let allowance = Allowance::new(NOTED_PER_SECOND, NOTED_BURST, Instant::now());
        Self(Mutex::new(State { allowance, gathered: HashMap::new(), attended: false }))
    }
}

impl FailedLogins {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, failed: &FailedLogin, now: Instant) -> Turn {
        let mut state = self.state();
        let key = (failed.name_key.clone(), failed.src);
        if let Some(gathered) = state.gathered.get_mut(&key) {
            gathered.count = gathered.count.saturating_add(1);
        } else if state.allowance.take(now) {
            return Turn::Now;
        } else if state.gathered.len() < GATHERED_MAX {
            state.gathered.insert(key, Gathered { failed: failed.clone(), count: 1 });
        } else {
            tracing::warn!(service = "Login", "too many names are tried; some failed log-ins are not noted");
        }
        Turn::Later { unattended: !std::mem::replace(&mut state.attended, true) }
    }

    /// What to note next, if it is time to: names that were tried most often first.
    fn next(&self, now: Instant) -> Option<Gathered> {
        let mut state = self.state();
        let most = state.gathered.iter().max_by_key(|(_, gathered)| gathered.count).map(|(key, _)| key.clone())?;
        if state.allowance.take(now) { state.gathered.remove(&most) } else { None }
    }

    /// Whether nothing is left; whoever notes may go then.
    fn is_done(&self) -> bool {
        let mut state = self.state();
        state.attended = !state.gathered.is_empty();
        !state.attended
    }
}

impl Platform {
    /// Notes that somebody could not log in. That it cannot be noted changes nothing for him.
    pub(super) async fn failed_login(&self, failed: FailedLogin, ctx: Context) {
        self.metrics.failed_login();
        tracing::info!(service = "Login", client.address = ?failed.src, reason = failed.reason(), "Failed login");
        match self.failed_logins.turn(&failed, Instant::now()) {
            Turn::Now => self.note_failed_login(failed, 1, ctx).await,
            Turn::Later { unattended: false } => {}
            Turn::Later { unattended: true } => {
                let platform = self.clone();
                tokio::spawn(async move { platform.note_gathered_logins().await });
            }
        }
    }

    async fn note_gathered_logins(&self) {
        while !self.failed_logins.is_done() {
            tokio::select! {
                () = self.closing.cancelled() => return,
                () = tokio::time::sleep(NOTE_EVERY) => {}
            }
            while let Some(Gathered { failed, count }) = self.failed_logins.next(Instant::now()) {
                let actor = Actor::System("login".to_owned());
                let ctx = Context::new(self.env.now(), actor, CommandId(self.env.new_uuid()));
                self.note_failed_login(failed, count, ctx).await;
            }
        }
    }

    async fn note_failed_login(&self, failed: FailedLogin, count: u32, ctx: Context) {
        let settings = &self.config.signaling.login;
        let remembered = u32::try_from(FAILURES_REMEMBERED).unwrap_or(u32::MAX);
        let command = NoteFailedLogin {
            reason: failed.reason(),
            domain: failed.domain,
            user: failed.user,
            name: failed.name.chars().take(LOGIN_NAME_CHARS_MAX).collect(),
            name_key: failed.name_key,
            src: failed.src.map(|address| address.to_string()),
            useragent: failed.useragent,
            count: count.min(remembered),
            units: settings.limit_rate_units.min(remembered),
            window: settings.limit_rate,
        };
        // A problem is written into this node's log where it is made.
        let Ok(executed) = self.execute(&command as &dyn Command, ctx).await else { return };
        for fact in &executed.facts {
            if let AnyEvent::Login(LoginEvent::AlarmRaised(alarm)) = &fact.event {
                let user = alarm.user.as_ref().map_or("unknown", UserId::as_str);
                tracing::warn!(service = "Login", user.id = user, failures = alarm.failures, "Too many failed logins");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(name: &str) -> FailedLogin {
        FailedLogin {
            domain: "base".into(),
            name: name.to_owned(),
            name_key: name.to_owned(),
            user: None,
            src: Some(IpAddr::from([192, 0, 2, 7])),
            useragent: None,
        }
    }

    /// How many of so many failures are to be noted at once.
    fn noted(logins: &FailedLogins, names: impl Iterator<Item = String>, now: Instant) -> usize {
        names.filter(|name| matches!(logins.turn(&failed(name), now), Turn::Now)).count()
    }

    #[test]
    fn a_burst_is_noted_one_by_one_and_the_rest_is_gathered_by_name_and_address() {
        let (logins, now) = (FailedLogins::default(), Instant::now());
        assert_eq!(noted(&logins, (0..NOTED_BURST + 3).map(|n| n.to_string()), now), NOTED_BURST as usize);
        assert_eq!(noted(&logins, (0..7).map(|_| "alice".to_owned()), now), 0);
        assert!(logins.next(now).is_none(), "it is not time yet");
        let later = now + Duration::from_secs(2);
        let next = logins.next(later).expect("two a second");
        assert_eq!((next.failed.name.as_str(), next.count), ("alice", 7), "who is tried most comes first");
        let rest = std::iter::from_fn(|| logins.next(later)).map(|gathered| gathered.count).sum::<u32>();
        assert_eq!(rest, 3);
        assert!(logins.is_done());
    }

    #[test]
    fn one_at_a_time_looks_after_what_is_gathered() {
        let (logins, now) = (FailedLogins::default(), Instant::now());
        noted(&logins, (0..NOTED_BURST).map(|n| n.to_string()), now);
        assert!(matches!(logins.turn(&failed("a"), now), Turn::Later { unattended: true }));
        assert!(matches!(logins.turn(&failed("b"), now), Turn::Later { unattended: false }));
        assert!(!logins.is_done());
    }

    #[test]
    fn only_so_many_names_are_gathered() {
        let (logins, now) = (FailedLogins::default(), Instant::now());
        let many = GATHERED_MAX + NOTED_BURST as usize + 5;
        noted(&logins, (0..many).map(|n| n.to_string()), now);
        assert_eq!(logins.state().gathered.len(), GATHERED_MAX);
    }
}
