//! Rules of the transfers.
