//! This machine: directory, disk, keys, limits.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::Finding;
use crate::config::{Database, Settings};

/// Free space below which the log is in danger, in bytes.
const FREE_BYTES_MIN: u64 = 256 << 20;
/// Free space that leaves time to act, in bytes.
const FREE_BYTES_GOOD: u64 = 2 << 30;
/// Open files a node with a few thousand connections needs.
const OPEN_FILES_GOOD: u64 = 8_192;

/// Where the embedded database is, if there is one.
fn directory(settings: &Settings) -> Option<PathBuf> {
    match settings.database.as_ref()? {
        Database::Directory(directory) => Some(directory.clone()),
        Database::Url(url) => {
            let path = url.strip_prefix("sqlite:")?.trim_start_matches("//").split('?').next()?.to_owned();
            Path::new(&path)
                .parent()
                .map(|parent| if parent.as_os_str().is_empty() { ".".into() } else { parent.into() })
        }
    }
}

/// The data directory is there, ours, and can be written.
pub(crate) fn data_directory(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "data directory";
    let directory = directory(settings)?;
    let shown = directory.display();
    let Ok(metadata) = directory.metadata() else {
        let advice = "start `wac dev`, or create it and run `wac migrate`";
        return Some(Finding::failure(CHECK, format!("{shown} is not there"), advice));
    };
    if !metadata.is_dir() {
        return Some(Finding::failure(CHECK, format!("{shown} is no directory"), "name another one with --data"));
    }
    if let Err(error) = tempfile::Builder::new().prefix(".wac-doctor-").tempfile_in(&directory) {
        let user = rustix::process::getuid().as_raw();
        let advice =
            format!("it belongs to user {}, this is user {user}: chown it, or mount it writable", metadata.uid());
        return Some(Finding::failure(CHECK, format!("{shown} cannot be written: {error}"), advice));
    }
    if metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o777;
        return Some(Finding::warning(CHECK, format!("{shown} has mode {mode:o}"), format!("chmod 700 {shown}")));
    }
    Some(Finding::ok(CHECK, format!("{shown}, writable, private")))
}

/// There is room for the log to grow.
pub(crate) fn disk(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "disk";
    let directory = directory(settings)?;
    let statistics = rustix::fs::statvfs(&directory).ok()?;
    let free = statistics.f_bavail.saturating_mul(statistics.f_frsize);
    let shown = format!("{} MiB free under {}", free >> 20, directory.display());
    Some(match free {
        _ if free < FREE_BYTES_MIN => Finding::failure(CHECK, shown, "free space now; a full disk stops every write"),
        _ if free < FREE_BYTES_GOOD => Finding::warning(CHECK, shown, "free space, or move the data directory"),
        _ => Finding::ok(CHECK, shown),
    })
}

/// The master key can be read, by nobody else.
pub(crate) fn master_key(settings: &Settings) -> Finding {
    const CHECK: &str = "master key";
    if let Err(error) = settings.master_key() {
        return Finding::failure(
            CHECK,
            crate::sentence(&error),
            "without it personal data cannot be read; restore it from your backup of keys",
        );
    }
    let Some(file) = settings.master_key_path() else { return Finding::ok(CHECK, "given as text") };
    let mode = file.metadata().map_or(0, |metadata| metadata.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        return Finding::warning(
            CHECK,
            format!("{} has mode {mode:o}", file.display()),
            format!("chmod 600 {}", file.display()),
        );
    }
    Finding::ok(CHECK, format!("{}, private", file.display()))
}

/// The limit of open files leaves room for connections.
pub(crate) fn open_files() -> Finding {
    const CHECK: &str = "open files";
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    match limit {
        Some(limit) if limit < OPEN_FILES_GOOD => Finding::warning(
            CHECK,
            format!("at most {limit}"),
            format!("raise it: ulimit -n {OPEN_FILES_GOOD}, or LimitNOFILE= in systemd"),
        ),
        Some(limit) => Finding::ok(CHECK, format!("at most {limit}")),
        None => Finding::ok(CHECK, "unlimited"),
    }
}
