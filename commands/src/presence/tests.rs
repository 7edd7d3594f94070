//! Rules of the presences.
