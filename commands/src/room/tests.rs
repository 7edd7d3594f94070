//! Rules of the rooms.
