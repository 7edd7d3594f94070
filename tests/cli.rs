//! The real binary, from first start to restored backup.
#![allow(clippy::unwrap_used, missing_docs)]

mod cli {
    pub(crate) mod caller;
    pub(crate) mod support;

    mod configuration;
    mod databases;
    mod dev;
    mod expiry;
    mod guests;
    mod kafka;
    mod log;
    mod refusals;
    mod serve;
    mod story;
}
