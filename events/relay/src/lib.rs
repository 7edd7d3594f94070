//! Publishes the event log to Kafka.
//!
//! The log is the truth and its own outbox; Kafka is the stream for everyone else. A [`Relay`]
//! reads the log in order and produces every event to the topic of its context, keyed by its
//! stream, as a CloudEvent in binary mode. It never skips, and keeps each partition in the order
//! of the log.
//!
//! * **Delivery**: idempotent producer, `acks=all`. What is delivered is remembered in a compacted
//!   topic ([`topics::position_topic`]); after a crash the relay goes on behind that position and
//!   leaves out what the last record of each partition shows to be there already.
//! * **One at a time**: nodes agree through a [`RelayLease`]. Should two overlap for a moment all
//!   the same (a node that was suspended), a partition gets duplicates, never holes, and consumers'
//!   guard rule (skip a position not greater than the last one seen of that partition) removes them.
//! * **Kafka away**: the relay keeps trying with bounded pauses; nobody who appends notices.

pub mod bench;
mod calls;
mod config;
mod delivery;
mod error;
mod follow;
mod lease;
mod partition;
mod position;
mod probe;
mod progress;
mod record;
mod relay;
mod resume;
mod sender;
mod session;
pub mod topics;

pub use calls::{CallLine, CallRecords};
pub use config::{PersonalFieldsMode, RelayConfig};
pub use error::RelayError;
pub use follow::{Followed, Follower};
pub use lease::{AlwaysGranted, LEASE_DURATION, LEASE_RENEW_EVERY, LeaseEpoch, RelayLease};
pub use partition::partition_of;
pub use probe::brokers;
pub use progress::RelayProgress;
pub use relay::{Relay, run};
