//! Words that must not stay in sources, and files that have grown too long.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Report;
use crate::services::run;

/// Beyond so many lines a file deserves a second thought.
const FILE_LINES_WARN: usize = 500;
/// Kinds of files that are read.
const EXTENSIONS: &[&str] = &["rs", "sql", "sh", "py", "ts", "tsx", "js", "toml", "yaml", "yml"];
/// What must not be left behind. Written in halves, so that this file passes its own check.
const WORDS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("unimple", "mented!"),
    concat!("to", "do!("),
    concat!("dbg", "!("),
];

pub(super) fn check(root: &Path, report: &mut Report) -> Result<()> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let listing = run(Command::new("git").args(arguments).current_dir(root))?;
    for file in listing.split('\0').filter(|file| !file.is_empty()) {
        let extension = Path::new(file).extension().and_then(|extension| extension.to_str());
        if !extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            continue;
        }
        // A file that is deleted but not yet committed is listed and not there.
        let Ok(text) = std::fs::read_to_string(root.join(file)) else { continue };
        report.violations.extend(forbidden_words(&text).into_iter().map(|found| format!("{file}:{found}")));
        let lines = text.lines().count();
        if lines > FILE_LINES_WARN && file.ends_with(".rs") {
            report.warnings.push(format!("{file} has {lines} lines; think about splitting it"));
        }
    }
    Ok(())
}

/// `<line>: <what>` for every forbidden word, but for the manifest lines that forbid them.
fn forbidden_words(text: &str) -> Vec<String> {
    let numbered = text.lines().zip(1..);
    let hits = numbered.flat_map(|(line, number)| {
        let words = WORDS.iter().filter(move |word| line.contains(**word));
        words.map(move |word| format!("{number}: {word} must not stay in the sources"))
    });
    hits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_word_is_found_with_its_line() {
        let text = format!("fn a() {{}}\n// {}: later\n", WORDS[0]);
        let expected = format!("2: {} must not stay in the sources", WORDS[0]);
        assert_eq!(forbidden_words(&text), [expected]);
    }

    #[test]
    fn lint_names_in_manifests_are_no_violation() {
        assert!(forbidden_words("todo = \"warn\"\nunimplemented = \"warn\"\n").is_empty());
    }
}
