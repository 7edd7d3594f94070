use std::collections::{BTreeMap, BTreeSet};

use wac_events::{
    AnyEvent, Cell, EventId, ExpectedVersion, KeyState, Meta, NewEvent, PersonalFields, StreamAppend, SubjectId,
    SubjectKey,
};

use super::{CommandError, InternalError, Shared};
use crate::{Context, Fact, Rejection, World};

impl Shared {
    /// The appends of a decision: its facts sealed and encoded, every stream it read asserted.
    pub(super) async fn appends(
        &self,
        command: &'static str,
        world: &World,
        facts: &[Fact],
        ctx: &Context,
    ) -> Result<Vec<StreamAppend>, CommandError> {
        let keys = self.keys_for(facts).await?;
        let mut metas: BTreeMap<Option<SubjectId>, String> = BTreeMap::new();
        let mut appends: Vec<StreamAppend> = Vec::with_capacity(world.streams().len());
        for fact in facts {
            let mut event = fact.event.clone();
            let subject = event.subject();
            let key_id = subject.filter(|_| has_clear(&mut event));
            if let Some(key) = key_id.as_ref().and_then(|subject| keys.get(subject)) {
                event.seal(key, &*self.env);
            }
            let meta = match metas.get(&key_id) {
                Some(meta) => meta.clone(),
                None => {
                    let meta = serde_json::to_string(&meta(ctx, key_id.clone())).map_err(InternalError::Meta)?;
                    metas.entry(key_id).or_insert(meta).clone()
                }
            };
            let new = NewEvent {
                event_id: EventId(self.env.new_uuid()),
                event_type: event.event_type(),
                schema_version: event.schema_version(),
                domain: fact.domain.clone(),
                data: event.encode().map_err(InternalError::Codec)?,
                meta,
                occurred_at: ctx.now,
            };
            match appends.iter_mut().find(|append| append.stream == fact.stream) {
                Some(append) => append.events.push(new),
                None => {
                    let Some(state) = world.state(&fact.stream) else {
                        let fault = "decided a fact of a stream it does not read";
                        return Err(InternalError::Command { command, fault }.into());
                    };
                    let expected = ExpectedVersion::Exact(state.version());
                    appends.push(StreamAppend { stream: fact.stream.clone(), expected, events: vec![new] });
                }
            }
        }
        let written = appends.len();
        for (stream, seen) in world.streams() {
            if !appends[..written].iter().any(|append| append.stream == *stream) {
                let expected = ExpectedVersion::Exact(seen.state.version());
                appends.push(StreamAppend { stream: stream.clone(), expected, events: Vec::new() });
            }
        }
        Ok(appends)
    }

    /// The keys that seal these facts; an erased subject's is a rejection.
    async fn keys_for(&self, facts: &[Fact]) -> Result<BTreeMap<SubjectId, SubjectKey>, CommandError> {
        let mut subjects = BTreeSet::new();
        for fact in facts {
            if let Some(subject) = fact.event.subject()
                && has_clear(&mut fact.event.clone())
            {
                subjects.insert(subject);
            }
        }
        let mut keys = BTreeMap::new();
        for subject in subjects {
            match self.keys.find_or_create(&subject).await.map_err(|cause| self.unavailable(cause))? {
                KeyState::Present(key) => {
                    keys.insert(subject, key);
                }
                KeyState::Absent | KeyState::Erased => return Err(Rejection::SubjectErased { subject }.into()),
            }
        }
        Ok(keys)
    }
}

fn has_clear(event: &mut AnyEvent) -> bool {
    let mut clear = false;
    event.protected(&mut |_, cell| clear |= matches!(cell, Cell::Clear(_)));
    clear
}

fn meta(ctx: &Context, key_id: Option<SubjectId>) -> Meta {
    Meta {
        actor: ctx.actor.clone(),
        command_id: ctx.command_id,
        correlation_id: ctx.correlation_id.clone(),
        causation_id: ctx.causation_id,
        traceparent: ctx.traceparent.clone(),
        session: ctx.session.clone(),
        key_id,
        request: ctx.request.clone(),
    }
}
