//! Read models as pure functions from events to row changes.
//!
//! A [`Projection`] says what an event does to rows; the runner (crate `wac-runner`) applies it to
//! a database in one transaction with its checkpoint. [`MemTables`] applies the same changes in
//! memory, for reads of the past, for verification and for tests. Each read model is one file:
//! its table, its projection, and the typed row its readers get.

mod clients;
mod credentials;
mod domains;
mod fields;
mod memory;
mod projection;
mod rows;
mod select;
mod table;
mod tokens;
mod users;

use std::sync::Arc;

pub use clients::{CLIENTS, ClientRow, ClientsProjection};
pub use credentials::{CREDENTIALS, CredentialRow, CredentialsProjection};
pub use domains::{DOMAINS, DomainRow, DomainsProjection};
pub use memory::MemTables;
pub use projection::{Projection, is_wanted};
pub use rows::Rows;
pub use select::{Condition, SELECT_ROWS_MAX, Select};
pub use table::{Column, ColumnKind, Row, RowChange, Table, Value};
pub use tokens::{TOKENS, TokenRow, TokensProjection, USED_REFRESH_TOKENS, UsedRefreshTokenRow};
pub use users::{USERS, UserRow, UsersProjection};

/// Every read model of the platform.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(DomainsProjection),
        Arc::new(UsersProjection),
        Arc::new(CredentialsProjection),
        Arc::new(ClientsProjection),
        Arc::new(TokensProjection),
    ]
}
