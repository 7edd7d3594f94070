//! Looking for a text (or bytes) in files, in every form it may hide in.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::bytes::Regex;

/// One form of what is looked for.
#[derive(Clone, Debug)]
pub struct Form {
    /// What form it is: `plain`, `UTF-16LE`, `hex` …
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// One place where something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The file.
    pub file: PathBuf,
    /// Offset of the first byte.
    pub offset: usize,
    /// See [`Form::name`].
    pub form: String,
}

/// Every form of a text: plain, UTF-16 in both byte orders, and what [`byte_forms`] gives for each
/// of them.
pub fn text_forms(text: &str) -> Vec<Form> {
    let utf16le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let encodings = [("plain", text.as_bytes().to_vec()), ("UTF-16LE", utf16le), ("UTF-16BE", utf16be)];
    encodings.into_iter().flat_map(|(name, bytes)| byte_forms(name, &bytes)).collect()
}

/// Every form of some bytes: as they are, hexadecimal in both cases, base64 in both alphabets at
/// all three alignments.
pub fn byte_forms(name: &str, bytes: &[u8]) -> Vec<Form> {
    let hex = wac_events::hex(bytes);
    let mut forms = vec![
        Form { name: name.to_owned(), bytes: bytes.to_vec() },
        Form { name: format!("hex of {name}"), bytes: hex.clone().into_bytes() },
        Form { name: format!("upper-case hex of {name}"), bytes: hex.to_uppercase().into_bytes() },
    ];
    for alignment in 0..3 {
        for (alphabet, engine) in [("base64", STANDARD_NO_PAD), ("base64url", URL_SAFE_NO_PAD)] {
            let bytes = aligned_base64(&engine, bytes, alignment).into_bytes();
            forms.push(Form { name: format!("{alphabet} of {name}, {alignment} bytes behind a boundary"), bytes });
        }
    }
    forms
}

/// The characters of the base64 text that depend on nothing but `bytes` when these stand
/// `alignment` bytes behind a group's start.
fn aligned_base64(engine: &impl Engine, bytes: &[u8], alignment: usize) -> String {
    let mut padded = vec![0u8; alignment];
    padded.extend_from_slice(bytes);
    let text = engine.encode(&padded);
    let start = (alignment * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    text[start..end].to_owned()
}

/// Looks for `forms` in every file below `root` (or in `root` itself, if it is a file).
pub fn search(root: &Path, forms: &[Form]) -> Result<Vec<Hit>> {
    let any = any_of(forms);
    let mut hits = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).with_context(|| path.display().to_string())?;
            for entry in entries {
                pending.push(entry?.path());
            }
            continue;
        }
        match std::fs::read(&path) {
            Ok(content) if any.is_match(&content) => hits.extend(search_bytes(&path, &content, forms)),
            Ok(_) => {}
            // A running server removes files of its own while we look.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    Ok(hits)
}

/// Looks for `forms` in `content`, which came from `file`.
pub fn search_bytes(file: &Path, content: &[u8], forms: &[Form]) -> Vec<Hit> {
    let found = |form: &Form| {
        let found = any_of(std::slice::from_ref(form)).find(content)?;
        Some(Hit { file: file.to_owned(), offset: found.start(), form: form.name.clone() })
    };
    forms.iter().filter_map(found).collect()
}

/// Matches wherever one of the forms stands.
fn any_of(forms: &[Form]) -> Regex {
    let literal = |form: &Form| form.bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let alternatives: Vec<String> = forms.iter().map(literal).collect();
    Regex::new(&format!("(?-u:{})", alternatives.join("|"))).expect("escaped bytes are a regular expression")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "Kanárek-7f3a";

    fn finds(content: &[u8]) -> bool {
        !search_bytes(Path::new("planted"), content, &text_forms(CANARY)).is_empty()
    }

    #[test]
    fn every_form_is_found_wherever_it_begins() {
        for prefix in ["", "a", "ab", "abc"] {
            let text = format!("{prefix}{CANARY}and more");
            let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert!(finds(text.as_bytes()), "plain behind {prefix:?}");
            assert!(finds(&utf16), "UTF-16BE behind {prefix:?}");
            assert!(finds(wac_events::hex(text.as_bytes()).as_bytes()), "hex behind {prefix:?}");
            assert!(finds(wac_events::hex(text.as_bytes()).to_uppercase().as_bytes()), "HEX behind {prefix:?}");
            assert!(finds(STANDARD_NO_PAD.encode(&text).as_bytes()), "base64 behind {prefix:?}");
            assert!(finds(URL_SAFE_NO_PAD.encode(&utf16).as_bytes()), "base64url of UTF-16 behind {prefix:?}");
        }
    }

    #[test]
    fn another_text_is_not_found() {
        assert!(!finds(b"Kanarek-7f3a, and Kan\xc3\xa1rek-7f3"));
    }
}
