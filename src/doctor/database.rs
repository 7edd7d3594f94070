//! The database: reachable, of the right version, and its clock.

use jiff::Timestamp;
use wac_events::Time;
use wac_store::{Db, Stores};

use super::Finding;
use crate::config::Settings;
use crate::open;

/// Two clocks may differ by this much, in milliseconds.
const SKEW_MS_GOOD: u64 = 500;
/// Beyond this much, tokens and deadlines go wrong, in milliseconds.
const SKEW_MS_MAX: u64 = 10_000;

/// Everything there is to say about the database.
pub(crate) async fn check(settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "database";
    let stores = match open::existing(settings).await {
        Ok(stores) => stores,
        Err(error) => {
            let advice =
                "start it or correct database.url; `wac migrate` makes the tables, and brings older ones up to date";
            return vec![Finding::failure(CHECK, crate::sentence(&error), advice)];
        }
    };
    let version = match product_version(&stores.db).await {
        Ok(version) => version,
        Err(error) => return vec![Finding::failure(CHECK, error.to_string(), "look at the database's own log")],
    };
    let mut findings = Vec::new();
    match stores.log.head().await {
        Ok(head) => findings.push(Finding::ok(CHECK, format!("{version}; log at position {}", head.position))),
        Err(error) => findings.push(Finding::failure(CHECK, error.to_string(), "look at the database's own log")),
    }
    findings.push(clock(&stores).await);
    findings
}

async fn product_version(db: &Db) -> Result<String, sqlx::Error> {
    match db {
        Db::Postgres(pool) => {
            let version: String = sqlx::query_scalar("show server_version").fetch_one(pool).await?;
            Ok(format!("PostgreSQL {version}"))
        }
        Db::Sqlite(db) => {
            let version: String = sqlx::query_scalar("select sqlite_version()").fetch_one(db.readers()).await?;
            Ok(format!("SQLite {version}"))
        }
    }
}

/// This clock beside the database's, and beside the log, whose times never go back.
async fn clock(stores: &Stores) -> Finding {
    const CHECK: &str = "clock";
    let before = Time::new(Timestamp::now());
    let other = match &stores.db {
        Db::Postgres(pool) => {
            let sql = "select (extract(epoch from clock_timestamp()) * 1000000)::bigint";
            match sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await {
                Ok(micros) => Time::from_micros(micros),
                Err(error) => return Finding::failure(CHECK, error.to_string(), "look at the database's own log"),
            }
        }
        Db::Sqlite(_) => before,
    };
    let after = Time::new(Timestamp::now());
    let skew_ms = u64::try_from(other.since(after).max(before.since(other)).as_millis()).unwrap_or(u64::MAX);
    if let Ok(head) = stores.log.head().await {
        let ahead_ms = u64::try_from(head.recorded_at.since(after).as_millis()).unwrap_or(u64::MAX);
        if ahead_ms > SKEW_MS_MAX {
            return Finding::failure(
                CHECK,
                format!("the last event is {ahead_ms} ms in the future"),
                "this clock has been set back; synchronise it (chrony, systemd-timesyncd)",
            );
        }
    }
    let found = format!("{skew_ms} ms away from the database's");
    match skew_ms {
        _ if skew_ms > SKEW_MS_MAX => {
            Finding::failure(CHECK, found, "synchronise both machines (chrony, systemd-timesyncd)")
        }
        _ if skew_ms > SKEW_MS_GOOD => {
            Finding::warning(CHECK, found, "synchronise both machines (chrony, systemd-timesyncd)")
        }
        _ => Finding::ok(CHECK, found),
    }
}
