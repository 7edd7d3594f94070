//! Users groups: people who ring together.

mod state;

pub use state::{Group, evolve};

/// Most participants of a group.
pub const GROUP_USERS_MAX: usize = 200;
