use std::collections::BTreeMap;

use wac_events::{Appended, EventFilter, Position, READ_EVENTS_MAX, ReadRequest, Recorded};

use super::{CommandError, Executed, InternalError, Shared};
use crate::{Context, Fact};

impl Shared {
    /// The result of a command that was executed before, rebuilt from the log.
    pub(super) async fn rebuild(&self, ctx: &Context, appended: Appended) -> Result<Executed, CommandError> {
        let recorded = self.events_between(appended).await?;
        let Some(first) = recorded.first() else { return Err(InternalError::Missing(ctx.command_id).into()) };
        if first.meta().map_err(InternalError::Meta)?.request != ctx.request {
            return Err(CommandError::IdempotencyMismatch);
        }
        let events = self.states.decode(&recorded).await.map_err(|error| self.read_failed(error))?;
        let mut version_of = BTreeMap::new();
        let mut facts = Vec::with_capacity(events.len());
        for (recorded, event) in recorded.into_iter().zip(events) {
            version_of.insert(recorded.stream.clone(), recorded.version);
            facts.push(Fact { stream: recorded.stream, domain: recorded.domain, event });
        }
        Ok(Executed { position: appended.last, version_of, facts, duplicate: true })
    }

    async fn events_between(&self, appended: Appended) -> Result<Vec<Recorded>, CommandError> {
        let mut after = Position(appended.first.0.saturating_sub(1));
        let mut events = Vec::new();
        while after < appended.last {
            let request = ReadRequest {
                after,
                before: Some(Position(appended.last.0 + 1)),
                filter: EventFilter::default(),
                limit: READ_EVENTS_MAX,
            };
            let page = self.log.read(request).await.map_err(|cause| self.unavailable(cause))?;
            if page.scanned_to <= after {
                break;
            }
            after = page.scanned_to;
            events.extend(page.events);
        }
        Ok(events)
    }
}
