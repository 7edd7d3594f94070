//! `wac admin`: the first administrator of a deployment, or one more.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use wac_commands::{CommandHandler, Limits};
use wac_events::{DomainId, EventFilter, Position, ReadRequest, Role};
use wac_store::{StoreOptions, Stores, SystemEnvironment};

use crate::accounts::Accounts;
use crate::cli::{AdminCommand, SourceArgs};
use crate::config::{Database, Settings};
use crate::{events, open, passwords};

/// Runs `wac admin …`.
pub(crate) async fn run(command: &AdminCommand) -> Result<()> {
    match command {
        AdminCommand::Create { source, username, domain, password_stdin } => {
            create(source, username, domain.as_deref(), *password_stdin).await
        }
    }
}

async fn create(source: &SourceArgs, username: &str, domain: Option<&str>, password_stdin: bool) -> Result<()> {
    let given = if password_stdin { Some(passwords::from_stdin()?) } else { passwords::from_environment()? };
    let settings = open::settings(source, "wac admin create")?;
    let key = match settings.required_database()? {
        Database::Directory(directory) => {
            open::make_directory(directory)?;
            open::master_key_or_new(&settings, directory).await?
        }
        Database::Url(_) => settings.master_key()?,
    };
    let options = StoreOptions::new(key);
    let stores = wac_store::open(&settings.required_database()?.url(), options).await?;
    let (log, keys) = (stores.log.clone(), stores.keys.clone());
    let handler = CommandHandler::new(log, keys, Arc::new(SystemEnvironment), Limits::default());
    let accounts = Accounts::new(&stores, handler, "admin create");
    let (domain_name, domain) = find_domain(&accounts, &stores, &settings, domain).await?;
    let name = accounts.name(&domain, username)?;
    if accounts.find_user(&name).await?.is_some() {
        bail!("there is a user {username}@{domain_name} already");
    }
    let password = given.clone().unwrap_or_else(passwords::generate);
    let hash = passwords::hash(password.clone()).await?;
    let user = accounts.user(name, Role::Admin).await?;
    accounts.password(&user, &domain, hash).await.context("the user was created without a password")?;
    stores.close().await;
    match given {
        Some(_) => println!("{username}@{domain_name} is an administrator now"),
        None => println!("{username}@{domain_name} is an administrator now; password: {password}"),
    }
    Ok(())
}

/// The name of the administrator that a first start makes.
const FIRST_NAME: &str = "admin";

/// On a log in which nobody can log in yet, makes an administrator whose password is WAC_ADMIN_PASSWORD.
pub(crate) async fn at_first_start(accounts: &Accounts, stores: &Stores, base: &(String, DomainId)) -> Result<()> {
    let Some(password) = passwords::from_environment()? else { return Ok(()) };
    let filter = EventFilter { types: vec!["credential.created".to_owned()], ..EventFilter::default() };
    let request = ReadRequest { after: Position::START, before: None, filter, limit: 1 };
    if !stores.log.read(request).await?.events.is_empty() {
        return Ok(());
    }
    let name = accounts.name(&base.1, FIRST_NAME)?;
    let hash = passwords::hash(password).await?;
    let made = async {
        let user = accounts.user(name.clone(), Role::Admin).await?;
        accounts.password(&user, &base.1, hash).await
    };
    match made.await {
        Ok(()) => tracing::info!(name = format!("{FIRST_NAME}@{}", base.0), "the first administrator was made"),
        // Another node that starts at the same time may have been first.
        Err(_) if accounts.find_user(&name).await?.is_some() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn find_domain(
    accounts: &Accounts,
    stores: &wac_store::Stores,
    settings: &Settings,
    domain: Option<&str>,
) -> Result<(String, DomainId)> {
    match domain {
        Some(name) if name != settings.base_domain => {
            let id = events::domain(&*stores.log, name).await?;
            Ok((name.to_owned(), id))
        }
        _ => accounts.base_domain_and_name(&settings.base_domain).await,
    }
}
