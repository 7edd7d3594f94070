use wac_events::session::{SessionContext, SessionEnd};
use wac_events::{SessionId, StreamId, Time};

use super::decide::{self, reads_to_end};
use crate::{Command, Context, Fact, Rejection, World};

/// The session a grant opens, beside [`crate::IssueToken`] and under the same id.
#[derive(Clone, PartialEq, Debug)]
pub struct OpenSession {
    /// Where from; fields clear.
    pub context: SessionContext,
    /// When it ends unless it is used.
    pub expires_at: Time,
}

/// A session was used: it lasts until `expires_at`, or as long as before if that is longer.
#[derive(Clone, PartialEq, Debug)]
pub struct ExtendSession {
    /// Which.
    pub id: SessionId,
    /// When it ends unless it is used again.
    pub expires_at: Time,
}

/// Says where a session is used from.
#[derive(Clone, PartialEq, Debug)]
pub struct ChangeSessionContext {
    /// Which.
    pub id: SessionId,
    /// The whole context from now on; fields clear.
    pub context: SessionContext,
}

/// Says how to wake a session's device.
#[derive(Clone, PartialEq)]
pub struct SetPushToken {
    /// Which.
    pub id: SessionId,
    /// The token.
    pub token: String,
    /// One of [`super::PUSH_TOKEN_TYPES`].
    pub token_type: String,
}

/// A session's device is not to be woken any more.
#[derive(Clone, PartialEq, Debug)]
pub struct RemovePushToken {
    /// Which.
    pub id: SessionId,
}

/// Ends a session and all its tokens. One that has ended stays as it is.
#[derive(Clone, PartialEq, Debug)]
pub struct CloseSession {
    /// Which.
    pub id: SessionId,
    /// Why.
    pub reason: SessionEnd,
}

/// The deadline of a session has come. Nothing happens if it was used meanwhile.
#[derive(Clone, PartialEq, Debug)]
pub struct ExpireSession {
    /// Which.
    pub id: SessionId,
}

macro_rules! command {
    ($type:ty, $name:literal, $reads:expr, $decide:path) => {
        impl Command for $type {
            fn name(&self) -> &'static str {
                $name
            }

            fn reads(&self, world: &World) -> Vec<StreamId> {
                $reads(world, &self.id)
            }

            fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
                $decide(self, world, ctx)
            }
        }
    };
}

fn alone(_: &World, id: &SessionId) -> Vec<StreamId> {
    vec![id.stream()]
}

command!(ExtendSession, "extend_session", alone, decide::extend);
command!(ChangeSessionContext, "change_session_context", alone, decide::change_context);
command!(SetPushToken, "set_push_token", alone, decide::set_push_token);
command!(RemovePushToken, "remove_push_token", alone, decide::remove_push_token);
command!(CloseSession, "close_session", reads_to_end, decide::close);
command!(ExpireSession, "expire_session", reads_to_end, decide::expire);
