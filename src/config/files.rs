//! Configuration files: TOML, with the line each value stands on.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, find, nearest};
use super::{Configuration, Source, Value};

/// Adds every value of the `.toml` files in `directory`, in the order of their names; `directory`
/// may also be one file.
pub(crate) fn read(directory: &Path, into: &mut Configuration) -> Result<()> {
    let files = files_of(directory)?;
    if files.is_empty() {
        bail!("no .toml file in {}", directory.display());
    }
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        read_text(&file, &text, into)?;
    }
    Ok(())
}

fn files_of(directory: &Path) -> Result<Vec<PathBuf>> {
    let about = || format!("cannot read the configuration in {}", directory.display());
    if directory.metadata().with_context(about)?.is_file() {
        return Ok(vec![directory.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in directory.read_dir().with_context(about)? {
        let path = entry.with_context(about)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_text(file: &Path, text: &str, into: &mut Configuration) -> Result<()> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        anyhow::anyhow!("{}:{line}: {}", file.display(), error.message())
    })?;
    read_table(file, text, "", table.get_ref(), into)
}

fn read_table(file: &Path, text: &str, prefix: &str, table: &DeTable<'_>, into: &mut Configuration) -> Result<()> {
    for (name, value) in table {
        let name_span = name.span();
        let full = format!("{prefix}{}", name.get_ref());
        let line = line_of(text, name_span.start);
        let place = || format!("{}:{line}", file.display());
        match (find(&full), value.get_ref()) {
            (Some(key), toml) => {
                let value = Value::from_toml(key, toml).map_err(|why| anyhow::anyhow!("{}: {full}: {why}", place()))?;
                into.set(key, Source::File { file: file.to_owned(), line }, value);
            }
            (None, DeValue::Table(inner)) if KEYS.iter().any(|key| key.name.starts_with(&format!("{full}."))) => {
                read_table(file, text, &format!("{full}."), inner, into)?;
            }
            (None, _) => {
                let hint = nearest(&full, KEYS.iter().map(|key| key.name));
                let hint = hint.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                bail!("{}: there is no key {full}{hint}", place());
            }
        }
    }
    Ok(())
}

fn line_of(text: &str, byte: usize) -> usize {
    1 + text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_str(text: &str) -> Result<Configuration> {
        let mut configuration = Configuration::empty();
        read_text(Path::new("wac.toml"), text, &mut configuration).map(|()| configuration)
    }

    #[test]
    fn a_value_knows_its_file_and_line() {
        let configuration = read_str("roles = [\"api\"]\n\n[http]\nport = 9_000\n").unwrap();
        let (source, value) = configuration.effective("http.port").unwrap();
        assert_eq!(*value, Value::Number(9000));
        assert_eq!(source.to_string(), "wac.toml:4");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_a_suggestion() {
        let refusal = read_str("[http]\n\nprot = 1\n").unwrap_err().to_string();
        assert_eq!(refusal, "wac.toml:3: there is no key http.prot; did you mean http.port?");
        let refusal = read_str("[htp]\nport = 1\n").unwrap_err().to_string();
        assert!(refusal.starts_with("wac.toml:1: there is no key htp"), "{refusal}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_with_what_was_expected() {
        let refusal = read_str("http.port = 70000\n").unwrap_err().to_string();
        assert_eq!(refusal, "wac.toml:1: http.port: expected a whole number from 0 to 65535, found 70000");
        let refusal = read_str("roles = [\"api\", \"relai\"]\n").unwrap_err().to_string();
        assert!(refusal.ends_with("did you mean \"relay\"?"), "{refusal}");
        let refusal = read_str("masterKey = 17\n").unwrap_err().to_string();
        assert_eq!(refusal, "wac.toml:1: masterKey: expected a text");
    }

    #[test]
    fn broken_toml_names_the_line() {
        let refusal = read_str("bind = \"x\"\nroles = [\n").unwrap_err().to_string();
        assert!(refusal.starts_with("wac.toml:"), "{refusal}");
    }
}
