//! A connectivity check that comes a second time from another address is a replay: whoever saw
//! it on its way could otherwise draw the media to himself.

use std::net::SocketAddr;

/// So many of a peer's last checks are remembered; at two a second, several minutes.
const CHECKS_MAX: usize = 512;

/// The checks of one peer, by their transaction ids (RFC 8489 §5).
#[derive(Default)]
pub(crate) struct ReplayGuard {
    checks: Vec<([u8; 12], SocketAddr)>,
    next: usize,
}

impl ReplayGuard {
    /// Whether a check may be taken; it is remembered. A client repeats its own from where it sent it.
    pub(crate) fn admits(&mut self, transaction: [u8; 12], from: SocketAddr) -> bool {
        if let Some((_, source)) = self.checks.iter().find(|(seen, _)| *seen == transaction) {
            return *source == from;
        }
        if self.checks.len() < CHECKS_MAX {
            self.checks.push((transaction, from));
        } else {
            self.checks[self.next] = (transaction, from);
            self.next = (self.next + 1) % CHECKS_MAX;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_taken_again_only_from_where_it_came() {
        let (own, other): (SocketAddr, SocketAddr) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:1".parse().unwrap());
        let mut guard = ReplayGuard::default();
        assert!(guard.admits([1; 12], own));
        assert!(guard.admits([1; 12], own));
        assert!(!guard.admits([1; 12], other));
        assert!(guard.admits([2; 12], other));
    }

    #[test]
    fn the_memory_of_checks_is_bounded() {
        let mut guard = ReplayGuard::default();
        for n in 0..2_000u32 {
            let mut id = [0; 12];
            id[..4].copy_from_slice(&n.to_be_bytes());
            assert!(guard.admits(id, "10.0.0.1:1".parse().unwrap()));
        }
        assert_eq!(guard.checks.len(), CHECKS_MAX);
    }
}
