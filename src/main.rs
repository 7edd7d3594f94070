//! The `wac` binary.
fn main() {}
