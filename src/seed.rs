//! What a first start makes, and that it is made whole even if the first start is not.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use wac_events::{DomainId, Position, Role};
use wac_store::Stores;

use crate::accounts::{Accounts, NewDomain};
use crate::{passwords, tls};

/// Stands in the data directory from before the first event until the credentials are printed.
const PENDING_FILE: &str = "first-start.pending";
/// Name of the administrator.
const ADMIN: &str = "admin";
/// The child domain to try things in.
pub(crate) const DEMO_DOMAIN: &str = "demo";
/// Its users.
pub(crate) const DEMO_USERS: [&str; 2] = ["alice", "bob"];

/// A user and the password it can log in with.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// `user@domain`.
    pub(crate) name: String,
    /// In clear, to be printed once.
    pub(crate) password: String,
    /// Whoever starts the program has chosen it, and needs not be told.
    pub(crate) is_given: bool,
}

/// A first start under way.
///
/// Its marker is in the data directory before the log has its first event. An interrupted first
/// start finds the marker, keeps what was made, gives every account a new password (nobody has
/// seen the old ones), and prints those.
pub(crate) struct FirstStart {
    marker: PathBuf,
    /// The administrator's password given by the environment.
    admin_password: Option<String>,
}

impl FirstStart {
    /// Whether this is one: the log is empty, or an earlier first start was interrupted.
    pub(crate) async fn begin(directory: &Path, stores: &Stores) -> Result<Option<Self>> {
        let marker = directory.join(PENDING_FILE);
        let pending = marker.try_exists().with_context(|| format!("cannot look at {}", marker.display()))?;
        if !pending {
            if stores.log.head().await?.position > Position::START {
                return Ok(None);
            }
            tls::write_private(&marker, "The first start has not finished; the next one completes it.\n", 0o600)?;
        }
        Ok(Some(Self { marker, admin_password: passwords::from_environment()? }))
    }

    /// Makes the base domain with its administrator and, if `demo`, a domain to try things in.
    pub(crate) async fn run(&self, accounts: &Accounts, base_domain: &str, demo: bool) -> Result<Vec<Login>> {
        let admin = Login {
            name: format!("{ADMIN}@{base_domain}"),
            password: self.admin_password.clone().unwrap_or_else(passwords::generate),
            is_given: self.admin_password.is_some(),
        };
        let mut logins = vec![admin];
        if demo {
            let login = |user| Login {
                name: format!("{user}@{DEMO_DOMAIN}"),
                password: passwords::generate(),
                is_given: false,
            };
            logins.extend(DEMO_USERS.map(login));
        }
        // Hashing is most of a first start's work: all at once, while the domains are made.
        let hashes = futures::future::try_join_all(logins.iter().map(|login| passwords::hash(login.password.clone())));
        let domains = async {
            let base = accounts.base_domain(base_domain).await?;
            let child = NewDomain { name: DEMO_DOMAIN, parent: Some(&base), enable_anonymous: true };
            let child = if demo { Some(accounts.child_domain(child).await?) } else { None };
            anyhow::Ok((base, child))
        };
        let (hashes, (base, child)) = tokio::try_join!(hashes, domains).context("the first start failed")?;
        let mut hashes = hashes.into_iter();
        let mut make = async |domain: &DomainId, username: &str, role| -> Result<()> {
            let hash = hashes.next().expect("a hash was made for every account");
            let user = accounts.user(accounts.name(domain, username)?, role).await?;
            accounts.password(&user, domain, hash).await
        };
        make(&base, ADMIN, Role::Admin).await.context("the first start failed")?;
        if let Some(child) = &child {
            for user in DEMO_USERS {
                make(child, user, Role::User).await.context("the first start failed")?;
            }
        }
        Ok(logins)
    }

    /// The credentials are printed: later starts are ordinary ones.
    pub(crate) fn finish(&self) -> Result<()> {
        std::fs::remove_file(&self.marker).with_context(|| format!("cannot remove {}", self.marker.display()))
    }
}
