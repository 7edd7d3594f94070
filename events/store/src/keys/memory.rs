//! Keys in memory, for tests.

use std::collections::HashMap;
use std::sync::Mutex;

use wac_events::{StoreError, SubjectId, Time};

use super::{KeyTable, Stored};

#[derive(Default)]
pub(crate) struct MemoryKeys(Mutex<HashMap<SubjectId, Stored>>);

impl MemoryKeys {
    fn rows(&self) -> std::sync::MutexGuard<'_, HashMap<SubjectId, Stored>> {
        self.0.lock().expect("nobody panics while holding the table")
    }
}

impl KeyTable for MemoryKeys {
    async fn find(&self, subjects: &[SubjectId]) -> Result<Vec<(SubjectId, Stored)>, StoreError> {
        let rows = self.rows();
        Ok(subjects.iter().filter_map(|subject| Some((subject.clone(), rows.get(subject)?.clone()))).collect())
    }

    async fn insert(&self, subject: &SubjectId, wrapped: Vec<u8>, _: Time) -> Result<Stored, StoreError> {
        Ok(self.rows().entry(subject.clone()).or_insert(Stored::Wrapped(wrapped)).clone())
    }

    async fn destroy(&self, subject: &SubjectId, _: Time) -> Result<(), StoreError> {
        self.rows().insert(subject.clone(), Stored::Erased);
        Ok(())
    }
}
