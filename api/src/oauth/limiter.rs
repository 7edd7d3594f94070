//! Failed log-ins, bounded for each name and each address.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::StatusCode;

use crate::Problem;

/// The window failures are counted in; also what `Retry-After` says.
pub const FAILURE_WINDOW: Duration = Duration::from_secs(60);
/// Failures for one name in a window, or as many as raise the alarm if those are more; beyond that 429.
pub const NAME_FAILURES_MAX: u32 = 10;
/// Failures from one address in a window; beyond that 429.
pub const ADDRESS_FAILURES_MAX: u32 = 100;
/// Names and addresses remembered at most.
pub(crate) const REMEMBERED_MAX: u64 = 100_000;

/// Counts failed log-ins.
pub(crate) struct LoginLimiter {
    names: moka::sync::Cache<String, Arc<AtomicU32>>,
    addresses: moka::sync::Cache<IpAddr, Arc<AtomicU32>>,
    name_failures_max: u32,
}

impl LoginLimiter {
    /// `alarm`: how many failures raise the alarm (`login.limitRateUnits`); they must be able to happen.
    pub(crate) fn new(alarm: u32) -> Self {
        let names = moka::sync::Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(FAILURE_WINDOW).build();
        let addresses = moka::sync::Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(FAILURE_WINDOW).build();
        Self { names, addresses, name_failures_max: NAME_FAILURES_MAX.max(alarm) }
    }

    /// 429 if this name or this address has failed too often.
    pub(crate) fn check(&self, name: &str, address: Option<IpAddr>) -> Result<(), Problem> {
        let count = |count: Arc<AtomicU32>| count.load(Ordering::Relaxed);
        let by_name = self.names.get(name).map_or(0, count);
        let by_address = address.and_then(|address| self.addresses.get(&address)).map_or(0, count);
        if by_name < self.name_failures_max && by_address < ADDRESS_FAILURES_MAX {
            return Ok(());
        }
        let detail = "Log-ins have failed too often; wait before the next one.";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail);
        Err(Problem { retry_after: Some(FAILURE_WINDOW), ..problem })
    }

    /// Notes a failure.
    pub(crate) fn failed(&self, name: &str, address: Option<IpAddr>) {
        self.names.get_with(name.to_owned(), Arc::default).fetch_add(1, Ordering::Relaxed);
        if let Some(address) = address {
            self.addresses.get_with(address, Arc::default).fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A log-in has succeeded: the name's failures are forgotten.
    pub(crate) fn succeeded(&self, name: &str) {
        self.names.invalidate(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_failed_too_often_has_to_wait() {
        let limiter = LoginLimiter::new(5);
        for _ in 0..NAME_FAILURES_MAX {
            limiter.check("alice", None).expect("not too often yet");
            limiter.failed("alice", None);
        }
        assert_eq!(limiter.check("alice", None).expect_err("too often").retry_after_s(), Some(60));
        limiter.check("bob", None).expect("another name");
        limiter.succeeded("alice");
        limiter.check("alice", None).expect("forgotten");
    }

    #[test]
    fn the_alarm_can_be_reached_before_the_name_has_to_wait() {
        let limiter = LoginLimiter::new(NAME_FAILURES_MAX + 5);
        (0..NAME_FAILURES_MAX + 4).for_each(|_| limiter.failed("alice", None));
        limiter.check("alice", None).expect("one more raises the alarm");
        limiter.failed("alice", None);
        limiter.check("alice", None).expect_err("too often");
    }

    #[test]
    fn an_address_that_failed_too_often_has_to_wait_whatever_the_name() {
        let limiter = LoginLimiter::new(5);
        let address = Some(IpAddr::from([192, 0, 2, 7]));
        (0..ADDRESS_FAILURES_MAX).for_each(|n| limiter.failed(&format!("user-{n}"), address));
        limiter.check("alice", address).expect_err("too often");
        limiter.check("alice", None).expect("from elsewhere");
    }
}
