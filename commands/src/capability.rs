//! Forced and pruned capabilities: `+name`, `-name`.

use crate::rejection::Checks;

/// Most entries of one list.
pub const CAPABILITIES_MAX: usize = 256;
/// Longest name, in characters, sign aside.
pub const CAPABILITY_CHARS_MAX: usize = 64;

/// Notes every entry that is not `+name` or `-name`.
pub(crate) fn check(checks: &mut Checks, list: &[String], pointer: &str) {
    let code = "capability_invalid";
    checks.require(list.len() <= CAPABILITIES_MAX, code, pointer, "a list has at most 256 capabilities");
    for (index, entry) in list.iter().enumerate().take(CAPABILITIES_MAX) {
        let detail = "a capability is written +name or -name: letters, digits, dots, hyphens and underscores";
        checks.require(is_capability(entry), code, &format!("{pointer}/{index}"), detail);
    }
}

fn is_capability(entry: &str) -> bool {
    let Some(name) = entry.strip_prefix(['+', '-']) else { return false };
    !name.is_empty()
        && name.len() <= CAPABILITY_CHARS_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}
