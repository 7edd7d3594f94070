use std::collections::BTreeMap;

use wac_events::{AppendBatch, AppendError, Appended, Position, StoreError, StreamAppend, StreamId};

use super::mailbox::{Access, Full};
use super::states::ReadError;
use super::{CommandError, Executed, InternalError, Shared};
use crate::{Command, Context, Fact, Refusal, Rejection, World};

/// How often a command may name further streams to read before it is given up as a bug. More than
/// the deepest chain of references: [`crate::domain::DOMAIN_DEPTH_MAX`] ancestors.
const READ_ROUNDS_MAX: usize = crate::domain::DOMAIN_DEPTH_MAX + 8;

/// How often the set of streams to hold may change while waiting for them.
const HOLD_ROUNDS_MAX: usize = 8;

/// A decision and what it was made on.
struct Decision {
    world: World,
    outcome: Result<Vec<Fact>, Rejection>,
}

impl Decision {
    fn is_final(&self) -> bool {
        self.outcome.as_ref().map_or(true, Vec::is_empty)
    }

    /// What to hold for it: written streams alone, the others together.
    fn access(&self) -> BTreeMap<StreamId, Access> {
        let mut access: BTreeMap<StreamId, Access> =
            self.world.streams().keys().map(|stream| (stream.clone(), Access::Shared)).collect();
        for fact in self.outcome.as_deref().unwrap_or_default() {
            access.insert(fact.stream.clone(), Access::Exclusive);
        }
        access
    }
}

/// What an attempt to append came to.
enum Attempt {
    Done(Box<Executed>),
    /// Another node was there first.
    Conflict,
}

impl Shared {
    pub(super) async fn execute(&self, command: &dyn Command, ctx: &Context) -> Result<Executed, CommandError> {
        let mut fresh = false;
        for _ in 0..self.limits.attempts_max {
            match self.attempt(command, ctx, fresh).await? {
                Attempt::Done(executed) => return Ok(*executed),
                Attempt::Conflict => fresh = true,
            }
        }
        Err(CommandError::Contention)
    }

    pub(super) async fn preview(&self, command: &dyn Command, ctx: &Context) -> Result<Vec<Fact>, CommandError> {
        Ok(self.decide(command, ctx, true).await?.outcome?)
    }

    /// Decides on what is remembered, holds the streams concerned, and appends.
    async fn attempt(&self, command: &dyn Command, ctx: &Context, fresh: bool) -> Result<Attempt, CommandError> {
        let mut decision = self.settle(command, ctx, fresh).await?;
        let mut access = decision.access();
        for _ in 0..HOLD_ROUNDS_MAX {
            if decision.is_final() {
                self.note_refusal(command, &decision, ctx);
                return Self::without_facts(decision).map(|executed| Attempt::Done(Box::new(executed)));
            }
            let _held = self.mailboxes.hold(&access).await.map_err(|Full| self.queue_full())?;
            if self.has_moved(&decision.world) {
                decision = self.settle(command, ctx, false).await?;
                let wanted = decision.access();
                let covered = wanted.iter().all(|(stream, wanted)| {
                    access.get(stream).is_some_and(|held| held == wanted || *held == Access::Exclusive)
                });
                if decision.is_final() || !covered {
                    access.extend(wanted.into_iter().filter(|(_, wanted)| *wanted == Access::Exclusive));
                    for stream in decision.world.streams().keys() {
                        access.entry(stream.clone()).or_insert(Access::Shared);
                    }
                    continue;
                }
            }
            return self.append(command, decision, ctx).await;
        }
        Ok(Attempt::Conflict)
    }

    fn note_refusal(&self, command: &dyn Command, decision: &Decision, ctx: &Context) {
        if let (Err(rejection), Some(refusals)) = (&decision.outcome, self.refusals.get())
            && let Some(refusal) = Refusal::of(command, &decision.world, ctx, rejection)
        {
            refusals.note(refusal);
        }
    }

    /// Decides; a refusal, or that there is nothing to do, is decided once more on what the log
    /// says now, unless it was.
    async fn settle(&self, command: &dyn Command, ctx: &Context, fresh: bool) -> Result<Decision, CommandError> {
        let decision = self.decide(command, ctx, fresh).await?;
        if decision.is_final() && !decision.world.is_fresh() {
            return self.decide(command, ctx, true).await;
        }
        Ok(decision)
    }

    async fn decide(&self, command: &dyn Command, ctx: &Context, fresh: bool) -> Result<Decision, CommandError> {
        let mut world = World::of(&ctx.actor);
        let mut rounds = 0;
        loop {
            let mut unread = command.reads(&world);
            unread.retain(|stream| !world.contains(stream));
            unread.sort_unstable();
            unread.dedup();
            if unread.is_empty() {
                break;
            }
            rounds += 1;
            if rounds > READ_ROUNDS_MAX {
                let fault = "keeps naming further streams to read";
                return Err(InternalError::Command { command: command.name(), fault }.into());
            }
            self.states.read(&mut world, &unread, fresh).await.map_err(|error| self.read_failed(error))?;
        }
        world.take_missed();
        let outcome = command.decide(&world, ctx);
        if world.take_missed() {
            let fault = "decided on a stream it does not read";
            return Err(InternalError::Command { command: command.name(), fault }.into());
        }
        Ok(Decision { world, outcome })
    }

    /// Whether anything is remembered differently from what the decision saw.
    fn has_moved(&self, world: &World) -> bool {
        world
            .streams()
            .iter()
            .any(|(stream, seen)| self.states.version(stream).is_some_and(|version| version != seen.state.version()))
    }

    fn without_facts(decision: Decision) -> Result<Executed, CommandError> {
        let facts = decision.outcome?;
        let position = decision.world.position();
        Ok(Executed { position, version_of: BTreeMap::new(), facts, duplicate: false })
    }

    async fn append(&self, command: &dyn Command, decision: Decision, ctx: &Context) -> Result<Attempt, CommandError> {
        let Decision { world, outcome } = decision;
        let facts = outcome?;
        let correlated = command.correlation(&world).map(|id| Context { correlation_id: id, ..ctx.clone() });
        let ctx = correlated.as_ref().unwrap_or(ctx);
        let appends = self.appends(command.name(), &world, &facts, ctx).await?;
        let versions = written(&appends, &world);
        let batch = AppendBatch { command_id: ctx.command_id, appends };
        let appended = match self.log.append(batch).await {
            Ok(appended) => appended,
            Err(error) => match self.append_failed(error, ctx).await? {
                Some(appended) => appended,
                None => return Ok(Attempt::Conflict),
            },
        };
        if appended.duplicate {
            return self.rebuild(ctx, appended).await.map(|executed| Attempt::Done(Box::new(executed)));
        }
        self.remember(world, &facts, appended.last);
        let executed = Executed { position: appended.last, version_of: versions, facts, duplicate: false };
        Ok(Attempt::Done(Box::new(executed)))
    }

    /// `None`: a conflict. An unknown outcome is looked up once.
    async fn append_failed(&self, error: AppendError, ctx: &Context) -> Result<Option<Appended>, CommandError> {
        match error {
            AppendError::Conflict { .. } => Ok(None),
            AppendError::Invalid(reason) => Err(InternalError::Batch(reason).into()),
            AppendError::Overloaded { retry_after } => Err(CommandError::Unavailable { retry_after, cause: None }),
            AppendError::Unavailable(cause) => Err(self.unavailable(cause)),
            AppendError::OutcomeUnknown { command_id, .. } => match self.log.outcome(ctx.command_id).await {
                Ok(Some(appended)) => Ok(Some(Appended { duplicate: true, ..appended })),
                Ok(None) | Err(_) => Err(CommandError::OutcomeUnknown(command_id)),
            },
            error => Err(self.unavailable(StoreError::new("append", error))),
        }
    }

    fn remember(&self, mut world: World, facts: &[Fact], position: Position) {
        for fact in facts {
            world.evolve(&fact.stream, &fact.event);
        }
        for fact in facts {
            if let Some(seen) = world.streams().get(&fact.stream) {
                self.states.remember(&fact.stream, &seen.state, position);
            }
        }
    }

    pub(super) fn unavailable(&self, cause: StoreError) -> CommandError {
        CommandError::Unavailable { retry_after: self.limits.retry_after, cause: Some(cause) }
    }

    fn queue_full(&self) -> CommandError {
        CommandError::Unavailable { retry_after: self.limits.retry_after, cause: None }
    }

    pub(super) fn read_failed(&self, error: ReadError) -> CommandError {
        match error {
            ReadError::Store(cause) => self.unavailable(cause),
            ReadError::Internal(error) => error.into(),
        }
    }
}

/// The versions of the written streams after the append.
fn written(appends: &[StreamAppend], world: &World) -> BTreeMap<StreamId, u64> {
    let version = |append: &StreamAppend| {
        let before = world.state(&append.stream).map_or(0, crate::State::version);
        (append.stream.clone(), before + append.events.len() as u64)
    };
    appends.iter().filter(|append| !append.events.is_empty()).map(version).collect()
}
