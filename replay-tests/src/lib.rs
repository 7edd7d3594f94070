//! Golden streams, upcasting, determinism and kill loops.
