//! `wac config`: what holds, and why.

use anyhow::Result;
use serde_json::json;

use crate::cli::{ConfigCommand, SourceArgs};
use crate::config::{Configuration, KEYS, Key, Settings, Source, Value, known_key};
use crate::output::{Format, print_json, print_table, table};

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// Runs `wac config …`.
pub(crate) fn run(command: &ConfigCommand) -> Result<()> {
    match command {
        ConfigCommand::Explain { key, source, output } => explain(&load(source)?, known_key(key)?, *output),
        ConfigCommand::Check { source } => check(&load(source)?),
        ConfigCommand::Print { source, output } => print(&load(source)?, *output),
    }
}

fn load(source: &SourceArgs) -> Result<Configuration> {
    Configuration::load(&source.command_line("wac config"))
}

fn shown(key: &Key, value: Option<&Value>) -> String {
    match value {
        None => "(unset)".to_owned(),
        Some(_) if key.secret => HIDDEN.to_owned(),
        Some(value) => value.to_string(),
    }
}

fn shown_json(key: &Key, value: Option<&Value>) -> serde_json::Value {
    match value {
        None => serde_json::Value::Null,
        Some(_) if key.secret => HIDDEN.into(),
        Some(value) => value.to_json(),
    }
}

fn explain(configuration: &Configuration, key: &Key, output: Format) -> Result<()> {
    let layers = configuration.layers(key.name);
    let effective = layers.last();
    let source = effective.map_or_else(|| "nowhere".to_owned(), |(source, _)| source.to_string());
    let value = effective.map(|(_, value)| value);
    let beaten = || layers.iter().rev().skip(1);
    if output == Format::Json {
        let beaten: Vec<_> = beaten()
            .map(|(source, value)| json!({ "source": source.to_string(), "value": shown_json(key, Some(value)) }))
            .collect();
        print_json(&json!({
            "key": key.name, "value": shown_json(key, value), "source": source, "overrides": beaten,
            "variable": key.variable(), "help": key.help,
        }))?;
        return Ok(());
    }
    println!("{} = {}", key.name, shown(key, value));
    println!("  from       {source}");
    for (source, value) in beaten() {
        println!("  overrides  {} from {source}", shown(key, Some(value)));
    }
    println!("  meaning    {}", key.help);
    let mut ways = vec![format!("{} in a file", key.name), key.variable()];
    ways.extend(key.alias.map(str::to_owned));
    ways.push(key.flag.map_or_else(|| format!("--set {}=…", key.name), |flag| format!("{flag} …")));
    println!("  set it by  {}", ways.join(", "));
    Ok(())
}

fn check(configuration: &Configuration) -> Result<()> {
    Settings::new(configuration)?;
    let given = KEYS
        .iter()
        .filter(|key| configuration.effective(key.name).is_some_and(|(source, _)| *source != Source::Default))
        .count();
    println!("The configuration is valid; {given} of {} keys are set, the others have their defaults.", KEYS.len());
    Ok(())
}

fn print(configuration: &Configuration, output: Format) -> Result<()> {
    let mut rows = table(&["key", "value", "from"]);
    for key in KEYS {
        let effective = configuration.effective(key.name);
        let (source, value) = (effective.map(|(source, _)| source), effective.map(|(_, value)| value));
        let source = source.map_or_else(|| "-".to_owned(), ToString::to_string);
        match output {
            Format::Table => {
                rows.add_row([key.name, &shown(key, value), &source]);
            }
            Format::Json => print_json(&json!({ "key": key.name, "value": shown_json(key, value), "source": source }))?,
        }
    }
    if output == Format::Table {
        print_table(&rows)?;
    }
    Ok(())
}
