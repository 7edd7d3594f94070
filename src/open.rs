//! Opening the log a command line names.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use wac_events::{Environment as _, MasterKey};
use wac_store::{StoreOptions, Stores, SystemEnvironment};

use crate::cli::{DEV_DATA, SourceArgs};
use crate::config::{Configuration, DATABASE_FILE, Database, MASTER_KEY_FILE, Settings};
use crate::tls;

/// Connections a command of an operator needs.
const TOOL_CONNECTIONS: u32 = 2;

/// The configuration of a command that reads the log: `./wac-data` is its default where it exists, also for the
/// master key of a database elsewhere.
pub(crate) fn settings(source: &SourceArgs, command: &'static str) -> Result<Settings> {
    let mut line = source.command_line(command);
    if Path::new(DEV_DATA).is_dir() {
        line.defaults.push(("data", DEV_DATA.to_owned()));
    }
    let configuration = Configuration::load(&line)?;
    let mut settings = Settings::new(&configuration)?;
    if let Some(directory) = configuration.path("data").filter(|path| path.join(MASTER_KEY_FILE).is_file()) {
        settings.keep_master_key_in(directory);
    }
    Ok(settings)
}

/// Opens the log a command works on, beside whoever serves it. Neither made nor migrated here.
pub(crate) async fn existing(settings: &Settings) -> Result<Stores> {
    check_exists(settings.required_database()?)?;
    let options = StoreOptions {
        migrate: false,
        read_connections: TOOL_CONNECTIONS,
        ..StoreOptions::new(settings.master_key()?)
    };
    Ok(wac_store::open(&settings.required_database()?.url(), options).await?)
}

/// An embedded database is there, or a sentence says how to make one.
pub(crate) fn check_exists(database: &Database) -> Result<()> {
    let file = match database {
        Database::Directory(directory) => directory.join(DATABASE_FILE),
        Database::Url(url) => match url.strip_prefix("sqlite:") {
            Some(path) => path.trim_start_matches("//").split('?').next().unwrap_or_default().into(),
            None => return Ok(()),
        },
    };
    match file.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => bail!("there is no database at {}; `wac dev` or `wac migrate` makes one", file.display()),
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", file.display())),
    }
}

/// Makes a data directory, for this user alone.
pub(crate) fn make_directory(directory: &Path) -> Result<()> {
    if directory.exists() && !directory.is_dir() {
        bail!("the data directory {} is a file; name another one with --data", directory.display());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make the data directory {}", directory.display()))
}

/// The master key; a database that nobody has opened yet gets a new one, in the data directory.
pub(crate) async fn master_key_or_new(settings: &Settings, directory: &Path) -> Result<MasterKey> {
    let file = directory.join(MASTER_KEY_FILE);
    let elsewhere = settings.master_key_path().is_none_or(|path| path != file);
    if elsewhere || file.try_exists().with_context(|| format!("cannot look at {}", file.display()))? {
        return settings.master_key();
    }
    if !wac_store::is_new(&settings.required_database()?.url()).await? {
        bail!(
            "{} is missing, and without it the personal data in the database cannot be read; put it back from your \
             backup, or say with WAC_MASTER_KEY_FILE where it is",
            file.display()
        );
    }
    let mut bytes = [0u8; 32];
    SystemEnvironment.fill(&mut bytes);
    let key = MasterKey::new(bytes);
    tls::write_private(&file, &format!("{}\n", key.to_text()), 0o600)?;
    Ok(key)
}
