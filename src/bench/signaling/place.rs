//! Where it is measured: a scratch database with people in it who have sessions.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use tempfile::TempDir;
use wac_commands::{Command, CommandHandler, Context as CommandContext, CreateUser, IssueToken, OpenSession};
use wac_events::session::SessionContext;
use wac_events::{Actor, CommandId, DomainId, Environment as _, GrantKind, MasterKey, Role, TokenId, UserId};
use wac_store::bench::Scratch;
use wac_store::{StoreOptions, SystemEnvironment};

use crate::accounts::{Accounts, NewDomain};
use crate::cli::SourceArgs;
use crate::config::Database;
use crate::open;
use crate::output::progress;
use crate::platform::Platform;

/// Commands under way at once while people are made.
const PARALLEL: usize = 128;
/// How long a session lasts here, in seconds: longer than any measurement.
const SESSION_S: u64 = 24 * 3_600;

/// A scratch database, and what a server on it is told.
pub(in crate::bench) struct Place {
    scratch: Scratch,
    /// A directory on the disk of the database if that is embedded, else a temporary one.
    pub(in crate::bench) directory: PathBuf,
    temporary: TempDir,
    /// The master key.
    pub(in crate::bench) key: MasterKey,
    /// The roles of the server.
    pub(in crate::bench) roles: &'static str,
    /// Further settings of the server.
    pub(in crate::bench) settings: Vec<(String, String)>,
}

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Person {
    /// Who.
    pub(in crate::bench) user: UserId,
    /// The access token of the session.
    pub(in crate::bench) token: String,
}

impl Place {
    /// Beside the database that is named, else in a directory of its own.
    pub(in crate::bench) async fn make(source: &SourceArgs, what: &'static str, roles: &'static str) -> Result<Self> {
        let temporary = tempfile::Builder::new().prefix("wac-bench-").tempdir()?;
        let named = source.data.is_some() || source.config.is_some() || source.database_url.is_some();
        let settings = open::settings(source, what)?;
        let (url, directory) = match &settings.database {
            Some(database @ Database::Directory(directory)) if named => (database.url(), directory.clone()),
            Some(Database::Url(url)) => (url.clone(), temporary.path().to_owned()),
            _ => (Database::Directory(temporary.path().to_owned()).url(), temporary.path().to_owned()),
        };
        let scratch = Scratch::create(&url).await?;
        let mut key = [0; 32];
        OsRng.try_fill_bytes(&mut key).context("no randomness")?;
        let (key, settings) = (MasterKey::new(key), source.set.clone());
        Ok(Self { scratch, directory, temporary, key, roles, settings })
    }

    /// The database.
    pub(in crate::bench) fn url(&self) -> &str {
        self.scratch.url()
    }

    /// `postgres` or `sqlite`.
    pub(in crate::bench) fn store(&self) -> &'static str {
        self.scratch.name()
    }

    /// Makes people in as many domains as there are numbers, so many in each, all logged in. Through
    /// the commands of a log-in, without the password.
    pub(in crate::bench) async fn people(&self, domains: &[usize], prefix: &str) -> Result<Vec<Vec<Person>>> {
        let stores = wac_store::open(self.url(), StoreOptions::new(self.key.clone())).await?;
        let platform = Platform::new(stores);
        let handler = platform.handler().clone();
        let accounts = Accounts::new(platform.stores(), handler.clone(), "bench");
        let (_, base) = accounts.base_domain_and_name("quobis").await?;
        let bar = progress(domains.iter().sum::<usize>() as u64, "people");
        let mut made = Vec::with_capacity(domains.len());
        for (number, size) in domains.iter().enumerate() {
            let name = format!("{prefix}{number}");
            let wishes = NewDomain { name: &name, parent: Some(&base), enable_anonymous: false };
            let domain = accounts.child_domain(wishes).await?;
            let people = futures::stream::iter(0..*size).map(|number| {
                let (handler, accounts, domain, bar) = (&handler, &accounts, &domain, &bar);
                async move {
                    let person = person(handler, accounts, domain, number).await;
                    bar.inc(1);
                    person
                }
            });
            let people: Vec<Result<Person>> = people.buffered(PARALLEL).collect().await;
            made.push(people.into_iter().collect::<Result<Vec<Person>>>()?);
        }
        bar.finish_and_clear();
        platform.stop().await;
        Ok(made)
    }

    /// Removes everything.
    pub(in crate::bench) async fn remove(self) -> Result<()> {
        self.scratch.remove().await?;
        Ok(self.temporary.close()?)
    }

    /// Where synchronous writes are measured.
    pub(in crate::bench) fn disk(&self) -> &Path {
        &self.directory
    }
}

async fn person(handler: &CommandHandler, accounts: &Accounts, domain: &DomainId, number: usize) -> Result<Person> {
    let user = UserId::from(SystemEnvironment.new_uuid());
    let name = accounts.name(domain, &format!("caller{number}"))?;
    let create = CreateUser {
        id: user.clone(),
        domain: name.domain,
        username: name.username,
        name_key: name.key,
        role: Role::User,
        email: None,
        mobile_phones: Vec::new(),
        land_line_number: None,
        alias: SystemEnvironment.new_uuid().to_string(),
        display_name: None,
        capabilities: Vec::new(),
    };
    execute(handler, &create).await?;
    let family = SystemEnvironment.new_uuid();
    let (token, access_hash) = wac_api::access_token(family, &SystemEnvironment);
    let until = SystemEnvironment.now().plus(std::time::Duration::from_secs(SESSION_S));
    let issue = IssueToken {
        id: TokenId::from(family),
        grant: GrantKind::Password,
        user: Some(user.clone()),
        client: None,
        domain: domain.clone(),
        role: Role::User,
        proof: None,
        access_hash,
        access_expires_at: until,
        refresh_hash: None,
        refresh_expires_at: None,
        session: Some(OpenSession { context: SessionContext::default(), expires_at: until }),
    };
    execute(handler, &issue).await?;
    Ok(Person { user, token })
}

async fn execute(handler: &CommandHandler, command: &dyn Command) -> Result<()> {
    let context = CommandContext::new(
        SystemEnvironment.now(),
        Actor::System("bench".to_owned()),
        CommandId(SystemEnvironment.new_uuid()),
    );
    handler.execute(command, context).await.with_context(|| command.name().replace('_', " "))?;
    Ok(())
}
