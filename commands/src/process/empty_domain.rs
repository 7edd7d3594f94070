use super::{Listing, Lookup};
use crate::{CommandError, CommandHandler, Context, DeleteDomain, Executed, Idempotency, InspectDomain, Rejection};
use wac_events::{CommandId, Position};

/// Removes a domain that is empty; one that is not is [`Rejection::DomainNotEmpty`]. Race-free: see
/// [`InspectDomain`]. `command.inspection` is chosen here; `command.cascade` must be false.
///
/// Errors: as [`CommandHandler::execute`]; [`CommandError::Unavailable`] if the read models do not
/// get to the inspection in time.
pub async fn delete_empty_domain(
    handler: &CommandHandler,
    lookup: &dyn Lookup,
    mut command: DeleteDomain,
    ctx: Context,
) -> Result<Executed, CommandError> {
    if ctx.idempotency != Idempotency::Append
        && let Some(executed) = handler.repeated(&ctx).await?
    {
        return Ok(executed);
    }
    let inspection = handler.environment().new_uuid().to_string();
    let inspect = InspectDomain { id: command.id.clone(), inspection: inspection.clone() };
    let inspected = Context {
        command_id: CommandId::derived("inspect_domain", &inspection),
        request: None,
        idempotency: Idempotency::Append,
        ..ctx.clone()
    };
    let seen = handler.execute(&inspect, inspected).await?.position;
    for listing in [Listing::UsersOf(command.id.clone()), Listing::ChildDomainsOf(command.id.clone())] {
        if !is_empty(handler, lookup, &listing, seen).await? {
            return Err(Rejection::DomainNotEmpty.into());
        }
    }
    command.inspection = Some(inspection);
    handler.execute(&command, ctx).await
}

async fn is_empty(
    handler: &CommandHandler,
    lookup: &dyn Lookup,
    listing: &Listing,
    seen: Position,
) -> Result<bool, CommandError> {
    let found = lookup.list(listing, None, 1, seen).await.map_err(|cause| handler.busy(cause))?;
    Ok(found.is_empty())
}
