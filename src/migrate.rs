//! `wac migrate`: the database at the version this program needs.

use anyhow::Result;

use crate::cli::SourceArgs;
use crate::config::Database;
use crate::open;

/// Runs `wac migrate`.
pub(crate) async fn run(source: &SourceArgs) -> Result<()> {
    let settings = open::settings(source, "wac migrate")?;
    let database = settings.required_database()?;
    if let Database::Directory(directory) = database {
        open::make_directory(directory)?;
        // Before the database: a directory that has one and no key counts as damaged.
        open::master_key_or_new(&settings, directory).await?;
    }
    let migrated = wac_store::migrate(&database.url()).await?;
    if migrated.from == migrated.to {
        println!("The database is at version {} already.", migrated.to);
    } else {
        println!("The database was at version {}, it is at version {} now.", migrated.from, migrated.to);
    }
    Ok(())
}
