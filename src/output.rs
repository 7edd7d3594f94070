//! Printing: tables for people, JSON for programs.

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// `-o`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs; streams are one object a line.
    Json,
}

/// A table with these column titles.
pub(crate) fn table(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(titles.iter().map(|title| title.to_uppercase()));
    table
}

/// Prints a table without blanks at the ends of its lines.
pub(crate) fn print_table(table: &Table) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in table.to_string().lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Prints one line.
pub(crate) fn line(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")
}

/// Prints one JSON document on one line.
pub(crate) fn print_json(value: &serde_json::Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}

/// A progress bar with rate and estimate on a terminal's stderr; elsewhere nothing is drawn.
pub(crate) fn progress(total: u64, what: &str) -> ProgressBar {
    /// Redraws a second at most.
    const REDRAWS_HZ: u8 = 10;
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr_with_hz(REDRAWS_HZ)
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    let template = "{msg} {wide_bar} {human_pos}/{human_len} events, {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(template).expect("a literal template"));
    bar.set_message(what.to_owned());
    bar
}

/// A number with thousands separated: `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_from_the_right() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
