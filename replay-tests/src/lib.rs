//! What the replay and fault tests are made of; docs/durability.md says what they prove.
//!
//! * [`story`]: golden streams as they were really written, and how they get into a log again;
//! * [`export`]: a golden story of what a running platform has written;
//! * [`fold`]: states and rows of a stream, as plain JSON to compare;
//! * [`load`]: many concurrent writers that note what the log answered them;
//! * [`platform`]: commands and what follows from them, on any store;
//! * [`simulation`]: the whole core on several nodes, everything from one seed;
//! * [`audit`]: reads a log after a fault and holds it against those notes;
//! * [`canary`]: looks for a text in files, in every form it may hide in;
//! * [`environment`], [`databases`]: clocks and databases for all of these.

pub mod audit;
pub mod canary;
pub mod databases;
pub mod environment;
pub mod export;
pub mod fold;
pub mod load;
pub mod platform;
mod render;
pub mod simulation;
pub mod story;
