//! What the events of sessions and calls do to the rows: a file a read model.

#![allow(clippy::unwrap_used)]

mod agents;
mod groups;
mod invites;
mod login_alarms;
mod media;
mod media_sessions;
mod presence;
mod rooms;
mod sessions;
mod steps;
mod story;
mod transfers;
