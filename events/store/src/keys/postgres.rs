//! Keys in PostgreSQL.

use sqlx::PgPool;
use wac_events::{StoreError, SubjectId, Time};

use super::{KeyTable, Stored};
use crate::error::failed;
use crate::postgres::PgTime;

pub(crate) struct PostgresKeys(pub(crate) PgPool);

impl PostgresKeys {
    async fn row(&self, subject: &SubjectId) -> Result<Option<Stored>, sqlx::Error> {
        let row: Option<(Option<Vec<u8>>,)> = sqlx::query_as("select wrapped from subject_keys where subject = $1")
            .bind(subject.as_str())
            .fetch_optional(&self.0)
            .await?;
        Ok(row.map(|(wrapped,)| stored(wrapped)))
    }
}

impl KeyTable for PostgresKeys {
    async fn find(&self, subjects: &[SubjectId]) -> Result<Vec<(SubjectId, Stored)>, StoreError> {
        let names: Vec<_> = subjects.iter().map(SubjectId::as_str).collect();
        let rows: Vec<(String, Option<Vec<u8>>)> =
            sqlx::query_as("select subject, wrapped from subject_keys where subject = any($1)")
                .bind(names)
                .fetch_all(&self.0)
                .await
                .map_err(failed("read subject keys"))?;
        Ok(rows.into_iter().map(|(subject, wrapped)| (SubjectId::from(subject), stored(wrapped))).collect())
    }

    async fn insert(&self, subject: &SubjectId, wrapped: Vec<u8>, now: Time) -> Result<Stored, StoreError> {
        let named = || failed("store a subject key");
        // Most subjects asked for have a key: look before writing.
        if let Some(stored) = self.row(subject).await.map_err(named())? {
            return Ok(stored);
        }
        sqlx::query(
            "insert into subject_keys (subject, wrapped, created_at) values ($1, $2, $3) on conflict do nothing",
        )
        .bind(subject.as_str())
        .bind(wrapped)
        .bind(PgTime(now))
        .execute(&self.0)
        .await
        .map_err(named())?;
        // Another node may have been first; a statement of its own sees what it wrote.
        let row = self.row(subject).await.map_err(named())?;
        row.ok_or_else(|| StoreError::new("store a subject key", "its row is gone again"))
    }

    async fn destroy(&self, subject: &SubjectId, now: Time) -> Result<(), StoreError> {
        let named = || failed("destroy a subject key");
        sqlx::query(
            "insert into subject_keys as k (subject, created_at, erased_at) values ($1, $2, $2) \
             on conflict (subject) do update set wrapped = null, erased_at = excluded.erased_at \
             where k.erased_at is null",
        )
        .bind(subject.as_str())
        .bind(PgTime(now))
        .execute(&self.0)
        .await
        .map_err(named())?;
        sqlx::query("select subject_keys_scrub($1)").bind(subject.as_str()).execute(&self.0).await.map_err(named())?;
        Ok(())
    }
}

fn stored(wrapped: Option<Vec<u8>>) -> Stored {
    wrapped.map_or(Stored::Erased, Stored::Wrapped)
}
