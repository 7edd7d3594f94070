//! SQLite, PostgreSQL and in-memory event logs.
