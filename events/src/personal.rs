//! Personal data and secrets inside events.
//!
//! In memory a protected field is clear; on its way into the log it is sealed under its subject's
//! key. Serialising a clear one is an error, so that nothing reaches a disk or a wire unsealed by
//! oversight. Destroying the key (crypto-shredding) makes every copy of it, in backups too, unreadable.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Environment, SubjectId};

/// The JSON key under which sealed personal text stands: `{"$personal": "<subject>.<base64url>"}`.
pub const PERSONAL_TAG: &str = "$personal";
/// The JSON key under which a sealed secret stands. Secrets are never shown in event listings.
pub const SECRET_TAG: &str = "$secret";

const NONCE_BYTES: usize = 24;

/// The content of a protected field in its three lives.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// Readable, in memory only.
    Clear(String),
    /// `<subject>.<base64url(nonce ‖ ciphertext ‖ tag)>`, as it stands in the log.
    Sealed(String),
    /// Its key has been destroyed.
    Erased,
}

impl Cell {
    /// The clear text, if there is one.
    pub fn clear(&self) -> Option<&str> {
        match self {
            Cell::Clear(text) => Some(text),
            Cell::Sealed(_) | Cell::Erased => None,
        }
    }

    /// The subject whose key opens a sealed cell.
    pub fn subject(&self) -> Option<SubjectId> {
        match self {
            Cell::Sealed(text) => text.rsplit_once('.').map(|(subject, _)| SubjectId::from(subject)),
            Cell::Clear(_) | Cell::Erased => None,
        }
    }

    /// Seals a clear cell; others stay. `field` is bound into the ciphertext.
    pub fn seal(&mut self, field: &str, key: &SubjectKey, env: &dyn Environment) {
        if let Cell::Clear(text) = self {
            *self = Cell::Sealed(key.seal(field, text, env));
        }
    }

    /// Opens a sealed cell with `key`, or marks it erased where there is none.
    pub fn open(&mut self, field: &str, key: Option<&SubjectKey>) -> Result<(), OpenError> {
        if let Cell::Sealed(text) = self {
            *self = match key {
                Some(key) => Cell::Clear(key.open(field, text)?),
                None => Cell::Erased,
            };
        }
        Ok(())
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cell::Clear(_) => "<personal>",
            Cell::Sealed(_) => "<sealed>",
            Cell::Erased => "<erased>",
        })
    }
}

/// Reads `{"<tag>": "<sealed>"}` or, of an erased field, `{}`. Every event of a person passes through
/// here on every replay, so it allocates the sealed text and nothing else.
struct SealedVisitor(&'static str);

impl<'de> Visitor<'de> for SealedVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the one key {:?}, or an empty one", self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some(ExpectedKey) = map.next_key_seed(KeySeed(self.0))? else { return Ok(None) };
        let text = map.next_value()?;
        match map.next_key_seed(KeySeed(self.0))? {
            None => Ok(Some(text)),
            Some(ExpectedKey) => Err(A::Error::custom(format!("{:?} stands twice", self.0))),
        }
    }
}

struct ExpectedKey;

struct KeySeed(&'static str);

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = ExpectedKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ExpectedKey, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = ExpectedKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<ExpectedKey, E> {
        if key == self.0 { Ok(ExpectedKey) } else { Err(E::custom(format!("expected {:?}, found {key:?}", self.0))) }
    }
}

macro_rules! protected {
    ($(#[$doc:meta])* $name:ident, $tag:expr, $description:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub Cell);

        impl $name {
            /// A clear value, to be sealed before it is stored.
            pub fn new(text: impl Into<String>) -> Self {
                Self(Cell::Clear(text.into()))
            }

            /// The clear text, if there is one.
            pub fn clear(&self) -> Option<&str> {
                self.0.clear()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match &self.0 {
                    Cell::Clear(_) => Err(S::Error::custom("a protected field must be sealed before it is serialised")),
                    Cell::Sealed(text) => {
                        let mut map = serializer.serialize_map(Some(1))?;
                        map.serialize_entry($tag, text)?;
                        map.end()
                    }
                    Cell::Erased => serializer.serialize_map(Some(0))?.end(),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match deserializer.deserialize_map(SealedVisitor($tag))? {
                    Some(text) => Ok(Self(Cell::Sealed(text))),
                    None => Ok(Self(Cell::Erased)),
                }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "object",
                    "description": $description,
                    "properties": { $tag: { "type": "string" } },
                    "additionalProperties": false
                })
            }
        }
    };
}

protected!(
    /// Personal text: shown, opened, to those who may see the person; erased with the person.
    Personal,
    PERSONAL_TAG,
    "Personal data, sealed under its subject's key; an empty object once erased."
);
protected!(
    /// A secret (password hash, SIP password): stored sealed, never shown in an event listing.
    Secret,
    SECRET_TAG,
    "A secret, sealed under its subject's key; never shown; an empty object once erased."
);

/// Why a sealed text could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not `<subject>.<base64url>`.
    #[error("sealed field {field:?} is not of the form <subject>.<base64url>")]
    Malformed {
        /// The field's name.
        field: String,
    },
    /// The wrong key, the wrong field, or altered bytes.
    #[error("sealed field {field:?} does not open with its subject's key")]
    Mismatch {
        /// The field's name.
        field: String,
    },
}

/// One subject's data key. Its bytes are wiped when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SubjectKey {
    #[zeroize(skip)]
    subject: SubjectId,
    bytes: [u8; 32],
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectKey({})", self.subject)
    }
}

impl SubjectKey {
    /// A new random key for `subject`.
    pub fn generate(subject: SubjectId, env: &dyn Environment) -> Self {
        let mut bytes = [0u8; 32];
        env.fill(&mut bytes);
        Self { subject, bytes }
    }

    /// Whose key this is.
    pub fn subject(&self) -> &SubjectId {
        &self.subject
    }

    fn seal(&self, field: &str, text: &str, env: &dyn Environment) -> String {
        let sealed = seal_bytes(&self.bytes, &self.aad(field), text.as_bytes(), env);
        format!("{}.{}", self.subject, URL_SAFE_NO_PAD.encode(sealed))
    }

    fn open(&self, field: &str, sealed: &str) -> Result<String, OpenError> {
        let malformed = || OpenError::Malformed { field: field.to_owned() };
        let mismatch = || OpenError::Mismatch { field: field.to_owned() };
        let (_, body) = sealed.rsplit_once('.').ok_or_else(malformed)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| malformed())?;
        let clear = open_bytes(&self.bytes, &self.aad(field), &body).ok_or_else(mismatch)?;
        String::from_utf8(clear).map_err(|_| mismatch())
    }

    fn aad(&self, field: &str) -> Vec<u8> {
        format!("wac-field\0{}\0{field}", self.subject).into_bytes()
    }
}

/// The deployment's own key: wraps subject keys, and keys the hashes of reserved names.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// From its 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the text form (base64url without padding, 43 characters).
    pub fn parse(text: &str) -> Option<Self> {
        let mut decoded = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        let bytes = <[u8; 32]>::try_from(decoded.as_slice()).ok();
        decoded.zeroize();
        bytes.map(Self)
    }

    /// The text form, for the key file.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Encrypts a subject's key for storage outside the log.
    pub fn wrap(&self, key: &SubjectKey, env: &dyn Environment) -> Vec<u8> {
        seal_bytes(&self.0, &wrap_aad(&key.subject), &key.bytes, env)
    }

    /// Reads a wrapped key; `None` if it was wrapped by another master key or for another subject.
    pub fn unwrap(&self, subject: &SubjectId, wrapped: &[u8]) -> Option<SubjectKey> {
        let mut clear = open_bytes(&self.0, &wrap_aad(subject), wrapped)?;
        let bytes = <[u8; 32]>::try_from(clear.as_slice()).ok();
        clear.zeroize();
        Some(SubjectKey { subject: subject.clone(), bytes: bytes? })
    }

    /// A keyed hash (HMAC-SHA-256, hex) of `text` for `purpose`; equal texts give equal hashes, and
    /// without the key nobody can try names.
    pub fn keyed_hash(&self, purpose: &str, text: &str) -> String {
        use hmac::{KeyInit as _, Mac};
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

fn wrap_aad(subject: &SubjectId) -> Vec<u8> {
    format!("wac-subject-key\0{subject}").into_bytes()
}

fn seal_bytes(key: &[u8; 32], aad: &[u8], clear: &[u8], env: &dyn Environment) -> Vec<u8> {
    let mut nonce = [0u8; NONCE_BYTES];
    env.fill(&mut nonce);
    let body = XChaCha20Poly1305::new(&(*key).into())
        .encrypt(&XNonce::from(nonce), Payload { msg: clear, aad })
        .expect("XChaCha20-Poly1305 encrypts any text shorter than 256 GiB");
    let mut sealed = nonce.to_vec();
    sealed.extend_from_slice(&body);
    sealed
}

fn open_bytes(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = sealed.split_at_checked(NONCE_BYTES)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    XChaCha20Poly1305::new(&(*key).into()).decrypt(&XNonce::from(nonce), Payload { msg: body, aad }).ok()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
