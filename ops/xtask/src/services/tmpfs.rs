//! A small file system in memory, to be filled up by tests of a full disk.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::process::{Watchdog, is_root, run};

/// A mounted tmpfs; unmounted when dropped, and when this process ends.
#[derive(Debug)]
pub struct Tmpfs {
    directory: TempDir,
    _watchdog: Watchdog,
}

impl Tmpfs {
    /// Mounts one of `size_mib` MiB. Needs root.
    pub fn mount(size_mib: u32) -> Result<Self> {
        if !is_root() {
            bail!("mounting a tmpfs needs root");
        }
        let directory = tempfile::Builder::new().prefix("wac-tmpfs-").tempdir()?;
        let path = directory.path().to_str().context("the temporary directory's path is not UTF-8")?.to_owned();
        let watchdog = Watchdog::arm(r#"sleep 2; umount -l "$1"; rmdir "$1""#, &[&path])?;
        let options = format!("size={size_mib}m,mode=0755");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "wac-test", &path]))?;
        Ok(Self { directory, _watchdog: watchdog })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes all the space there is with one file; returns the file, whose removal gives it back.
    pub fn fill(&self) -> Result<PathBuf> {
        let path = self.path().join("ballast");
        let mut file = std::fs::File::create(&path)?;
        let block = vec![0u8; 64 * 1024];
        loop {
            match std::io::Write::write(&mut file, &block) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(path),
                Err(error) => return Err(error).context("filling a tmpfs"),
            }
        }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a server that still holds a file keeps it until it ends.
        let _ = run(Command::new("umount").arg("-l").arg(self.directory.path()));
    }
}
