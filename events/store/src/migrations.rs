//! Bringing a database to this program's schema.

use std::borrow::Cow;
use std::path::Path;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, SqlSafeStr};

use crate::OpenError;
use crate::db::sqlite_connect;
use crate::location::Location;

/// A migration's number, name and text.
type Embedded = (i64, &'static str, &'static str);

const POSTGRES: &[Embedded] = &[
    (1, "log", include_str!("../../../migrations/postgres/0001_log.sql")),
    (2, "json", include_str!("../../../migrations/postgres/0002_json.sql")),
    (3, "replace", include_str!("../../../migrations/postgres/0003_replace.sql")),
];
const SQLITE: &[Embedded] = &[
    (1, "log", include_str!("../../../migrations/sqlite/0001_log.sql")),
    (2, "json", include_str!("../../../migrations/sqlite/0002_json.sql")),
    (3, "replace", include_str!("../../../migrations/sqlite/0003_replace.sql")),
];

/// Schema versions before and after [`migrate`]; 0 is an empty database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Migrated {
    /// Version found.
    pub from: i64,
    /// Version now.
    pub to: i64,
}

/// Brings the database behind `url` to this program's schema. Safe when several processes do it at
/// once: one migrates, the others wait and find it done.
pub async fn migrate(url: &str) -> Result<Migrated, OpenError> {
    let location = Location::parse(url)?;
    let place = location.place();
    match location {
        Location::Postgres(options) => postgres(&options, &place, true).await,
        Location::Sqlite(path) => sqlite(&path, &place, true).await,
        Location::Memory => Ok(Migrated { from: 0, to: 0 }),
    }
}

/// Checks the schema version, and migrates if `wanted`.
pub(crate) async fn postgres(options: &PgConnectOptions, place: &str, wanted: bool) -> Result<Migrated, OpenError> {
    let unreachable = |source| OpenError::Unreachable { place: place.to_owned(), source };
    let mut connection = options.clone().disable_statement_logging().connect().await.map_err(unreachable)?;
    let read_only: String =
        sqlx::query_scalar("show transaction_read_only").fetch_one(&mut connection).await.map_err(unreachable)?;
    if read_only == "on" {
        let hint = "it is a standby, or default_transaction_read_only is set";
        return Err(OpenError::ReadOnly { place: place.to_owned(), hint });
    }
    let migrator = migrator(POSTGRES);
    let found = version(&mut connection, &migrator, place).await?;
    let migrated = check(found, POSTGRES, place, wanted)?;
    if migrated.from != migrated.to {
        // The migrator holds an advisory lock, under which it looks again.
        let result = migrator.run_direct(None, &mut connection, false).await;
        result.map_err(|source| OpenError::Migration { place: place.to_owned(), source })?;
    }
    let _ = connection.close().await;
    Ok(migrated)
}

/// Checks the schema version, and migrates if `wanted`.
pub(crate) async fn sqlite(path: &Path, place: &str, wanted: bool) -> Result<Migrated, OpenError> {
    let unreachable = |source| open_error(source, path, place);
    let mut connection = sqlite_connect(path).await.map_err(unreachable)?;
    let migrator = migrator(SQLITE);
    let found = version(&mut connection, &migrator, place).await?;
    let mut migrated = check(found, SQLITE, place, wanted)?;
    if migrated.from != migrated.to {
        // SQLite has no advisory locks: the write lock around everything serves as one.
        let failed = |source| OpenError::Migration { place: place.to_owned(), source };
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unreachable)?;
        migrated.from = version(&mut *tx, &migrator, place).await?;
        migrator.run_direct(None, &mut *tx, false).await.map_err(failed)?;
        tx.commit().await.map_err(unreachable)?;
    } else if wanted {
        // Who may migrate is going to write: a file that can only be read opens all the same, and
        // would refuse only the first append.
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unreachable)?;
        tx.execute("update log_head set position = position where false").await.map_err(unreachable)?;
        tx.rollback().await.map_err(unreachable)?;
    }
    let _ = connection.close().await;
    Ok(migrated)
}

fn open_error(source: sqlx::Error, path: &Path, place: &str) -> OpenError {
    let read_only = path.metadata().is_ok_and(|file| file.permissions().readonly())
        || source.as_database_error().and_then(|error| error.code()).is_some_and(|code| {
            // SQLITE_READONLY, in any of its extended forms.
            code.parse::<i32>().is_ok_and(|code| code & 0xff == 8)
        });
    match read_only {
        true => OpenError::ReadOnly { place: place.to_owned(), hint: "the file or its directory cannot be written" },
        false => OpenError::Unreachable { place: place.to_owned(), source },
    }
}

/// The newest version applied; 0 if none.
async fn version<C: Migrate>(connection: &mut C, migrator: &Migrator, place: &str) -> Result<i64, OpenError> {
    let applied = match connection.list_applied_migrations(&migrator.table_name).await {
        Ok(applied) => applied,
        // Before the first migration there is no table to read.
        Err(MigrateError::Execute(sqlx::Error::Database(_))) => Vec::new(),
        Err(source) => return Err(OpenError::Migration { place: place.to_owned(), source }),
    };
    Ok(applied.iter().map(|migration| migration.version).max().unwrap_or(0))
}

fn check(found: i64, embedded: &[Embedded], place: &str, wanted: bool) -> Result<Migrated, OpenError> {
    let known = embedded.iter().map(|(version, ..)| *version).max().unwrap_or(0);
    let place = place.to_owned();
    match found {
        _ if found > known => Err(OpenError::NewerVersion { place, found, known }),
        _ if found < known && !wanted => Err(OpenError::OlderVersion { place, found, known }),
        _ => Ok(Migrated { from: found, to: known }),
    }
}

fn migrator(embedded: &[Embedded]) -> Migrator {
    let migrations = embedded.iter().map(|(version, name, sql)| {
        Migration::new(*version, Cow::Borrowed(*name), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_in_the_migrations_folder_is_embedded_in_order() {
        for (folder, embedded) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(folder);
            let entries = std::fs::read_dir(path).expect("the folder exists");
            let mut files: Vec<_> =
                entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect();
            files.sort();
            let expected: Vec<_> =
                embedded.iter().map(|(version, name, _)| format!("{version:04}_{name}.sql")).collect();
            assert_eq!(files, expected, "{folder}");
            assert!(embedded.iter().zip(1..).all(|((version, ..), number)| *version == number), "{folder}");
        }
    }
}
