//! Mistakes that a simulation must notice, so that its silence means something.

/// What is broken on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Sabotage {
    /// Nothing.
    #[default]
    None,
    /// The log does not know which commands it has: what is sent twice happens twice.
    ForgetCommandIds,
    /// Some events do not reach the devices of a node.
    LoseNotices,
    /// A read model misses some events.
    SkipRows,
    /// Nobody looks at the clock: what nobody answers rings for ever, and who is lost stays.
    IgnoreDeadlines,
}
