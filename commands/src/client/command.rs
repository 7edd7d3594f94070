use wac_events::{ClientId, DomainId, GrantKind, StreamId};

use crate::{Command, Context, Fact, Rejection, World};

/// Registers a client.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateClient {
    /// Its id, never used before.
    pub id: ClientId,
    /// Its name, for people.
    pub name: String,
    /// Where an authorization answer may go.
    pub redirect_uris: Vec<String>,
    /// How it may obtain tokens.
    pub grants: Vec<GrantKind>,
    /// Its domain.
    pub domain: DomainId,
    /// Whether users are not asked for consent.
    pub trusted: bool,
    /// Lifetime of access tokens in seconds; `None`: the default.
    pub access_token_expiration_s: Option<u64>,
    /// Lifetime of refresh tokens in seconds; `None`: the default.
    pub refresh_token_expiration_s: Option<u64>,
    /// SHA-256 of its secret, hex; `None`: a public client.
    pub secret_hash: Option<String>,
}

/// New values of a client's fields; `None` keeps the old one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientChanges {
    /// New name.
    pub name: Option<String>,
    /// New redirect URIs.
    pub redirect_uris: Option<Vec<String>>,
    /// New grants.
    pub grants: Option<Vec<GrantKind>>,
    /// Trusted or not.
    pub trusted: Option<bool>,
    /// New lifetime of access tokens in seconds; `Some(None)`: the default.
    pub access_token_expiration_s: Option<Option<u64>>,
    /// New lifetime of refresh tokens in seconds; `Some(None)`: the default.
    pub refresh_token_expiration_s: Option<Option<u64>>,
}

/// Changes a client. Its domain stays.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeClient {
    /// Which.
    pub id: ClientId,
    /// What.
    pub changes: ClientChanges,
    /// The version it must be at (`If-Match`).
    pub expected_version: Option<u64>,
}

/// Gives a client a new secret; a public client becomes a confidential one.
#[derive(Clone, Debug, PartialEq)]
pub struct RotateClientSecret {
    /// Which.
    pub id: ClientId,
    /// SHA-256 of the new secret, hex.
    pub secret_hash: String,
    /// The version it must be at (`If-Match`).
    pub expected_version: Option<u64>,
}

/// Removes a client; its tokens follow.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteClient {
    /// Which.
    pub id: ClientId,
    /// The version it must be at (`If-Match`).
    pub expected_version: Option<u64>,
}

impl Command for CreateClient {
    fn name(&self) -> &'static str {
        "create_client"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![self.id.stream(), self.domain.stream()]
    }

    fn decide(&self, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
        self.facts(world, ctx)
    }
}

macro_rules! on_one_stream {
    ($($command:ty = $name:literal;)+) => {
        $(
            impl Command for $command {
                fn name(&self) -> &'static str {
                    $name
                }

                fn reads(&self, _: &World) -> Vec<StreamId> {
                    vec![self.id.stream()]
                }

                fn decide(&self, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
                    self.facts(world)
                }
            }
        )+
    };
}

on_one_stream! {
    ChangeClient = "change_client";
    RotateClientSecret = "rotate_client_secret";
    DeleteClient = "delete_client";
}
