//! JSON Schemas of event payloads, `events/schemas/<type>.v<N>.json`.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;
use wac_events::{call_record, catalogue, cloudevents};

use super::Document;

/// Folder of the schemas, from the repository's root.
const FOLDER: &str = "events/schemas";

pub(super) fn generate() -> Vec<Document> {
    let mut documents = Vec::new();
    for info in catalogue() {
        let older = info.older_versions.iter().zip(info.older_schemas);
        for (version, schema) in older.chain([(&info.schema_version, &info.schema)]) {
            documents.push(document(info.event_type, *version, schema()));
        }
    }
    let (name, version) = (call_record::CALL_RECORD_TYPE, call_record::CALL_RECORD_VERSION);
    documents.push(document(name, version, call_record::schema()));
    documents
}

fn document(event_type: &str, version: u32, mut schema: Value) -> Document {
    if let Value::Object(map) = &mut schema {
        map.insert("$id".to_owned(), cloudevents::schema_uri(event_type, version).into());
        map.insert("title".to_owned(), cloudevents::type_name(event_type, version).into());
    }
    Document { path: format!("{FOLDER}/{event_type}.v{version}.json"), content: schema }
}

/// Schema files of types or versions that the catalogue no longer has.
pub(super) fn left_over(root: &Path, documents: &[Document]) -> Result<Vec<String>> {
    let Ok(entries) = std::fs::read_dir(root.join(FOLDER)) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let path = format!("{FOLDER}/{}", entry?.file_name().display());
        if path.ends_with(".json") && !documents.iter().any(|document| document.path == path) {
            found.push(path);
        }
    }
    Ok(found)
}
