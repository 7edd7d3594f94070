//! One request on its way: who asks, in which context, and how it is answered.

use serde::Serialize;
use wac_commands::{
    Command, CommandError, CommandHandler, Context, Executed, Fact, Idempotency, Rejection, Room, State,
};
use wac_events::{Actor, AnyEvent, CommandId, InviteEvent, Position, RoomRef, StoreError, StreamId, TransferEvent};

use crate::failure::{Failure, Refusal};
use crate::rooms::may_know;
use crate::wire::{AnswerFrame, Request};
use crate::{Peer, Settings, Signaling};

/// Purpose of the fingerprints of requests.
const FINGERPRINT: &str = "signaling-request";

/// A request on its way.
pub(crate) struct Ask<'a> {
    pub(crate) signaling: &'a Signaling,
    pub(crate) peer: &'a Peer,
    pub(crate) ctx: Context,
    name: &'a str,
    request_id: &'a str,
}

/// An answer.
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) position: Option<Position>,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(signaling: &'a Signaling, peer: &'a Peer, request: &'a Request, request_id: &'a str) -> Self {
        let handler = &signaling.handler;
        let actor = Actor::User(peer.user.to_string());
        let command_id = CommandId::derived(&format!("user:{}", peer.user), request_id);
        let content = serde_json::to_string(request).expect("a request is plain JSON");
        let ctx = Context {
            request: Some(handler.keys().keyed_hash(FINGERPRINT, &content)),
            idempotency: Idempotency::Refusal,
            session: Some(peer.session.clone()),
            ..Context::new(handler.environment().now(), actor, command_id)
        };
        Self { signaling, peer, ctx, name: request.name(), request_id }
    }

    pub(crate) fn handler(&self) -> &CommandHandler {
        &self.signaling.handler
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.signaling.settings
    }

    pub(crate) async fn execute(&self, command: &dyn Command) -> Result<Executed, Failure> {
        Ok(self.handler().execute(command, self.ctx.clone()).await?)
    }

    /// What the request did, now or when it was sent first: where it is refused before anything
    /// is decided, the first attempt may have changed what it was refused on.
    pub(crate) async fn act(
        &self,
        attempt: impl Future<Output = Result<Executed, Failure>>,
    ) -> Result<Executed, Failure> {
        match attempt.await {
            Err(Failure::Early(refusal)) => match self.handler().repeated(&self.ctx).await? {
                Some(executed) => Ok(executed),
                None => Err(refusal.into()),
            },
            outcome => outcome,
        }
    }

    /// As [`Ask::act`], about a room: of another domain's room one is no part of one does not even
    /// learn that it exists.
    pub(crate) async fn act_in(
        &self,
        room: &RoomRef,
        attempt: impl Future<Output = Result<Executed, Failure>>,
    ) -> Result<Executed, Failure> {
        let outcome = self.act(attempt).await;
        let Err(failure) = &outcome else { return outcome };
        let telling = matches!(failure.rejection(), Some(Rejection::NotAllowed | Rejection::NotAParticipant));
        if telling && !may_know(self.peer, &self.room_now(room).await?) {
            return Err(Refusal::room_not_found().into());
        }
        outcome
    }

    /// A room as it is.
    pub(crate) async fn room_now(&self, room: &RoomRef) -> Result<Room, StoreError> {
        Ok(self.handler().recall(&[room.stream()]).await?.room(room).clone())
    }

    /// A room after what the request did to it, when it did it.
    pub(crate) async fn room_after(&self, executed: &Executed, room: &RoomRef) -> Result<Room, StoreError> {
        let now = self.room_now(room).await?;
        // Others may have gone on meanwhile; a repeat is answered from the log, and the answers are to be the same.
        if executed.version_of.get(&room.stream()) == Some(&now.version) {
            return Ok(now);
        }
        match self.handler().load_at(&room.stream(), executed.position).await? {
            State::Room(room) => Ok(room),
            _ => Ok(Room::default()),
        }
    }

    /// The answer to a request that changed nothing.
    pub(crate) fn reply(&self, fields: impl Serialize) -> Reply {
        self.reply_at(None, fields)
    }

    /// The answer to a request that may have changed something.
    pub(crate) fn done(&self, executed: &Executed, fields: impl Serialize) -> Reply {
        self.reply_at(answered_at(executed), fields)
    }

    fn reply_at(&self, position: Option<Position>, fields: impl Serialize) -> Reply {
        let frame = AnswerFrame { answer: self.name, request_id: self.request_id, position, fields };
        Reply { text: serde_json::to_string(&frame).expect("an answer is plain JSON"), position }
    }

    /// A refusal that a missing fact of an accepted command would be: a mistake of ours.
    pub(crate) fn missing(&self) -> Failure {
        tracing::error!(request = self.name, "an accepted command lacks the fact its answer is made of");
        Refusal::new(500, "internal", "The server made a mistake; its log has the cause.").into()
    }
}

/// The position of an answer: that of the last fact, but before those of which the asking device
/// is told by a notice, since positions on a socket never fall.
fn answered_at(executed: &Executed) -> Option<Position> {
    let count = executed.facts.len();
    if count == 0 {
        return None;
    }
    let told = |event: &AnyEvent| {
        matches!(
            event,
            AnyEvent::Invite(InviteEvent::Ended(_) | InviteEvent::Expired(_))
                | AnyEvent::Transfer(TransferEvent::Completed(_) | TransferEvent::Failed(_))
        )
    };
    let before = logged(&executed.facts).iter().position(|fact| told(&fact.event)).unwrap_or(count);
    let last = executed.position.0;
    let behind = u64::try_from(count - before).unwrap_or(0);
    Some(Position(last.saturating_sub(behind)))
}

/// A command's facts in the order of the log, where each stream's stand together.
fn logged(facts: &[Fact]) -> Vec<&Fact> {
    let mut streams: Vec<&StreamId> = Vec::new();
    for fact in facts {
        if !streams.contains(&&fact.stream) {
            streams.push(&fact.stream);
        }
    }
    let mut ordered: Vec<&Fact> = facts.iter().collect();
    ordered.sort_by_key(|fact| streams.iter().position(|stream| **stream == fact.stream));
    ordered
}

/// Whether a failure is that this agent has something else.
pub(crate) fn is_agent_busy(failure: &Failure) -> bool {
    matches!(failure, Failure::Command(CommandError::Rejected(Rejection::AgentBusy)))
}
