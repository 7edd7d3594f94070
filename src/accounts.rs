//! Domains, users and passwords made from the command line, through the same commands as everywhere.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Map;
use wac_commands::{
    ChangeCredential, Command, CommandHandler, Context, CreateCredential, CreateDomain, CreateUser, CredentialChanges,
    CredentialData, UserName,
};
use wac_events::{
    Actor, CommandId, CredentialId, CredentialKind, DomainId, Environment, EventLog, KeyStore, Reserved, Role, UserId,
};
use wac_store::Stores;

use crate::events::holder;

/// Makes what is not there yet. What a call made before it was interrupted is found again by its
/// reservation, so that every call may be repeated.
pub(crate) struct Accounts {
    log: Arc<dyn EventLog>,
    keys: Arc<dyn KeyStore>,
    environment: Arc<dyn Environment>,
    handler: CommandHandler,
    actor: &'static str,
}

/// A new domain's wishes.
pub(crate) struct NewDomain<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Above it; `None`: it is the base domain.
    pub(crate) parent: Option<&'a DomainId>,
    /// Whether guests may come in.
    pub(crate) enable_anonymous: bool,
}

impl Accounts {
    /// Acts as the part of the platform called `actor`.
    pub(crate) fn new(stores: &Stores, handler: CommandHandler, actor: &'static str) -> Self {
        let environment = handler.environment().clone();
        Self { log: stores.log.clone(), keys: stores.keys.clone(), environment, handler, actor }
    }

    /// The base domain, made under `name` if there is none.
    pub(crate) async fn base_domain(&self, name: &str) -> Result<DomainId> {
        if let Some(id) = self.find_base_domain().await? {
            return Ok(id);
        }
        self.create_domain(NewDomain { name, parent: None, enable_anonymous: false }).await
    }

    /// The base domain, if there is one.
    pub(crate) async fn find_base_domain(&self) -> Result<Option<DomainId>> {
        Ok(holder(&*self.log, &Reserved::BaseDomain).await?.map(DomainId::from))
    }

    /// The base domain with the name it really has.
    pub(crate) async fn base_domain_and_name(&self, name: &str) -> Result<(String, DomainId)> {
        let made = self.base_domain(name).await;
        // Another node that starts at the same time may have made it first.
        let id = match (made, self.find_base_domain().await?) {
            (_, Some(id)) | (Ok(id), None) => id,
            (Err(error), None) => return Err(error),
        };
        let world = self.handler.load(&[id.stream()]).await?;
        let found = world.domain(&id).name.clone();
        if found != name {
            tracing::warn!(configured = name, found, "the base domain has another name than domains.base says");
        }
        Ok((found, id))
    }

    /// A domain below another, made if there is none of its name.
    pub(crate) async fn child_domain(&self, domain: NewDomain<'_>) -> Result<DomainId> {
        match holder(&*self.log, &Reserved::DomainName(domain.name.to_owned())).await? {
            Some(id) => Ok(DomainId::from(id)),
            None => self.create_domain(domain).await,
        }
    }

    /// The user of this name in a domain, if there is one.
    pub(crate) async fn find_user(&self, name: &UserName) -> Result<Option<UserId>> {
        Ok(holder(&*self.log, &Reserved::Username(name.key.clone())).await?.map(UserId::from))
    }

    /// A name in a domain.
    pub(crate) fn name(&self, domain: &DomainId, username: &str) -> Result<UserName> {
        Ok(UserName::new(&*self.keys, domain.clone(), username)?)
    }

    /// The user of this name, made if there is none.
    pub(crate) async fn user(&self, name: UserName, role: Role) -> Result<UserId> {
        if let Some(id) = self.find_user(&name).await? {
            return Ok(id);
        }
        let id = UserId::from(self.environment.new_uuid());
        let create = CreateUser {
            id: id.clone(),
            domain: name.domain,
            username: name.username,
            name_key: name.key,
            role,
            email: None,
            mobile_phones: Vec::new(),
            land_line_number: None,
            alias: uuid::Uuid::new_v4().to_string(),
            display_name: None,
            capabilities: Vec::new(),
        };
        self.execute(&create).await?;
        Ok(id)
    }

    /// Gives a user this password (as its Argon2id hash), whether there was one before or not.
    pub(crate) async fn password(&self, user: &UserId, domain: &DomainId, hash: String) -> Result<()> {
        let data = CredentialData::PasswordHash(hash);
        if let Some(id) = holder(&*self.log, &Reserved::BasicCredential(user.clone())).await? {
            let changes = CredentialChanges { data: Some(data), ..CredentialChanges::default() };
            let id = CredentialId::from(id);
            return self.execute(&ChangeCredential { id, changes, expected_version: None }).await;
        }
        let create = CreateCredential {
            id: CredentialId::from(self.environment.new_uuid()),
            kind: CredentialKind::Basic,
            source: "wac".to_owned(),
            context: Map::new(),
            domain: domain.clone(),
            user: Some(user.clone()),
            data,
            lease_s: 0,
            identity_key: None,
        };
        self.execute(&create).await
    }

    async fn create_domain(&self, domain: NewDomain<'_>) -> Result<DomainId> {
        let id = DomainId::from(self.environment.new_uuid());
        let create = CreateDomain {
            id: id.clone(),
            name: domain.name.to_owned(),
            parent: domain.parent.cloned(),
            origins: vec![None],
            enable_anonymous: domain.enable_anonymous,
            anonymous_expiration_ms: 0,
            anonymous_capabilities: Vec::new(),
            services: None,
        };
        self.execute(&create).await?;
        Ok(id)
    }

    async fn execute(&self, command: &dyn Command) -> Result<()> {
        let command_id = CommandId(self.environment.new_uuid());
        let actor = Actor::System(self.actor.to_owned());
        let context = Context::new(self.environment.now(), actor, command_id);
        self.handler.execute(command, context).await.with_context(|| command.name().replace('_', " "))?;
        Ok(())
    }
}
