//! Invitations: who rings, who takes it, and the one outcome each has.

mod answer;
mod command;
mod outcome;
mod send;
mod state;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use answer::{cancelled, check_code};
pub use command::{
    AcceptInvite, AddCandidate, CancelInvite, DeclineInvite, ExpireInvite, RemoveCandidate, SendInvites, Target,
    TargetedInvite, Unless,
};
pub(crate) use outcome::reads as outcome_reads;
pub(crate) use send::{Sender, send};
pub use state::{Candidate, Invite, InviteStatus, evolve};
pub(crate) use target::{callee_of, reads as target_reads};

/// Most targets of one request.
pub const INVITE_TARGETS_MAX: usize = 50;
/// Longest context of an invitation, in bytes of JSON.
pub const INVITE_CONTEXT_BYTES_MAX: usize = 8_192;

/// Call code: accepted by nobody because nobody of that name, or no device of his, is there.
pub const CODE_NOT_FOUND: u16 = 404;
/// Call code: nobody answered in time.
pub const CODE_TIMEOUT: u16 = 408;
/// Call code: nobody is left to ring.
pub const CODE_UNAVAILABLE: u16 = 480;
/// Call code: is in a call.
pub const CODE_BUSY: u16 = 486;
/// Call code: cancelled by the caller's side.
pub const CODE_CANCELLED: u16 = 487;
/// Call code: declined.
pub const CODE_DECLINED: u16 = 603;
