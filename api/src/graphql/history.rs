//! `history`: who changed which field of an object when, and on account of what. A fold of the
//! object's stream as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_graphql::Context;
use serde_json::{Map, Value};
use wac_events::{
    AnyEvent, CodecError, PERSONAL_TAG, Position, READ_EVENTS_MAX, Recorded, SECRET_TAG, StreamId, SubjectId, UserId,
};

use super::events::{FieldChange, History, HistoryEntry};
use super::session::{platform, session};
use crate::events::{Keys, Shown, keys_of, show};
use crate::policy::{Action, Target, allows};
use crate::write::not_for_you;
use crate::{Platform, Problem};

/// Most events of one object that are folded.
pub const HISTORY_EVENTS_MAX: usize = READ_EVENTS_MAX;
/// Most steps of one page.
pub const HISTORY_ENTRIES_MAX: usize = 1_000;

/// Fields of a payload that say when, not what.
const NOT_STATE: [&str; 1] = ["at"];

/// Which part of a history.
pub(super) struct Part {
    /// Only positions greater than this.
    pub(super) after: Position,
    /// Only positions up to this.
    pub(super) until: Option<Position>,
    /// At most this many steps.
    pub(super) limit: usize,
}

/// The history of a stream, if the caller may see it.
pub(super) async fn history(ctx: &Context<'_>, stream: StreamId, part: Part) -> Result<History, Problem> {
    let (platform, session) = (platform(ctx), session(ctx));
    if !allows(&session.caller, Action::Read, &Target::Stream(&stream)).is_allowed() {
        return Err(not_for_you());
    }
    let mut events = read(platform, &stream).await?;
    if stream.aggregate() == "user" {
        // What happened to the person's data stands in a stream of its own.
        let subject = SubjectId::of_user(&UserId::from(stream.id()));
        events.extend(read(platform, &subject.stream()).await?);
        events.sort_by_key(|event| event.position);
    }
    events.retain(|event| part.until.is_none_or(|until| event.position <= until));
    let mut steps = Vec::with_capacity(events.len());
    for event in events {
        let payload = newest(&event)?;
        steps.push((event, payload));
    }
    let payloads: Vec<Value> = steps.iter().map(|(_, payload)| payload.clone()).collect();
    let keys = keys_of(&payloads, &*platform.keys).await?;
    let mut fold = Fold::default();
    let moment = session.present(platform);
    let mut entries = Vec::new();
    let mut has_next_page = false;
    for (event, payload) in steps {
        let wanted = event.position > part.after;
        if wanted && entries.len() >= part.limit {
            has_next_page = true;
            break;
        }
        let changes = fold.apply(&event.event_type, &payload, &keys);
        if wanted {
            let raw = serde_json::from_str(&event.data).map_err(|error| Problem::internal(&error))?;
            let shown: Arc<Shown> = Arc::new(show(event, raw, &keys)?);
            entries.push(HistoryEntry { shown, changes, moment: moment.clone() });
        }
    }
    Ok(History { stream: stream.to_string(), entries, has_next_page })
}

async fn read(platform: &Platform, stream: &StreamId) -> Result<Vec<Recorded>, Problem> {
    let events = platform.log.read_stream(stream, 1, HISTORY_EVENTS_MAX).await?;
    if events.len() >= HISTORY_EVENTS_MAX {
        let detail = format!("This stream has {HISTORY_EVENTS_MAX} events or more; read them with `events`.");
        return Err(Problem::invalid("history_too_long", detail));
    }
    Ok(events)
}

/// A payload in its newest shape, protected fields sealed; as it is if this program does not know it.
fn newest(event: &Recorded) -> Result<Value, Problem> {
    let text = match AnyEvent::decode_recorded(event) {
        Ok(decoded) => decoded.encode().map_err(|error| Problem::internal(&error))?,
        Err(CodecError::Unknown { .. }) => event.data.clone(),
        Err(error) => return Err(Problem::internal(&error)),
    };
    serde_json::from_str(&text).map_err(|error| Problem::internal(&error))
}

/// The object's fields so far, opened.
#[derive(Default)]
struct Fold {
    fields: BTreeMap<String, Field>,
}

/// One field as it may be shown.
#[derive(Clone, Default, PartialEq)]
struct Field {
    value: Value,
    erased: bool,
    secret: bool,
}

impl Fold {
    /// What an event changes, by the last part of its name: `created`, `issued` and `taken` set
    /// every field, `changed` and all others set those they carry, and an end takes all away.
    fn apply(&mut self, event_type: &str, payload: &Value, keys: &Keys) -> Vec<FieldChange> {
        let what = event_type.split_once('.').map_or(event_type, |(_, what)| what);
        let mut changes = Vec::new();
        match what {
            "deleted" => {
                for (name, field) in std::mem::take(&mut self.fields) {
                    let differs = field.value != Value::Null || field.erased || field.secret;
                    changes.extend(differs.then(|| change(name, field, Field::default())));
                }
            }
            "closing" => self.set("closing", plain(true.into()), &mut changes),
            "erased" => self.set("erased", plain(true.into()), &mut changes),
            "revoked" => {
                self.set("revoked", plain(payload.get("reason").cloned().unwrap_or(true.into())), &mut changes);
            }
            "leased" => self.set("lease", plain(payload.clone()), &mut changes),
            "lease_released" => self.set("lease", Field::default(), &mut changes),
            _ => {
                let none = Map::new();
                let fields = payload.as_object().unwrap_or(&none).iter();
                for (name, value) in fields.filter(|(name, _)| !NOT_STATE.contains(&name.as_str())) {
                    let field = open(name, value, keys);
                    self.set(name, field, &mut changes);
                }
            }
        }
        changes
    }

    fn set(&mut self, name: &str, to: Field, changes: &mut Vec<FieldChange>) {
        let from = self.fields.insert(name.to_owned(), to.clone()).unwrap_or_default();
        // A change event carries only what has changed: what cannot be read has changed, too.
        if from.value != to.value || to.erased || to.secret {
            changes.push(change(name.to_owned(), from, to));
        }
    }
}

fn plain(value: Value) -> Field {
    Field { value, ..Field::default() }
}

fn change(field: String, from: Field, to: Field) -> FieldChange {
    let (erased, secret) = (from.erased || to.erased, from.secret || to.secret);
    FieldChange { field, from: from.value, to: to.value, erased, secret }
}

/// Opens one field by its own name, which its seal is bound to.
fn open(name: &str, value: &Value, keys: &Keys) -> Field {
    let mut wrapped = Value::Object(Map::from_iter([(name.to_owned(), value.clone())]));
    let erased = wac_events::open_for_display(&mut wrapped, &|subject| keys.get(subject).cloned());
    let value_shown = wrapped.get_mut(name).map(Value::take).unwrap_or_default();
    // Sealed and gone even from the row: an empty object stands for what was erased before.
    let emptied = value.as_object().is_some_and(|map| map.contains_key(PERSONAL_TAG)) && value_shown.is_null();
    let secret = value.as_object().is_some_and(|map| map.contains_key(SECRET_TAG));
    Field { value: value_shown, erased: erased || emptied, secret }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(changes: &[FieldChange]) -> Vec<(&str, &Value, &Value)> {
        changes.iter().map(|change| (change.field.as_str(), &change.from, &change.to)).collect()
    }

    #[test]
    fn a_field_is_told_with_what_it_was_and_became() {
        let mut fold = Fold::default();
        let keys = Keys::new();
        fold.apply("domain.created", &json!({ "name": "a", "parent": null, "at": "2026-01-01T00:00:00Z" }), &keys);
        let changed = fold.apply("domain.changed", &json!({ "name": "b" }), &keys);
        assert_eq!(names(&changed), [("name", &json!("a"), &json!("b"))]);
        let closing = fold.apply("domain.closing", &json!({ "at": "2026-01-01T00:00:00Z" }), &keys);
        assert_eq!(names(&closing), [("closing", &json!(null), &json!(true))]);
        let deleted = fold.apply("domain.deleted", &json!({ "name": "b" }), &keys);
        let gone = [("closing", &json!(true), &json!(null)), ("name", &json!("b"), &json!(null))];
        assert_eq!(names(&deleted), gone);
    }

    #[test]
    fn what_is_sealed_under_a_lost_key_has_changed_but_cannot_be_told() {
        let mut fold = Fold::default();
        let sealed = |text: &str| json!({ "email": { PERSONAL_TAG: format!("u1.{text}") } });
        fold.apply("user.created", &sealed("AAAA"), &Keys::new());
        let changed = fold.apply("user.changed", &sealed("BBBB"), &Keys::new());
        assert_eq!(names(&changed), [("email", &json!(null), &json!(null))]);
        assert!(changed[0].erased && !changed[0].secret);
        let secret = fold.apply("credential.changed", &json!({ "data": { SECRET_TAG: "u1.AAAA" } }), &Keys::new());
        assert!(secret[0].secret && secret[0].to.is_null());
    }
}
