//! Configuration in layers: defaults, files, environment, command line, each beating the one
//! before; every value knows where it came from.

mod environment;
mod files;
mod keys;
mod secret;
mod settings;
mod signaling;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub(crate) use keys::{KEYS, Key, find, nearest};
pub(crate) use secret::SharedSecret;
pub(crate) use settings::{DATABASE_FILE, Database, MASTER_KEY_FILE, MediaSettings, Settings};
pub(crate) use value::Value;

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// Nobody said anything.
    Default,
    /// Nobody said anything, and the command has a default of its own.
    CommandDefault(&'static str),
    /// A configuration file.
    File {
        /// Which.
        file: PathBuf,
        /// The line of the key, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A command-line option.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::CommandDefault(command) => write!(f, "default of `{command}`"),
            Source::File { file, line } => write!(f, "{}:{line}", file.display()),
            Source::Variable(variable) => write!(f, "environment variable {variable}"),
            Source::Flag(flag) => write!(f, "command line {flag}"),
        }
    }
}

/// What the command line says: a directory of files, and single values.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandLine {
    /// `--config`.
    pub(crate) directory: Option<PathBuf>,
    /// Option, key and text of every value given.
    pub(crate) values: Vec<(String, String, String)>,
    /// Defaults of the command itself: key and text.
    pub(crate) defaults: Vec<(&'static str, String)>,
    /// The command, for [`Source::CommandDefault`].
    pub(crate) command: &'static str,
}

impl CommandLine {
    /// Adds the value of an option, if it was given.
    pub(crate) fn option(&mut self, flag: &str, key: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.values.push((flag.to_owned(), key.to_owned(), value.to_string()));
        }
    }
}

/// Every layer that says something of a key, in rising order.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    layers: BTreeMap<&'static str, Vec<(Source, Value)>>,
}

impl Configuration {
    /// All layers of this process.
    pub(crate) fn load(command_line: &CommandLine) -> Result<Self> {
        let mut configuration = Self::empty();
        for key in KEYS {
            if let Some(default) = key.default {
                let value = Value::from_text(key, default).expect("defaults are checked by a test");
                configuration.set(key, Source::Default, value);
            }
        }
        for (name, text) in &command_line.defaults {
            configuration.set_text(name, text, Source::CommandDefault(command_line.command))?;
        }
        if let Some(directory) = &command_line.directory {
            files::read(directory, &mut configuration)?;
        }
        let variables = std::env::vars_os()
            .filter_map(|(variable, text)| Some((variable.into_string().ok()?, text.into_string().ok()?)));
        environment::read(variables, &mut configuration)?;
        for (flag, name, text) in &command_line.values {
            configuration.set_text(name, text, Source::Flag(flag.clone())).with_context(|| flag.clone())?;
        }
        Ok(configuration)
    }

    fn empty() -> Self {
        Self { layers: BTreeMap::new() }
    }

    fn set(&mut self, key: &Key, source: Source, value: Value) {
        self.layers.entry(key.name).or_default().push((source, value));
    }

    fn set_text(&mut self, name: &str, text: &str, source: Source) -> Result<()> {
        let key = known_key(name)?;
        let value = Value::from_text(key, text).map_err(|why| anyhow::anyhow!("{name}: {why}"))?;
        self.set(key, source, value);
        Ok(())
    }

    /// Every layer that sets a key, the one that holds last.
    pub(crate) fn layers(&self, name: &str) -> &[(Source, Value)] {
        self.layers.get(name).map_or(&[], Vec::as_slice)
    }

    /// What holds for a key, and where it came from.
    pub(crate) fn effective(&self, name: &str) -> Option<(&Source, &Value)> {
        self.layers(name).last().map(|(source, value)| (source, value))
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.effective(name) {
            Some((_, Value::Text(text))) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A text that names a file or directory.
    pub(crate) fn path(&self, name: &str) -> Option<&Path> {
        self.text(name).map(Path::new)
    }

    fn number(&self, name: &str) -> u64 {
        match self.effective(name) {
            Some((_, Value::Number(number))) => *number,
            _ => 0,
        }
    }

    fn bool(&self, name: &str) -> bool {
        matches!(self.effective(name), Some((_, Value::Bool(true))))
    }

    fn list(&self, name: &str) -> &[String] {
        match self.effective(name) {
            Some((_, Value::List(items))) => items,
            _ => &[],
        }
    }

    fn pairs(&self, name: &str) -> BTreeMap<String, String> {
        match self.effective(name) {
            Some((_, Value::Pairs(pairs))) => pairs.clone(),
            _ => BTreeMap::new(),
        }
    }
}

/// The key of this name, or a refusal that suggests one.
pub(crate) fn known_key(name: &str) -> Result<&'static Key> {
    find(name).with_context(|| {
        let hint = nearest(name, KEYS.iter().map(|key| key.name));
        let hint = hint.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("there is no key {name}{hint}")
    })
}
