//! One configured value, and how each source spells it.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::{DeTable, DeValue};

use super::keys::{Key, Kind, nearest};

/// A value of the kind its key asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// Text.
    Text(String),
    /// A switch.
    Bool(bool),
    /// A whole number.
    Number(u64),
    /// Texts.
    List(Vec<String>),
    /// Names with texts.
    Pairs(BTreeMap<String, String>),
}

impl Value {
    /// Reads what an environment variable or the command line says.
    pub(crate) fn from_text(key: &Key, text: &str) -> Result<Self, String> {
        let value = match key.kind {
            Kind::Text | Kind::OneOf(_) => Value::Text(text.to_owned()),
            Kind::Bool => Value::Bool(text.parse().map_err(|_| expected(key, text))?),
            Kind::Number(..) => Value::Number(text.parse().map_err(|_| expected(key, text))?),
            Kind::List | Kind::SomeOf(_) => Value::List(items(text).map(str::to_owned).collect()),
            Kind::Pairs => Value::Pairs(
                items(text)
                    .map(|item| item.split_once('='))
                    .map(|pair| pair.map(|(name, text)| (name.trim().to_owned(), text.trim().to_owned())))
                    .collect::<Option<_>>()
                    .ok_or_else(|| expected(key, text))?,
            ),
        };
        value.checked(key)
    }

    /// Reads what a file says.
    pub(crate) fn from_toml(key: &Key, toml: &DeValue<'_>) -> Result<Self, String> {
        let found = || expected(key, &format!("a TOML {}", toml.type_str()));
        let value = match (key.kind, toml) {
            (Kind::Text | Kind::OneOf(_), DeValue::String(text)) => Value::Text(text.to_string()),
            (Kind::Bool, DeValue::Boolean(on)) => Value::Bool(*on),
            (Kind::Number(..), DeValue::Integer(number)) => {
                let digits = number.as_str().replace('_', "");
                Value::Number(u64::from_str_radix(&digits, number.radix()).map_err(|_| expected(key, number.as_str()))?)
            }
            (Kind::List | Kind::SomeOf(_), DeValue::Array(items)) => Value::List(
                items
                    .iter()
                    .map(|item| item.get_ref().as_str().map(str::to_owned).ok_or_else(found))
                    .collect::<Result<_, _>>()?,
            ),
            (Kind::Pairs, DeValue::Table(table)) => {
                let mut pairs = BTreeMap::new();
                collect_pairs("", table, &mut pairs).ok_or_else(|| expected(key, "something else in it"))?;
                Value::Pairs(pairs)
            }
            _ => return Err(found()),
        };
        value.checked(key)
    }

    fn checked(self, key: &Key) -> Result<Self, String> {
        match (key.kind, &self) {
            (Kind::Number(least, most), Value::Number(number)) if !(least..=most).contains(number) => {
                Err(expected(key, &number.to_string()))
            }
            (Kind::OneOf(words), Value::Text(word)) => known_word(words, word).map(|()| self),
            (Kind::SomeOf(words), Value::List(list)) => {
                list.iter().try_for_each(|word| known_word(words, word)).map(|()| self)
            }
            _ => Ok(self),
        }
    }

    /// As JSON, for programs.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Text(text) => text.as_str().into(),
            Value::Bool(on) => (*on).into(),
            Value::Number(number) => (*number).into(),
            Value::List(items) => items.as_slice().into(),
            Value::Pairs(pairs) => {
                pairs.iter().map(|(name, text)| (name.clone(), serde_json::Value::from(text.as_str()))).collect()
            }
        }
    }
}

/// As TOML.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(f, "{}", toml::Value::from(text.as_str())),
            Value::Bool(on) => on.fmt(f),
            Value::Number(number) => number.fmt(f),
            Value::List(items) => write!(f, "{}", toml::Value::from(items.clone())),
            Value::Pairs(pairs) => write!(f, "{}", toml::Value::from(pairs.clone())),
        }
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// `a.b = "c"` and `"a.b" = "c"` mean the same.
fn collect_pairs(prefix: &str, table: &DeTable<'_>, pairs: &mut BTreeMap<String, String>) -> Option<()> {
    for (name, value) in table {
        let name = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::String(text) => drop(pairs.insert(name, text.to_string())),
            DeValue::Boolean(on) => drop(pairs.insert(name, on.to_string())),
            DeValue::Integer(number) => drop(pairs.insert(name, number.to_string())),
            DeValue::Table(inner) => collect_pairs(&format!("{name}."), inner, pairs)?,
            _ => return None,
        }
    }
    Some(())
}

fn known_word(words: &[&str], word: &str) -> Result<(), String> {
    if words.contains(&word) {
        return Ok(());
    }
    let hint = nearest(word, words.iter().copied()).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    Err(format!("{word:?} is none of {}{hint}", words.join(", ")))
}

fn expected(key: &Key, found: &str) -> String {
    let wanted = match key.kind {
        Kind::Text => "a text".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
        Kind::List => "a list of texts".to_owned(),
        Kind::Pairs => "names with texts".to_owned(),
        Kind::SomeOf(words) => format!("a list of some of {}", words.join(", ")),
        Kind::OneOf(words) => format!("one of {}", words.join(", ")),
    };
    if key.secret { format!("expected {wanted}") } else { format!("expected {wanted}, found {found}") }
}
