//! Origin patterns: which names and hosts an anonymous log-in maps to a domain (guide 5.1.5.2).

use regex::{Regex, RegexBuilder};

/// Longest pattern, in bytes.
pub const ORIGIN_BYTES_MAX: usize = 1_000;
/// Most memory a compiled pattern takes, in bytes.
pub const ORIGIN_COMPILED_BYTES_MAX: usize = 1 << 20;

/// A pattern ready to match.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Option<Regex>,
    literal_chars: usize,
}

impl Pattern {
    /// Compiles a pattern: `*` matches any run of characters, everything else is literal; between
    /// slashes it is a regular expression over the whole text; `None` and the empty one match
    /// nothing. Letters match in either case.
    ///
    /// Errors: a sentence that says what is wrong.
    pub fn compile(pattern: Option<&str>) -> Result<Self, String> {
        let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else {
            return Ok(Self { regex: None, literal_chars: 0 });
        };
        if pattern.len() > ORIGIN_BYTES_MAX {
            return Err(format!("an origin has at most {ORIGIN_BYTES_MAX} bytes"));
        }
        let body = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        let (source, literal_chars) = match body {
            Some(body) => (body.to_owned(), 0),
            None => {
                let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
                (parts.join(".*"), pattern.chars().filter(|c| *c != '*').count())
            }
        };
        let regex = RegexBuilder::new(&format!("^(?:{source})$"))
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .size_limit(ORIGIN_COMPILED_BYTES_MAX)
            .build()
            .map_err(|_| "the regular expression between the slashes is not valid or too large".to_owned())?;
        Ok(Self { regex: Some(regex), literal_chars })
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.as_ref().is_some_and(|regex| regex.is_match(text))
    }

    /// How many characters of the pattern are literal; of several matching patterns the one with
    /// most wins. A regular expression counts none.
    pub fn literal_chars(&self) -> usize {
        self.literal_chars
    }
}

/// Whether a pattern compiles.
pub(crate) fn check(pattern: Option<&str>) -> Result<(), String> {
    Pattern::compile(pattern).map(|_| ())
}
