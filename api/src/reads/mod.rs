//! The typed read layer: rows of the read models as opened views.
//!
//! It runs over any [`Rows`], so reads of the present (a database) and of the past (`asOf`, tables
//! in memory) are the same code. It knows no callers: who may see what is for [`crate::policy`].

mod agents;
mod alarms;
mod clients;
mod conferences;
mod credentials;
mod domains;
mod groups;
mod nodes;
mod presence;
mod records;
mod sessions;
mod users;

use std::sync::Arc;

use wac_events::domain::Services;
use wac_events::{DomainId, KeyStore, OpenError, StoreError};
use wac_projections::{Rows, SELECT_ROWS_MAX};

pub use agents::{AgentFilter, AgentState, AgentView};
pub use alarms::{AlarmFilter, CallAlarmView, LoginAlarmView};
pub use clients::ClientView;
pub use conferences::{ConferenceFilter, ConferencePage, ConferenceView};
pub use credentials::{CredentialFilter, CredentialView};
pub use domains::DomainView;
pub use groups::{GroupFilter, GroupView};
pub use nodes::{MediaNodeView, NodeView};
pub use presence::PresenceView;
pub use records::call_records;
pub(crate) use records::{percent, rounded};
pub use sessions::{SessionFilter, SessionView};
pub use users::{UserFilter, UserView};

/// Longest chain of parent domains that is followed.
pub const DOMAIN_DEPTH_MAX: usize = 32;

/// Stands above the base domain when services are bounded; no domain has this id.
const PLATFORM: &str = "";

/// Which part of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageOf {
    /// Only keys greater than this.
    pub after: Option<String>,
    /// At most this many, 1 to [`SELECT_ROWS_MAX`].
    pub limit: usize,
}

impl Default for PageOf {
    fn default() -> Self {
        Self { after: None, limit: SELECT_ROWS_MAX }
    }
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A protected field does not open with its subject's key.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A row is not of the shape its projection writes.
    #[error("row {key:?} of table {table} cannot be read")]
    Row {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
    },
}

/// Reads views out of rows.
#[derive(Clone)]
pub struct Reads {
    rows: Arc<dyn Rows>,
    keys: Arc<dyn KeyStore>,
    running: Arc<Services>,
}

impl Reads {
    /// Over some rows. `running` are the services this platform runs, with their backends.
    pub fn new(rows: Arc<dyn Rows>, keys: Arc<dyn KeyStore>, running: Arc<Services>) -> Self {
        Self { rows, keys, running }
    }

    /// The same reads over other rows: those of some position in the past.
    #[must_use]
    pub fn over(&self, rows: Arc<dyn Rows>) -> Self {
        Self { rows, ..self.clone() }
    }

    /// The rows behind these reads.
    pub fn rows(&self) -> &Arc<dyn Rows> {
        &self.rows
    }

    /// The services this platform runs.
    pub fn running_services(&self) -> &Services {
        &self.running
    }

    /// The services that hold in `domain`: what is given there, bounded by every ancestor, and all
    /// of it by what the platform runs. `known` tells a domain's parent and what is given there.
    pub fn effective_services(
        &self,
        domain: &DomainId,
        known: impl Fn(&DomainId) -> Option<(Option<DomainId>, Option<Services>)>,
    ) -> Services {
        let platform = DomainId::from(PLATFORM);
        wac_commands::effective_services(domain, |id| {
            if *id == platform {
                return Some((None, Some(Services::clone(&self.running))));
            }
            let (parent, given) = known(id)?;
            Some((Some(parent.unwrap_or_else(|| platform.clone())), given))
        })
    }
}

/// Reads a row, or says which one is broken.
fn decoded<T>(
    table: &'static wac_projections::Table,
    row: &wac_projections::Row,
    read: impl FnOnce(&wac_projections::Row) -> Option<T>,
) -> Result<T, ReadError> {
    let key = || row.get(table.key()).and_then(|key| key.as_text()).unwrap_or_default().to_owned();
    read(row).ok_or_else(|| ReadError::Row { table: table.name, key: key() })
}
