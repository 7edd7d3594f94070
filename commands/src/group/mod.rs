//! Users groups: people who ring together.

mod command;
mod decide;
mod state;
#[cfg(test)]
mod tests;

pub use command::{
    AddGroupUser, CreateGroup, EmptyGroup, LeaveGroup, LeaveGroups, RemoveGroup, RemoveGroupUser, RenameGroup,
};
pub use state::{Group, evolve};

/// Most participants of a group.
pub const GROUP_USERS_MAX: usize = 200;
/// Most groups that are left at once: each takes three events at most.
pub const LEAVE_GROUPS_MAX: usize = 300;
/// Longest name of a group, in characters.
pub const GROUP_NAME_CHARS_MAX: usize = 128;
