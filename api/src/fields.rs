//! Reading a JSON object field by field, so that its sender learns of every wrong field at once.

use serde_json::{Map, Value};
use wac_events::Patch;
use wac_events::domain::Services;

use crate::Problem;
use crate::problem::FieldError;

/// Longest free text in a field, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 4_096;
/// Most entries of a list in a body.
pub(crate) const LIST_ENTRIES_MAX: usize = 1_000;

/// An object on its way to typed values. What is wrong is gathered; [`Fields::finish`] tells.
pub(crate) struct Fields {
    map: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Starts to read a body. Names of `ignored` fields (the server's own) may be there.
    pub(crate) fn of_body(body: Value, ignored: &[&str]) -> Result<Self, Problem> {
        let Value::Object(mut map) = body else {
            return Err(Problem::fields(vec![FieldError {
                pointer: String::new(),
                code: "type".into(),
                detail: "The body must be a JSON object.".into(),
            }]));
        };
        ignored.iter().for_each(|name| {
            map.remove(*name);
        });
        Ok(Self { map, errors: Vec::new() })
    }

    /// Notes that a field is wrong.
    pub(crate) fn wrong(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        self.errors.push(FieldError { pointer, code: code.into(), detail: detail.into() });
    }

    /// Notes that an entry of a list is wrong.
    pub(crate) fn wrong_entry(&mut self, name: &str, index: usize, code: &'static str, detail: impl Into<String>) {
        let pointer = format!("/{name}/{index}");
        self.errors.push(FieldError { pointer, code: code.into(), detail: detail.into() });
    }

    /// Whether the field has been noted as wrong.
    pub(crate) fn is_wrong(&self, name: &str) -> bool {
        self.errors.iter().any(|error| error.pointer.trim_start_matches('/') == name)
    }

    fn read<T>(&mut self, name: &str, expected: &str, read: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let value = self.map.remove(name)?;
        if is_too_long(&value) {
            self.wrong(name, "too_long", format!("`{name}` has at most {TEXT_BYTES_MAX} bytes."));
            return None;
        }
        let read = read(value);
        if read.is_none() {
            self.wrong(name, "type", format!("`{name}` must be {expected}."));
        }
        read
    }

    /// A text that must be there.
    pub(crate) fn required_text(&mut self, name: &str) -> String {
        if !self.map.contains_key(name) {
            self.wrong(name, "required", format!("`{name}` is required."));
        }
        self.read(name, "a string", text).unwrap_or_default()
    }

    /// A text: absent keeps, `null` is not allowed.
    pub(crate) fn text(&mut self, name: &str) -> Patch<String> {
        self.read(name, "a string", text).map_or(Patch::Keep, Patch::Set)
    }

    /// A text or `null`.
    pub(crate) fn optional_text(&mut self, name: &str) -> Patch<Option<String>> {
        self.read(name, "a string or null", |value| if value.is_null() { Some(None) } else { text(value).map(Some) })
            .map_or(Patch::Keep, Patch::Set)
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, name: &str) -> Patch<bool> {
        self.read(name, "true or false", |value| value.as_bool()).map_or(Patch::Keep, Patch::Set)
    }

    /// A whole number from 0 to `max`.
    pub(crate) fn number(&mut self, name: &str, max: u64) -> Patch<u64> {
        let expected = format!("a whole number from 0 to {max}");
        self.read(name, &expected, |value| whole(&value, max)).map_or(Patch::Keep, Patch::Set)
    }

    /// A whole number from 0 to `max`, or `null`.
    pub(crate) fn optional_number(&mut self, name: &str, max: u64) -> Patch<Option<u64>> {
        let expected = format!("a whole number from 0 to {max}, or null");
        let read = |value: Value| if value.is_null() { Some(None) } else { whole(&value, max).map(Some) };
        self.read(name, &expected, read).map_or(Patch::Keep, Patch::Set)
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, name: &str) -> Patch<Vec<String>> {
        self.list(name, "a list of strings", text)
    }

    /// A list of texts and `null`s; `null` instead of the list is an empty one. One text alone is a list of one.
    pub(crate) fn optional_texts(&mut self, name: &str) -> Patch<Vec<Option<String>>> {
        match self.map.get(name) {
            Some(Value::Null) => {
                self.map.remove(name);
                Patch::Set(Vec::new())
            }
            Some(Value::String(_)) => {
                self.read(name, "a string", text).map_or(Patch::Keep, |text| Patch::Set(vec![Some(text)]))
            }
            _ => self.list(name, "a list of strings and nulls", |value| {
                if value.is_null() { Some(None) } else { text(value).map(Some) }
            }),
        }
    }

    fn list<T>(&mut self, name: &str, expected: &str, read: impl Fn(Value) -> Option<T>) -> Patch<Vec<T>> {
        let Some(value) = self.map.remove(name) else { return Patch::Keep };
        let Value::Array(items) = value else {
            self.wrong(name, "type", format!("`{name}` must be {expected}."));
            return Patch::Keep;
        };
        if items.len() > LIST_ENTRIES_MAX {
            self.wrong(name, "too_many", format!("`{name}` has at most {LIST_ENTRIES_MAX} entries."));
            return Patch::Keep;
        }
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            if is_too_long(&item) {
                self.wrong_entry(name, index, "too_long", format!("A text has at most {TEXT_BYTES_MAX} bytes."));
                continue;
            }
            match read(item) {
                Some(value) => values.push(value),
                None => {
                    let pointer = format!("/{name}/{index}");
                    let detail = format!("`{name}` must be {expected}.");
                    self.errors.push(FieldError { pointer, code: "type".into(), detail });
                }
            }
        }
        Patch::Set(values)
    }

    /// An object, taken as it is.
    pub(crate) fn object(&mut self, name: &str) -> Patch<Map<String, Value>> {
        self.read(name, "an object", |value| if let Value::Object(map) = value { Some(map) } else { None })
            .map_or(Patch::Keep, Patch::Set)
    }

    /// An object that must be there.
    pub(crate) fn required_object(&mut self, name: &str) -> Map<String, Value> {
        if !self.map.contains_key(name) {
            self.wrong(name, "required", format!("`{name}` is required."));
        }
        match self.object(name) {
            Patch::Set(object) => object,
            Patch::Keep => Map::new(),
        }
    }

    /// A map from service to backends, or `null`.
    pub(crate) fn services(&mut self, name: &str) -> Patch<Option<Services>> {
        let read = |value: Value| match value {
            Value::Null => Some(None),
            value => serde_json::from_value::<Services>(value).ok().map(Some),
        };
        self.read(name, "an object whose values are lists of strings, or null", read).map_or(Patch::Keep, Patch::Set)
    }

    /// Everything has been read: what is left over is unknown, and refused by name.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<String> = self.map.keys().cloned().collect();
        for name in unknown {
            let detail = format!("There is no field `{name}` here.");
            self.wrong(&name, "unknown_field", detail);
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }
}

fn text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

fn is_too_long(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() > TEXT_BYTES_MAX)
}

fn whole(value: &Value, max: u64) -> Option<u64> {
    value.as_u64().filter(|number| *number <= max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let body = json!({ "id": "x", "name": 7, "tags": ["a", 1], "colour": "red" });
        let mut fields = Fields::of_body(body, &["id"]).expect("it is an object");
        fields.required_text("domain");
        assert!(fields.text("name").is_keep());
        fields.texts("tags").is_keep();
        let problem = fields.finish().expect_err("four fields are wrong");
        let pointers: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/domain", "/name", "/tags/1", "/colour"]);
    }

    #[test]
    fn a_text_that_is_too_long_is_said_to_be() {
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        let mut fields = Fields::of_body(json!({ "name": long, "tags": ["a", long] }), &[]).expect("it is an object");
        fields.required_text("name");
        fields.texts("tags").is_keep();
        let problem = fields.finish().expect_err("both are too long");
        let codes: Vec<_> = problem.errors.iter().map(|error| (&*error.pointer, &*error.code)).collect();
        assert_eq!(codes, [("/name", "too_long"), ("/tags/1", "too_long")]);
    }

    #[test]
    fn null_clears_what_may_be_cleared_and_absence_keeps() {
        let mut fields = Fields::of_body(json!({ "email": null }), &[]).expect("it is an object");
        assert_eq!(fields.optional_text("email"), Patch::Set(None));
        assert_eq!(fields.optional_text("displayName"), Patch::Keep);
        fields.finish().expect("nothing is left over");
    }
}
