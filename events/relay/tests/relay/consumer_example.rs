//! The documented consumer, run as documented.
