//! Between typed fields and column values.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wac_events::{Cell, PERSONAL_TAG, Personal, SECRET_TAG, Secret, Time};

use crate::{Row, RowChange, Table, Value};

/// A document as JSON text. Protected fields that were decoded from the log are sealed or erased,
/// never clear, so they go into the row as they stand in the log.
pub(crate) fn json<T: Serialize>(document: &T) -> Value {
    Value::Text(serde_json::to_string(document).expect("what was decoded from the log is sealed and encodes again"))
}

/// A document as JSON text, or NULL.
pub(crate) fn json_or_null<T: Serialize>(document: Option<&T>) -> Value {
    document.map_or(Value::Null, json)
}

/// A personal field as JSON text, the same as [`json`] gives.
pub(crate) fn personal(field: &Personal) -> Value {
    sealed(PERSONAL_TAG, &field.0).map_or_else(|| json(field), Value::Text)
}

/// A personal field as JSON text, or NULL.
pub(crate) fn personal_or_null(field: Option<&Personal>) -> Value {
    field.map_or(Value::Null, personal)
}

/// A secret as JSON text, the same as [`json`] gives.
pub(crate) fn secret(field: &Secret) -> Value {
    sealed(SECRET_TAG, &field.0).map_or_else(|| json(field), Value::Text)
}

/// A sealed field's JSON, put together in one allocation without a look at every character: most
/// of a person's row is this. `None`: it is not sealed, or holds what JSON must escape.
fn sealed(tag: &str, cell: &Cell) -> Option<String> {
    let Cell::Sealed(text) = cell else { return None };
    // No early end, so that it is done many bytes at once.
    if text.bytes().fold(false, |found, byte| found | (byte < b' ') | (byte == b'"') | (byte == b'\\')) {
        return None;
    }
    let parts = ["{\"", tag, "\":\"", text, "\"}"];
    let mut json = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| json.push_str(part));
    Some(json)
}

/// An unsigned number; what no column can hold becomes the greatest it can.
pub(crate) fn int(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// An unsigned number, or NULL.
pub(crate) fn int_or_null(number: Option<u64>) -> Value {
    number.map_or(Value::Null, int)
}

/// An instant as microseconds since the epoch.
pub(crate) fn time(time: Time) -> Value {
    Value::Int(time.micros())
}

/// A variant without content, as it stands in events.
pub(crate) fn word<T: Serialize>(variant: &T) -> Value {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(text)) => Value::Text(text),
        _ => Value::Null,
    }
}

/// Reads typed fields out of a row; `None` where a column is missing or holds something else.
pub(crate) struct Fields<'a>(pub(crate) &'a Row);

impl Fields<'_> {
    pub(crate) fn text(&self, column: &str) -> Option<String> {
        self.0.get(column)?.as_text().map(str::to_owned)
    }

    pub(crate) fn id<T: for<'t> From<&'t str>>(&self, column: &str) -> Option<T> {
        self.0.get(column)?.as_text().map(T::from)
    }

    pub(crate) fn number(&self, column: &str) -> Option<u64> {
        u64::try_from(self.0.get(column)?.as_int()?).ok()
    }

    pub(crate) fn bool(&self, column: &str) -> Option<bool> {
        self.0.get(column)?.as_bool()
    }

    pub(crate) fn time(&self, column: &str) -> Option<Time> {
        self.0.get(column)?.as_int().map(Time::from_micros)
    }

    pub(crate) fn word<T: DeserializeOwned>(&self, column: &str) -> Option<T> {
        serde_json::from_value(serde_json::Value::String(self.text(column)?)).ok()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &str) -> Option<T> {
        serde_json::from_str(self.0.get(column)?.as_text()?).ok()
    }

    /// NULL is `None`; anything else must be readable by `read`.
    pub(crate) fn optional<T>(&self, column: &str, read: impl FnOnce(&Self, &str) -> Option<T>) -> Option<Option<T>> {
        match self.0.get(column)? {
            Value::Null => Some(None),
            _ => read(self, column).map(Some),
        }
    }

    pub(crate) fn optional_personal(&self, column: &str) -> Option<Option<Personal>> {
        self.optional(column, |fields, column| fields.json(column))
    }
}

/// Columns of a patch or a row, built field by field.
pub(crate) struct Changes(Vec<(&'static str, Value)>);

impl Changes {
    /// Starts with nothing: rows of tables without a version.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Starts with the stream version every change of a row brings along.
    pub(crate) fn to_version(version: u64) -> Self {
        Self(vec![("version", int(version))])
    }

    /// The same, with room for a whole row of `table`.
    pub(crate) fn row(table: &Table, version: u64) -> Self {
        let mut columns = Vec::with_capacity(table.columns.len());
        columns.push(("version", int(version)));
        Self(columns)
    }

    /// Sets a column if its field has changed.
    pub(crate) fn field<T>(
        mut self,
        column: &'static str,
        patch: &wac_events::Patch<T>,
        value: impl FnOnce(&T) -> Value,
    ) -> Self {
        if let Some(new) = patch.set() {
            self.0.push((column, value(new)));
        }
        self
    }

    /// Sets a column.
    pub(crate) fn column(mut self, column: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((column, value.into()));
        self
    }

    /// They make a whole row.
    pub(crate) fn upsert(self, table: &'static Table, key: impl Into<String>) -> RowChange {
        RowChange::Upsert { table, key: key.into(), set: self.0 }
    }

    /// They change a row, if there is one.
    pub(crate) fn patch(self, table: &'static Table, key: impl Into<String>) -> RowChange {
        RowChange::Patch { table, key: key.into(), set: self.0 }
    }

    pub(crate) fn into_set(self) -> Vec<(&'static str, Value)> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_field_is_written_as_serde_writes_it() {
        for text in ["0190-aa.bm9uY2U", "", "a\"b.c", "a\\b", "line\nend", "\u{7f}é漢", "a\u{0}b"] {
            let (person, secret_field) =
                (Personal(Cell::Sealed(text.to_owned())), Secret(Cell::Sealed(text.to_owned())));
            assert_eq!(personal(&person), json(&person), "{text:?}");
            assert_eq!(secret(&secret_field), json(&secret_field), "{text:?}");
        }
        assert_eq!(personal(&Personal(Cell::Erased)), Value::from("{}"));
        assert_eq!(personal_or_null(None), Value::Null);
    }
}
