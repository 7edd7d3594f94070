//! Migrations: numbered from 1 without gaps, the same steps for both databases.

use std::path::Path;

use anyhow::Result;

use super::Report;

const DATABASES: [&str; 2] = ["postgres", "sqlite"];

pub(super) fn check(root: &Path, report: &mut Report) -> Result<()> {
    let mut both = Vec::new();
    for database in DATABASES {
        let directory = root.join("migrations").join(database);
        let entries = std::fs::read_dir(&directory).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".sql")).collect();
        names.sort();
        report.violations.extend(numbering(&names).into_iter().map(|text| format!("migrations/{database}: {text}")));
        both.push(names);
    }
    for name in &both[0] {
        if !both[1].contains(name) {
            report.violations.push(format!("migrations: {name} is there for postgres and not for sqlite"));
        }
    }
    for name in both[1].iter().filter(|name| !both[0].contains(name)) {
        report.violations.push(format!("migrations: {name} is there for sqlite and not for postgres"));
    }
    Ok(())
}

fn numbering(names: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, expected) in names.iter().zip(1u32..) {
        let number = name.split_once('_').and_then(|(number, _)| number.parse::<u32>().ok());
        if number != Some(expected) {
            found.push(format!("{name} should be number {expected}: numbers start at 1 and have no gaps"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_in_the_numbers_is_found() {
        let names = ["0001_log.sql", "0003_users.sql"].map(str::to_owned);
        assert_eq!(numbering(&names).len(), 1);
        assert!(numbering(&names)[0].contains("0003_users.sql should be number 2"));
    }

    #[test]
    fn consecutive_numbers_are_fine() {
        assert!(numbering(&["0001_log.sql", "0002_users.sql"].map(str::to_owned)).is_empty());
    }
}
