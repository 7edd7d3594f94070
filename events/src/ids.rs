//! Identifiers. Every id is an opaque string in its own type; new ones are UUIDv7 in their
//! canonical text form, ids of an imported system (24 hex digits) are kept as they are.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::{Time, hex};

/// Longest id accepted from outside, in bytes.
pub const ID_BYTES_MAX: usize = 128;

/// Reads text into the one allocation it stays in: every event holds several ids.
struct SharedText;

impl Visitor<'_> for SharedText {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Arc<str>, E> {
        Ok(text.into())
    }
}

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(transparent)]
        pub struct $name(#[schemars(with = "String")] Arc<str>);

        impl $name {
            /// Wraps `text` as it is; the caller has made or read it.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id.to_string().into())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(SharedText).map(Self)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

string_id!(
    /// A domain (tenant).
    DomainId
);
string_id!(
    /// A user; `wac-user:<id>` as a URI.
    UserId
);
string_id!(
    /// A credential of a user, or of a domain's anonymous pool.
    CredentialId
);
string_id!(
    /// A registered OAuth2 client (`client_id` of RFC 6749).
    ClientId
);
string_id!(
    /// A token family: one grant with the access and refresh tokens that followed from it.
    TokenId
);
string_id!(
    /// A session: a device of a user, under the id of the token family whose grant opened it.
    SessionId
);
string_id!(
    /// A room, within its domain.
    RoomId
);
string_id!(
    /// One opening of a room: 64 hex digits, the `uuid` and `room` of the signaling protocol. Ids
    /// rise with the time of the opening.
    OpeningId
);
string_id!(
    /// An invitation.
    InviteId
);
string_id!(
    /// A transfer.
    TransferId
);
string_id!(
    /// A users group; `wac-group:<id>` as a URI.
    GroupId
);
string_id!(
    /// A media session: one device's media in one opening of a room.
    MediaSessionId
);
string_id!(
    /// One start of one process.
    NodeId
);
string_id!(
    /// Whoever personal data belongs to; holder of one encryption key. A user's subject is the
    /// user's id, a domain's pool secrets have the subject `domain-<id>`.
    SubjectId
);
string_id!(
    /// `<aggregate>-<id>`: one stream of the log.
    StreamId
);

impl OpeningId {
    /// A new id: the time in microseconds since the epoch as 16 hex digits, then 48 random ones.
    pub fn at(opened: Time, random: [u8; 24]) -> Self {
        Self(format!("{}{}", Self::least_at(opened), hex(&random)).into())
    }

    /// Not greater than the id of anything opened at `time` or later, and greater than that of
    /// anything opened before.
    pub fn least_at(time: Time) -> String {
        format!("{:016x}", u64::try_from(time.micros()).unwrap_or_default())
    }
}

impl SubjectId {
    /// The subject a user's personal data is encrypted for.
    pub fn of_user(user: &UserId) -> Self {
        Self(user.0.clone())
    }

    /// The subject of secrets that belong to a domain and to no user.
    pub fn of_domain(domain: &DomainId) -> Self {
        Self(format!("domain-{domain}").into())
    }
}

impl StreamId {
    /// `<aggregate>-<id>`.
    pub fn of(aggregate: &str, id: &str) -> Self {
        Self(format!("{aggregate}-{id}").into())
    }

    /// The aggregate's name: what stands before the first `-`.
    pub fn aggregate(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(aggregate, _)| aggregate)
    }

    /// The aggregate's id: what stands behind the first `-`.
    pub fn id(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, id)| id)
    }
}

/// Id of one event. UUIDv7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

/// Id of one command; the key of idempotency. The same id never appends twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CommandId(pub Uuid);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl CommandId {
    /// A command id that is a function of `scope` and `key`, for idempotency keys of clients
    /// (`scope` = the caller) and for process managers (`scope` = manager, `key` = causing event).
    pub fn derived(scope: &str, key: &str) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6f0d_9f5c_51c5_4b0e_9d55_77ac_0c0f_fee1);
        let name = format!("{}:{scope}{key}", scope.len());
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
    }
}

/// Place in the whole log: 1, 2, 3 … without gaps, in commit order. 0 is "before everything".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Position = Position(0);
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_sort_by_the_time_they_were_made_at() {
        let at = |micros, fill| OpeningId::at(Time::from_micros(micros), [fill; 24]);
        let (earlier, later) = (at(1_700_000_000_000_000, 0xff), at(1_700_000_000_000_001, 0));
        assert!(earlier < later);
        assert_eq!((later.as_str().len(), later.as_str().bytes().all(|byte| byte.is_ascii_hexdigit())), (64, true));
        let least = OpeningId::least_at(Time::from_micros(1_700_000_000_000_001));
        assert!(earlier.as_str() < least.as_str() && least.as_str() <= later.as_str());
    }
}
