//! Whether a schema may change without a new version: events already written must still be
//! valid, and readers of the old schema must still find what they were promised.

use serde_json::{Map, Value};

/// What in `new` breaks with `old`, in words; empty if nothing does.
pub(super) fn breaking_changes(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare_objects("", old, new, &mut found);
    let empty = Map::new();
    let definitions = |schema: &Value| schema.get("$defs").and_then(Value::as_object).cloned();
    let new_definitions = definitions(new).unwrap_or_default();
    for (name, old_definition) in &definitions(old).unwrap_or(empty) {
        if let Some(new_definition) = new_definitions.get(name) {
            compare_objects(&format!("{name}."), old_definition, new_definition, &mut found);
            compare_alternatives(name, old_definition, new_definition, &mut found);
        }
    }
    found
}

fn compare_objects(prefix: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    let properties = |schema: &Value| schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let (old_properties, new_properties) = (properties(old), properties(new));
    for (name, old_property) in &old_properties {
        match new_properties.get(name) {
            None => found.push(format!("{prefix}{name} is gone")),
            Some(property) if shape(property) != shape(old_property) => {
                found.push(format!("{prefix}{name} has another type"));
            }
            Some(_) => {}
        }
    }
    let (old_required, new_required) = (required(old), required(new));
    for name in new_required.iter().filter(|name| !old_required.contains(name)) {
        found.push(format!("{prefix}{name} has become required, and events without it exist"));
    }
    for name in old_required.iter().filter(|name| !new_required.contains(name) && new_properties.contains_key(*name)) {
        found.push(format!("{prefix}{name} is no longer required, and readers count on it"));
    }
}

fn required(schema: &Value) -> Vec<String> {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// A property without what is only said to people.
fn shape(property: &Value) -> Value {
    let mut shape = property.clone();
    if let Value::Object(map) = &mut shape {
        map.remove("description");
        map.remove("default");
    }
    shape
}

/// Alternatives of an enumeration may be added, never removed.
fn compare_alternatives(name: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    let (old, new) = (alternatives(old), alternatives(new));
    for gone in old.iter().filter(|alternative| !new.contains(alternative)) {
        found.push(format!("{name} no longer has {gone}"));
    }
}

fn alternatives(schema: &Value) -> Vec<Value> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().cloned();
    let documented = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    listed.chain(documented.filter_map(|one| one.get("const").cloned())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(properties: Value, required: &[&str]) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    #[test]
    fn a_new_optional_field_is_compatible() {
        let old = schema(json!({ "a": { "type": "string" } }), &["a"]);
        let new = schema(json!({ "a": { "type": "string", "description": "A." }, "b": { "type": "integer" } }), &["a"]);
        assert!(breaking_changes(&old, &new).is_empty());
    }

    #[test]
    fn a_field_that_is_gone_retyped_or_newly_required_breaks() {
        let old = schema(json!({ "a": { "type": "string" }, "b": { "type": "string" } }), &["a"]);
        let new = schema(json!({ "b": { "type": "integer" }, "c": { "type": "string" } }), &["c"]);
        let found = breaking_changes(&old, &new).join("; ");
        for expected in ["a is gone", "b has another type", "c has become required"] {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn an_alternative_that_is_gone_breaks() {
        let role = |names: &[&str]| json!({ "$defs": { "Role": { "enum": names } } });
        assert!(breaking_changes(&role(&["admin"]), &role(&["admin", "user"])).is_empty());
        assert_eq!(breaking_changes(&role(&["admin", "user"]), &role(&["admin"])), ["Role no longer has \"user\""]);
    }
}
