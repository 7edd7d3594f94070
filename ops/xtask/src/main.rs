//! The project's own checks and test services.
fn main() {}
