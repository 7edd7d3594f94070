//! From enum to wire and back: wire names, schema versions, upcasting, sealing.

use serde_json::Value;

use crate::personal::Cell;
use crate::{Environment, OpenError, Recorded, SubjectId, SubjectKey};

/// A payload's protected fields, and whom they belong to.
pub trait PersonalFields {
    /// Whose key seals this payload's protected fields; `None` if it has none.
    fn subject(&self) -> Option<SubjectId> {
        None
    }

    /// Visits every protected field with the name it has on the wire.
    fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut Cell)) {
        let _ = visit;
    }
}

/// One aggregate's events.
pub trait Event: PersonalFields + Clone + Sized + Send + Sync + 'static {
    /// The aggregate's name: first part of its streams and of its wire names.
    const AGGREGATE: &'static str;

    /// Wire name, `user.created`.
    fn event_type(&self) -> &'static str;

    /// The newest version of this event's payload.
    fn schema_version(&self) -> u32;

    /// JSON of the payload. Its protected fields must be sealed.
    fn encode(&self) -> Result<String, CodecError>;

    /// Decodes a payload of any version there has ever been into the newest shape.
    fn decode(event_type: &str, schema_version: u32, data: &str) -> Result<Self, CodecError>;

    /// Decodes what stands in the log. Protected fields stay sealed.
    fn decode_recorded(recorded: &Recorded) -> Result<Self, CodecError> {
        Self::decode(&recorded.event_type, recorded.schema_version, &recorded.data)
    }

    /// Seals every clear protected field.
    fn seal(&mut self, key: &SubjectKey, env: &dyn Environment) {
        self.protected(&mut |field, cell| cell.seal(field, key, env));
    }

    /// Opens every sealed protected field, or marks it erased where there is no key.
    fn open(&mut self, key: Option<&SubjectKey>) -> Result<(), OpenError> {
        let mut outcome = Ok(());
        self.protected(&mut |field, cell| {
            if let Err(error) = cell.open(field, key) {
                outcome = Err(error);
            }
        });
        outcome
    }
}

/// Why bytes and events do not go together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// This binary does not know the type, or not this version of it: written by a newer one.
    /// Such events are counted and parked, never dropped.
    #[error("unknown event type {event_type} version {schema_version}")]
    Unknown {
        /// Wire name.
        event_type: String,
        /// Version.
        schema_version: u32,
    },
    /// A known type whose payload does not decode.
    #[error("payload of {event_type} version {schema_version}: {source}")]
    Payload {
        /// Wire name.
        event_type: String,
        /// Version.
        schema_version: u32,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A payload that cannot be written; a clear protected field is one reason.
    #[error("payload of {event_type} cannot be encoded: {source}")]
    Encode {
        /// Wire name.
        event_type: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// One event type in the catalogue: what schemas, samples and documentation are made from.
#[derive(Clone, Copy)]
pub struct EventTypeInfo {
    /// Wire name.
    pub event_type: &'static str,
    /// Newest schema version.
    pub schema_version: u32,
    /// Older versions that still decode.
    pub older_versions: &'static [u32],
    /// The aggregate.
    pub aggregate: &'static str,
    /// JSON Schema of the newest payload.
    pub schema: fn() -> Value,
    /// JSON Schemas of the payloads of [`EventTypeInfo::older_versions`], in the same order.
    pub older_schemas: &'static [fn() -> Value],
}

/// Opens every protected field in an event's JSON for showing: personal fields become plain
/// strings or, without a key, `null`; secrets always become `null`. Returns whether anything in it
/// has been erased.
pub fn open_for_display(data: &mut Value, key: &dyn Fn(&SubjectId) -> Option<SubjectKey>) -> bool {
    fn walk(field: &str, value: &mut Value, key: &dyn Fn(&SubjectId) -> Option<SubjectKey>) -> bool {
        match value {
            Value::Array(items) => {
                let mut erased = false;
                items.iter_mut().for_each(|item| erased |= walk(field, item, key));
                erased
            }
            Value::Object(map) => {
                if let Some(Value::String(sealed)) = map.get(crate::PERSONAL_TAG) {
                    let mut cell = Cell::Sealed(sealed.clone());
                    let subject_key = cell.subject().and_then(|subject| key(&subject));
                    let opened = cell.open(field, subject_key.as_ref()).is_ok();
                    *value = cell.clear().map_or(Value::Null, |text| Value::String(text.to_owned()));
                    return opened && subject_key.is_none();
                }
                if map.contains_key(crate::SECRET_TAG) {
                    *value = Value::Null;
                    return false;
                }
                let mut erased = false;
                map.iter_mut().for_each(|(name, item)| erased |= walk(name, item, key));
                erased
            }
            _ => false,
        }
    }
    walk("", data, key)
}

/// Declares one aggregate's events: the enum, its wire names and versions, its codec and its
/// catalogue. `upcast n => Old` names the payload of an older version; `From<Old>` for the newest
/// payload does the rest.
macro_rules! aggregate_events {
    (
        $(#[$doc:meta])*
        pub enum $name:ident in $aggregate:literal {
            $(
                $(#[$vdoc:meta])*
                $variant:ident($payload:ty) = $wire:literal, $version:literal $(, upcast $old:literal => $old_payload:ty)*;
            )+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $( $(#[$vdoc])* $variant($payload), )+
        }

        $(
            impl From<$payload> for $name {
                fn from(payload: $payload) -> Self {
                    Self::$variant(payload)
                }
            }
        )+

        impl $crate::PersonalFields for $name {
            fn subject(&self) -> Option<$crate::SubjectId> {
                match self { $( Self::$variant(payload) => payload.subject(), )+ }
            }

            fn protected(&mut self, visit: &mut dyn FnMut(&'static str, &mut $crate::Cell)) {
                match self { $( Self::$variant(payload) => payload.protected(visit), )+ }
            }
        }

        impl $crate::Event for $name {
            const AGGREGATE: &'static str = $aggregate;

            fn event_type(&self) -> &'static str {
                match self { $( Self::$variant(_) => $wire, )+ }
            }

            fn schema_version(&self) -> u32 {
                match self { $( Self::$variant(_) => $version, )+ }
            }

            fn encode(&self) -> Result<String, $crate::CodecError> {
                match self {
                    $( Self::$variant(payload) => serde_json::to_string(payload), )+
                }
                .map_err(|source| $crate::CodecError::Encode { event_type: self.event_type(), source })
            }

            fn decode(event_type: &str, schema_version: u32, data: &str) -> Result<Self, $crate::CodecError> {
                let decoded = match (event_type, schema_version) {
                    $(
                        ($wire, $version) => serde_json::from_str::<$payload>(data).map(Self::$variant),
                        $(
                            ($wire, $old) => serde_json::from_str::<$old_payload>(data)
                                .map(|old| Self::$variant(<$payload>::from(old))),
                        )*
                    )+
                    _ => return Err($crate::CodecError::Unknown {
                        event_type: event_type.to_owned(),
                        schema_version,
                    }),
                };
                decoded.map_err(|source| $crate::CodecError::Payload {
                    event_type: event_type.to_owned(),
                    schema_version,
                    source,
                })
            }
        }

        impl $name {
            /// This aggregate's part of the catalogue.
            pub const TYPES: &'static [$crate::EventTypeInfo] = &[
                $(
                    $crate::EventTypeInfo {
                        event_type: $wire,
                        schema_version: $version,
                        older_versions: &[$($old),*],
                        aggregate: $aggregate,
                        schema: || serde_json::to_value(schemars::schema_for!($payload))
                            .expect("a schema is plain JSON"),
                        older_schemas: &[$(
                            || serde_json::to_value(schemars::schema_for!($old_payload))
                                .expect("a schema is plain JSON"),
                        )*],
                    },
                )+
            ];
        }
    };
}
pub(crate) use aggregate_events;
