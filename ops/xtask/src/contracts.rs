//! The generated descriptions of what goes over wires: a JSON Schema for every event type and
//! version, the AsyncAPI document of the Kafka topics, and both of the signaling sockets. Committed,
//! and compared in CI.

mod asyncapi;
mod compatibility;
mod schemas;

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// One generated document.
struct Document {
    /// Path from the repository's root.
    path: String,
    content: Value,
}

impl Document {
    fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.content).expect("a JSON value can be written");
        text.push('\n');
        text
    }
}

fn documents() -> Vec<Document> {
    let mut documents = schemas::generate();
    documents.push(Document { path: "docs/asyncapi.json".to_owned(), content: asyncapi::generate() });
    let sockets = [
        ("docs/signaling.schema.json", wac_signaling::wire::schemas()),
        ("docs/asyncapi-signaling.json", wac_signaling::asyncapi::document()),
    ];
    documents.extend(sockets.map(|(path, content)| Document { path: path.to_owned(), content }));
    documents
}

/// Paths of committed documents that are not what the code generates (missing ones and left-over
/// schemas included).
pub fn stale(root: &Path) -> Result<Vec<String>> {
    let documents = documents();
    let differs = |document: &&Document| {
        std::fs::read_to_string(root.join(&document.path)).ok().as_deref() != Some(&document.text())
    };
    let mut stale: Vec<String> = documents.iter().filter(differs).map(|document| document.path.clone()).collect();
    stale.extend(schemas::left_over(root, &documents)?);
    Ok(stale)
}

/// Writes what differs and removes left-over schemas; returns the paths concerned.
pub fn write(root: &Path) -> Result<Vec<String>> {
    let stale = stale(root)?;
    let documents = documents();
    for path in &stale {
        let file = root.join(path);
        match documents.iter().find(|document| document.path == *path) {
            Some(document) => {
                let parent = file.parent().context("every document is in a folder")?;
                std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
                std::fs::write(&file, document.text()).with_context(|| path.clone())?;
            }
            None => std::fs::remove_file(&file).with_context(|| path.clone())?,
        }
    }
    Ok(stale)
}

/// Changes of committed schemas that break a reader of the same version, in words.
pub fn incompatibilities(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for document in schemas::generate() {
        let Ok(text) = std::fs::read_to_string(root.join(&document.path)) else { continue };
        let committed: Value = serde_json::from_str(&text).with_context(|| document.path.clone())?;
        let changes = compatibility::breaking_changes(&committed, &document.content);
        found.extend(changes.into_iter().map(|change| format!("{}: {change}", document.path)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_and_version_has_a_schema_of_its_own_name() {
        let documents = documents();
        for info in wac_events::catalogue() {
            for version in info.older_versions.iter().chain([&info.schema_version]) {
                let path = format!("events/schemas/{}.v{version}.json", info.event_type);
                assert!(documents.iter().any(|document| document.path == path), "{path}");
            }
        }
    }

    #[test]
    fn writing_makes_everything_fresh_and_removes_left_overs() {
        let root = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(root.path().join("events/schemas")).expect("a folder");
        std::fs::write(root.path().join("events/schemas/gone.happened.v1.json"), "{}").expect("a file");
        assert_eq!(stale(root.path()).expect("readable").len(), documents().len() + 1);
        write(root.path()).expect("writable");
        assert_eq!(stale(root.path()).expect("readable"), Vec::<String>::new());
    }
}
