//! Read models as pure functions from events to row changes.
