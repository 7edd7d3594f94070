//! Several processes of the real binary on one PostgreSQL: calls across nodes, while nodes die; media nodes.
#![allow(clippy::unwrap_used, missing_docs)]

mod cluster {
    pub(crate) mod audit;
    pub(crate) mod caller;
    pub(crate) mod nodes;

    mod calls;
    mod deaths;
    mod media;
}
