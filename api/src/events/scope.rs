//! Which events somebody asks for, and which of them he may see.

use wac_events::{DomainId, EventFilter, ID_BYTES_MAX, StreamId, catalogue};

use crate::policy::{Action, Target, allows};
use crate::problem::FieldError;
use crate::write::not_for_you;
use crate::{Caller, Platform, Problem};

/// Most event types one request names.
pub(crate) const TYPES_MAX: usize = 32;

/// What somebody asks for, as he wrote it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Only this stream.
    pub(crate) stream: Option<String>,
    /// Only these types; `user.*` stands for all of an aggregate's.
    pub(crate) types: Vec<String>,
    /// Only of this domain, by name or id.
    pub(crate) domain: Option<String>,
}

/// The filter behind a wish, narrowed to what the caller may see: an administrator sees
/// everything, a user the stream of his own record, others nothing (403).
pub(crate) async fn scope(platform: &Platform, caller: &Caller, wanted: Wanted) -> Result<EventFilter, Problem> {
    check_types(&wanted.types)?;
    let mut filter = EventFilter { types: wanted.types, ..EventFilter::default() };
    filter.stream = wanted.stream.map(|stream| text("stream", stream)).transpose()?.map(StreamId::from);
    if let Some(reference) = wanted.domain {
        let reference = text("domain", reference)?;
        // A domain that is gone is still found by its id.
        let named = platform.find_domain_by_name(&reference).await?;
        filter.domain = Some(named.unwrap_or_else(|| DomainId::from(reference)));
    }
    narrow(caller, filter)
}

fn narrow(caller: &Caller, mut filter: EventFilter) -> Result<EventFilter, Problem> {
    if allows(caller, Action::List, &Target::Events { domain: filter.domain.as_ref() }).is_allowed() {
        return Ok(filter);
    }
    let own = caller.user.as_ref().map(wac_events::UserId::stream);
    let stream = filter.stream.take().or(own).ok_or_else(not_for_you)?;
    if !allows(caller, Action::Read, &Target::Stream(&stream)).is_allowed() {
        return Err(not_for_you());
    }
    Ok(EventFilter { stream: Some(stream), ..filter })
}

fn text(name: &str, value: String) -> Result<String, Problem> {
    let bounded = (1..=2 * ID_BYTES_MAX).contains(&value.len()) && !value.contains('\0');
    let wrong = || Problem::parameter(name, "range", format!("`{name}` has 1 to {} characters.", 2 * ID_BYTES_MAX));
    if bounded { Ok(value) } else { Err(wrong()) }
}

/// 400 naming each type there is not.
pub(crate) fn check_types(types: &[String]) -> Result<(), Problem> {
    if types.len() > TYPES_MAX {
        return Err(Problem::parameter(
            "type",
            "too_many",
            format!("At most {TYPES_MAX} types are asked for at once."),
        ));
    }
    let known = |wanted: &str| match wanted.strip_suffix(".*") {
        Some(aggregate) => catalogue().any(|info| info.aggregate == aggregate),
        None => catalogue().any(|info| info.event_type == wanted),
    };
    let unknown = types.iter().filter(|wanted| !known(wanted)).map(|wanted| FieldError {
        pointer: "?type".to_owned(),
        code: "event_type_unknown".into(),
        detail: format!("There is no event type `{wanted}`; /sapi/events/types lists them."),
    });
    let errors: Vec<FieldError> = unknown.collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::fields(errors)) }
}
