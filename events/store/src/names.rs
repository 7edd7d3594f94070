//! Wire names and domains repeat in event after event: each is allocated once.

use std::collections::HashSet;
use std::sync::{Arc, RwLock};

use wac_events::DomainId;

/// Most names kept; what comes later is allocated each time.
const NAMES_MAX: usize = 4_096;

/// A table of names shared by all reads of a store.
#[derive(Default)]
pub(crate) struct Names(RwLock<HashSet<Arc<str>>>);

/// One read's view of the table: what the rows before it had is found without a lock.
pub(crate) struct Interner<'a> {
    names: &'a Names,
    types: Vec<Arc<str>>,
    domain: Option<DomainId>,
}

impl Names {
    pub(crate) fn interner(&self) -> Interner<'_> {
        Interner { names: self, types: Vec::new(), domain: None }
    }

    fn shared(&self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.read().expect("nobody panics while holding the table").get(name) {
            return known.clone();
        }
        let mut table = self.0.write().expect("nobody panics while holding the table");
        let new: Arc<str> = name.into();
        if table.len() < NAMES_MAX {
            table.insert(new.clone());
        }
        new
    }
}

impl Interner<'_> {
    pub(crate) fn event_type(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.types.iter().find(|known| ***known == *name) {
            return known.clone();
        }
        let shared = self.names.shared(name);
        self.types.push(shared.clone());
        shared
    }

    pub(crate) fn domain(&mut self, name: &str) -> DomainId {
        match &self.domain {
            Some(known) if known.as_str() == name => known.clone(),
            _ => {
                let domain = DomainId::new(name);
                self.domain = Some(domain.clone());
                domain
            }
        }
    }
}
