//! Where cargo puts the program under test.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::cargo;

/// The `wac` that `cargo test` with these arguments has built; `None` if they leave it out. Builds what is missing, and
/// fails if that does: tests of the program would be left out, and nobody would notice.
pub(super) fn wac(arguments: &[OsString]) -> Result<Option<PathBuf>> {
    let mut building = cargo(&["test", "--locked", "--workspace", "--no-run", "--message-format", "json"]);
    building.args(arguments).stderr(Stdio::null());
    let output = building.output().context("asking cargo where it has put wac")?;
    ensure!(output.status.success(), "wac cannot be built: {}", output.status);
    Ok(executable(&String::from_utf8_lossy(&output.stdout)))
}

/// Looks for the program, not its unit tests, among cargo's messages (one JSON object a line).
fn executable(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = |message: &Value| {
        message["reason"] == "compiler-artifact"
            && message["target"]["name"] == "wac"
            && message["target"]["kind"] == serde_json::json!(["bin"])
            && message["profile"]["test"] == false
    };
    messages.filter(program).find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_libraries_and_tests() {
        let message = |kind: &str, test: bool, executable: &str| {
            let target = serde_json::json!({ "name": "wac", "kind": [kind] });
            serde_json::json!({ "reason": "compiler-artifact", "target": target, "profile": { "test": test }, "executable": executable })
                .to_string()
        };
        let messages = [
            "no JSON".to_owned(),
            message("lib", false, "/t/libwac"),
            message("bin", true, "/t/deps/wac-1"),
            message("bin", false, "/t/wac"),
        ];
        assert_eq!(executable(&messages.join("\n")), Some(PathBuf::from("/t/wac")));
        assert_eq!(executable(&messages[..3].join("\n")), None);
    }
}
