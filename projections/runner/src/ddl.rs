//! Tables and indexes made from a [`Table`] description, and the names they get.
//!
//! The rows that are served stand in `<table>_v<version>`. A rebuild fills
//! `<table>_v<version>_g<generation>` beside it, which takes the served name when it is switched
//! in. Index names carry the generation and are never renamed.

use wac_projections::{Column, ColumnKind, Table};

use crate::conn::Dialect;

/// The runner's own tables; the same text on both databases.
pub(crate) const OWN_TABLES: &str = "
create table if not exists projection_checkpoints (
    name text not null,
    version bigint not null,
    generation bigint not null,
    position bigint not null,
    state text not null,
    updated_at bigint not null,
    primary key (name, version, generation)
);
create table if not exists parked_events (
    projection text not null,
    version bigint not null,
    generation bigint not null,
    position bigint not null,
    event_type text not null,
    reason text not null,
    primary key (projection, version, generation, position)
);
create table if not exists process_checkpoints (
    name text primary key,
    position bigint not null,
    updated_at bigint not null
);";

/// A quoted identifier. Names come from code and hold no quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Where the served rows of a table stand.
pub(crate) fn live_name(table: &Table, version: u32) -> String {
    format!("{}_v{version}", table.name)
}

/// Where a rebuild puts a table's rows.
pub(crate) fn shadow_name(table: &Table, version: u32, generation: u64) -> String {
    format!("{}_v{version}_g{generation}", table.name)
}

/// `create table`, under `physical`; constraint and index names are made of `indexed_as`.
pub(crate) fn create_table(dialect: Dialect, table: &Table, physical: &str, indexed_as: &str) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| column_definition(dialect, table, column)).collect();
    // Room in every page keeps updates of columns without an index (a log-in) out of the indexes.
    let storage = if dialect == Dialect::Postgres { " with (fillfactor = 85)" } else { "" };
    format!(
        "create table {} ({}, constraint {} primary key ({})){storage}",
        quoted(physical),
        columns.join(", "),
        quoted(&format!("{indexed_as}_key")),
        quoted(table.key()),
    )
}

fn column_definition(dialect: Dialect, table: &Table, column: &Column) -> String {
    let kind = match (column.kind, dialect) {
        // Byte order, so that keys come in the same order from everywhere.
        (ColumnKind::Text, Dialect::Postgres) => "text collate \"C\"",
        (ColumnKind::Text, Dialect::Sqlite) => "text",
        (ColumnKind::Int, _) => "bigint",
        (ColumnKind::Bool, _) => "boolean",
    };
    let required = if column.name == table.key() { " not null" } else { "" };
    format!("{} {kind}{required}", quoted(column.name))
}

/// `alter table … rename to …`.
pub(crate) fn rename_table(from: &str, to: &str) -> String {
    format!("alter table {} rename to {}", quoted(from), quoted(to))
}

/// `create index` for every indexed column of `physical`.
pub(crate) fn create_indexes(table: &Table, physical: &str, indexed_as: &str) -> Vec<String> {
    let index = |column: &&str| {
        format!(
            "create index {} on {} ({}, {})",
            quoted(&format!("{indexed_as}_by_{column}")),
            quoted(physical),
            quoted(column),
            quoted(table.key()),
        )
    };
    table.indexed.iter().map(index).collect()
}

/// Comma-separated quoted column names.
pub(crate) fn column_list(table: &Table) -> String {
    let names: Vec<String> = table.columns.iter().map(|column| quoted(column.name)).collect();
    names.join(", ")
}

/// The kinds of a table's columns, in order.
pub(crate) fn kinds(table: &Table) -> Vec<ColumnKind> {
    table.columns.iter().map(|column| column.kind).collect()
}
