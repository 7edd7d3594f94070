//! The committed schema.

use std::path::Path;

#[test]
fn the_committed_schema_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema.graphql");
    let now = wac_api::graphql::sdl();
    if std::env::var_os("WAC_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, &now).expect("docs/ can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == now, "docs/schema.graphql is out of date; run the tests with WAC_WRITE_SCHEMA=1");
}
