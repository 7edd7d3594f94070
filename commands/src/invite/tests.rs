//! Rules of the invites.
