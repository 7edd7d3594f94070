//! Commands, deciders, the command handler and process managers.
