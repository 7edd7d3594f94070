//! A private PostgreSQL cluster.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::free_port;
use super::process::{Daemon, is_root, log_tail, run, wait_until};

/// How long a start may take, crash recovery included.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a fast shutdown may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// A port found free may be taken before the server binds it; so many other ports are tried.
const START_ATTEMPTS: u32 = 3;
/// Debian keeps one directory a major version here.
const DEBIAN_ROOT: &str = "/usr/lib/postgresql";
/// Whom the server runs as when we are root, since it refuses to run as root.
const SERVER_USER: &str = "postgres";

/// How a cluster is set up.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// Where it lives (`data/` and `log` are made inside); `None`: a temporary directory, removed
    /// with the handle. When we are root it is given to the user `postgres`, who must be able to
    /// reach it.
    pub directory: Option<PathBuf>,
    /// Settings added to `postgresql.conf`, name and value.
    pub settings: Vec<(String, String)>,
    /// Further arguments of `initdb`, such as `--wal-segsize=1`.
    pub initdb_arguments: Vec<String>,
}

impl PostgresOptions {
    /// A cluster that fits into `directory` on a file system of some 80 MiB.
    pub fn small(directory: &Path) -> Self {
        let settings = [("min_wal_size", "2MB"), ("max_wal_size", "4MB"), ("wal_recycle", "off")];
        Self {
            directory: Some(directory.to_owned()),
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            initdb_arguments: vec!["--wal-segsize=1".to_owned()],
        }
    }

    /// The same with one more setting.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running (or stopped, or killed) PostgreSQL server with its cluster. Authentication is `trust`
/// on loopback; the superuser is `postgres`. Durability settings are PostgreSQL's defaults.
#[derive(Debug)]
pub struct Postgres {
    daemon: Option<Daemon>,
    binaries: PathBuf,
    directory: PathBuf,
    port: u16,
    _temporary: Option<TempDir>,
}

impl Postgres {
    /// A cluster in a temporary directory.
    pub fn start() -> Result<Self> {
        Self::start_with(PostgresOptions::default())
    }

    /// A cluster made as `options` say, or the one that is already in their directory.
    pub fn start_with(options: PostgresOptions) -> Result<Self> {
        let (directory, temporary) = match options.directory {
            Some(directory) => (directory, None),
            None => {
                let temporary = tempfile::Builder::new().prefix("wac-postgres-").tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        std::fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        let mut server = Self { daemon: None, binaries: newest_binaries()?, directory, port: 0, _temporary: temporary };
        if !server.data_directory().join("PG_VERSION").exists() {
            server.create_cluster(&options.settings, &options.initdb_arguments)?;
        }
        for attempt in 1.. {
            server.port = free_port()?;
            match server.restart() {
                Ok(()) => break,
                Err(error) if attempt == START_ATTEMPTS => return Err(error),
                Err(_) => {}
            }
        }
        Ok(server)
    }

    /// URL of the superuser's database.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// URL of `database`, as the superuser.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The TCP port on 127.0.0.1; the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The cluster's data directory.
    pub fn data_directory(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The server's log file.
    pub fn log_file(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Creates an empty database and returns its URL. `name`: letters, digits, `_`.
    pub fn create_database(&self, name: &str) -> Result<String> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            bail!("a database name of letters, digits and _ is wanted, not {name:?}");
        }
        self.execute(&format!("CREATE DATABASE \"{name}\""))?;
        Ok(self.url_of(name))
    }

    /// Runs SQL as the superuser through `psql` and returns the rows, unaligned.
    pub fn execute(&self, sql: &str) -> Result<String> {
        run(Command::new(self.binaries.join("psql")).args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql, &self.url()]))
    }

    /// Clean, fast shutdown: open connections are cut.
    pub fn stop(&mut self) -> Result<()> {
        match self.daemon.take() {
            Some(daemon) => daemon.stop("INT", STOP_TIMEOUT).context("stopping PostgreSQL"),
            None => Ok(()),
        }
    }

    /// `kill -9` to the server and all its processes, as a power cut would.
    pub fn kill9(&mut self) -> Result<()> {
        match self.daemon.take() {
            Some(daemon) => daemon.kill9().context("killing PostgreSQL"),
            None => Ok(()),
        }
    }

    /// Starts it again on the same port and data (stopping it first if it runs); returns when it
    /// takes connections.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        let mut command = self.as_server_user();
        command.push(self.binaries.join("postgres").into());
        command.extend(["-D".into(), self.data_directory().into(), "-p".into(), self.port.to_string().into()]);
        let clean_up = if self._temporary.is_some() { shell_removal(&self.directory) } else { String::new() };
        let on_orphaned = format!("kill -QUIT $1; sleep 1; kill -KILL $1; {clean_up}");
        let mut daemon = Daemon::spawn(&command, &self.log_file(), &on_orphaned)?;
        let mut ended = false;
        let ready = wait_until(START_TIMEOUT, || {
            ended = daemon.has_ended();
            ended || self.takes_connections()
        });
        if ended || !ready {
            let _ = daemon.kill9();
            bail!("PostgreSQL on port {} did not start; its log ends:\n{}", self.port, log_tail(&self.log_file()));
        }
        self.daemon = Some(daemon);
        Ok(())
    }

    fn takes_connections(&self) -> bool {
        let port = self.port.to_string();
        run(Command::new(self.binaries.join("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &port])).is_ok()
    }

    fn create_cluster(&self, settings: &[(String, String)], initdb_arguments: &[String]) -> Result<()> {
        if is_root() {
            run(Command::new("chown").arg(SERVER_USER).arg(&self.directory))?;
        }
        let mut words = self.as_server_user();
        words.push(self.binaries.join("initdb").into());
        words.extend(
            ["-A", "trust", "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"].map(Into::into),
        );
        words.push(self.data_directory().into());
        words.extend(initdb_arguments.iter().map(Into::into));
        run(Command::new(&words[0]).args(&words[1..]).current_dir("/")).context("creating a PostgreSQL cluster")?;

        let own = [("listen_addresses", "127.0.0.1"), ("unix_socket_directories", ""), ("max_connections", "300")];
        let mut text = String::from("\n# Added for tests.\n");
        let given = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.into_iter().chain(given) {
            text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
        }
        let path = self.data_directory().join("postgresql.conf");
        let mut file = std::fs::File::options().append(true).open(&path).with_context(|| path.display().to_string())?;
        std::io::Write::write_all(&mut file, text.as_bytes()).context("writing postgresql.conf")
    }

    /// The words that stand before a server program so that it does not run as root.
    fn as_server_user(&self) -> Vec<OsString> {
        if !is_root() {
            return Vec::new();
        }
        let user = format!("--reuid={SERVER_USER}");
        let group = format!("--regid={SERVER_USER}");
        vec!["setpriv".into(), user.into(), group.into(), "--init-groups".into()]
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let outcome = if self._temporary.is_some() { self.kill9() } else { self.stop() };
        if let Err(error) = outcome {
            eprintln!("{error:#}");
        }
    }
}

/// A shell command that removes `directory`.
pub(super) fn shell_removal(directory: &Path) -> String {
    format!("rm -rf '{}'", directory.display().to_string().replace('\'', r"'\''"))
}

fn newest_binaries() -> Result<PathBuf> {
    let entries = std::fs::read_dir(DEBIAN_ROOT).into_iter().flatten().flatten();
    let newest = entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin"))))
        .filter(|(_, path)| path.join("postgres").exists())
        .max();
    let (_, path) =
        newest.with_context(|| format!("no PostgreSQL server under {DEBIAN_ROOT}; `cargo xtask setup` installs it"))?;
    Ok(path)
}
