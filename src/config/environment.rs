//! Configuration from `WAC_…` variables.

use anyhow::{Result, bail};

use super::keys::{KEYS, nearest};
use super::{Configuration, Source, Value};

/// Variables that are no configuration keys: one-time inputs of single commands.
const OTHER_VARIABLES: &[&str] = &["WAC_ADMIN_PASSWORD"];
/// Variables of this prefix belong to the test services.
const TEST_PREFIX: &str = "WAC_TEST_";

/// Adds every value of the process's environment.
pub(crate) fn read(variables: impl Iterator<Item = (String, String)>, into: &mut Configuration) -> Result<()> {
    for (variable, text) in variables.filter(|(variable, _)| variable.starts_with("WAC_")) {
        let key = KEYS.iter().find(|key| key.variable() == variable || key.alias == Some(variable.as_str()));
        if let Some(key) = key {
            if text.is_empty() {
                continue;
            }
            let value = Value::from_text(key, &text).map_err(|why| anyhow::anyhow!("{variable}: {why}"))?;
            into.set(key, Source::Variable(variable), value);
        } else if !is_foreign(&variable, &text) {
            let names: Vec<String> = KEYS.iter().map(super::Key::variable).collect();
            let known = names.iter().map(String::as_str).chain(KEYS.iter().filter_map(|key| key.alias));
            let hint = nearest(&variable, known.chain(OTHER_VARIABLES.iter().copied()));
            let hint = hint.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            bail!("the environment variable {variable} names no configuration key{hint}");
        }
    }
    Ok(())
}

/// Whether a variable is none of ours: tests, single commands, and what Kubernetes puts into every
/// container for a service whose name begins with `wac` (`WAC_SERVICE_HOST`, `WAC_PORT_8000_TCP_ADDR` …).
fn is_foreign(variable: &str, text: &str) -> bool {
    OTHER_VARIABLES.contains(&variable)
        || variable.starts_with(TEST_PREFIX)
        || variable.ends_with("_SERVICE_HOST")
        || variable.contains("_SERVICE_PORT")
        || (variable.ends_with("_PORT") && text.contains("://"))
        || ["_TCP", "_UDP"].iter().any(|protocol| {
            variable.contains("_PORT_") && (variable.contains(&format!("{protocol}_")) || variable.ends_with(protocol))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(variable: &str, text: &str) -> Result<Configuration> {
        let mut configuration = Configuration::empty();
        read([(variable.to_owned(), text.to_owned())].into_iter(), &mut configuration).map(|()| configuration)
    }

    #[test]
    fn both_names_of_a_variable_set_the_key_and_are_named_as_its_source() {
        for variable in ["WAC_DATABASE__URL", "WAC_DATABASE_URL"] {
            let configuration = read_one(variable, "sqlite://x").unwrap();
            let (source, _) = configuration.effective("database.url").unwrap();
            assert_eq!(source.to_string(), format!("environment variable {variable}"));
        }
        let configuration = read_one("WAC_KAFKA_BROKERS", "a:1, b:2").unwrap();
        assert_eq!(configuration.list("kafka.brokers"), ["a:1", "b:2"]);
    }

    #[test]
    fn an_unknown_variable_is_refused_but_those_of_kubernetes_pass() {
        let refusal = read_one("WAC_HTTP_PORT", "8000").unwrap_err().to_string();
        assert!(refusal.ends_with("did you mean WAC_HTTP__PORT?"), "{refusal}");
        for (variable, text) in [
            ("WAC_SERVICE_HOST", "10.0.0.1"),
            ("WAC_PORT", "tcp://10.0.0.1:8000"),
            ("WAC_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
            ("WAC_PORT_8000_TCP_ADDR", "10.0.0.1"),
            ("WAC_API_SERVICE_PORT_HTTP", "8000"),
        ] {
            read_one(variable, text).unwrap();
        }
    }
}
