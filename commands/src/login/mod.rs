//! Failed log-ins under one name, and the alarm when there are too many.

mod state;

pub use state::{FAILURES_REMEMBERED, Login, LoginKey, evolve};
