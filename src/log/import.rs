//! `wac log import`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use wac_events::{Environment as _, MasterKey, SubjectId};
use wac_store::{ImportedKey, LogImport, StoreOptions, Stores, SystemEnvironment};

use super::format::{End, FORMAT_VERSION, Header, Key, Line, MASTER_KEY_CHECK};
use crate::cli::SourceArgs;
use crate::config::{Database, Settings};
use crate::lock::DirectoryLock;
use crate::open;
use crate::output::{progress, thousands};

/// Reads an export into an empty log; a missing embedded database is made.
pub(crate) async fn run(source: &SourceArgs, file: &Path) -> Result<()> {
    let settings = open::settings(source, "wac log import")?;
    let database = settings.required_database()?;
    let mut lines = Lines::open(file)?;
    let header = lines.header()?;
    // Before anything is made, so that a refusal leaves nothing behind.
    let master_key = exported_under(&settings, &header)?;
    // Nobody may serve an embedded database meanwhile; PostgreSQL sees to that by itself.
    let _lock = match database {
        Database::Directory(directory) => {
            open::make_directory(directory)?;
            Some(DirectoryLock::take(directory)?)
        }
        Database::Url(_) => None,
    };
    let stores = wac_store::open(&database.url(), StoreOptions::new(master_key)).await?;
    let end = import(&stores, &mut lines, &header).await;
    let end = end.with_context(|| format!("line {} of {}", lines.number, lines.name.display()))?;
    stores.close().await;
    let keys = if header.with_keys { "with" } else { "without" };
    eprintln!("{} events, {keys} keys; the read models are built at the next start", thousands(end.events));
    Ok(())
}

/// The master key, if it is the one the log was exported under.
fn exported_under(settings: &Settings, header: &Header) -> Result<MasterKey> {
    let own = settings.master_key_path();
    let given = own.as_ref().is_none_or(|file| file.exists());
    let key = if given { Some(settings.master_key()?) } else { None };
    let (purpose, text) = MASTER_KEY_CHECK;
    let place = own.map_or_else(|| "WAC_MASTER_KEY".to_owned(), |file| file.display().to_string());
    key.filter(|key| key.keyed_hash(purpose, text) == header.master_key_check).with_context(|| {
        format!(
            "this log was exported under another master key than {place}; its names and keys work only under that \
             one, so copy it there first, or set WAC_MASTER_KEY_FILE"
        )
    })
}

async fn import(stores: &Stores, lines: &mut Lines, header: &Header) -> Result<End> {
    let bar = progress(header.head.0, "importing");
    let mut import = LogImport::begin(stores).await?;
    let mut keys = 0;
    let end = loop {
        match lines.next()? {
            Line::Event(event) => {
                ensure!(keys == 0, "an event behind the keys");
                import.event(event.into_recorded()).await?;
                bar.inc(1);
            }
            Line::Key(key) => {
                keys += 1;
                let (subject, key) = imported(key)?;
                import.key(&subject, key, SystemEnvironment.now()).await?;
            }
            Line::End(end) => break end,
            Line::WacLog(_) => bail!("a second header"),
        }
    };
    ensure!(end.events == header.head.0 && end.keys == keys, "the file has lost lines");
    let last = import.commit().await?;
    ensure!(last.0 == end.events, "{} events were announced, {last} came", end.events);
    bar.finish_and_clear();
    Ok(end)
}

fn imported(key: Key) -> Result<(SubjectId, ImportedKey)> {
    let subject = SubjectId::from(key.subject);
    let Some(text) = key.wrapped else { return Ok((subject, ImportedKey::Erased)) };
    let pair = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(pair).collect();
    let bytes = bytes.with_context(|| format!("the key of {subject} is not hexadecimal"))?;
    Ok((subject, ImportedKey::Wrapped(bytes)))
}

struct Lines {
    name: PathBuf,
    input: Box<dyn BufRead + Send>,
    number: usize,
}

impl Lines {
    fn open(file: &Path) -> Result<Self> {
        let input: Box<dyn BufRead + Send> = if file == Path::new("-") {
            Box::new(BufReader::new(std::io::stdin()))
        } else {
            Box::new(BufReader::new(File::open(file).with_context(|| format!("cannot read {}", file.display()))?))
        };
        Ok(Self { name: file.to_owned(), input, number: 0 })
    }

    fn header(&mut self) -> Result<Header> {
        match self.next() {
            Ok(Line::WacLog(header)) if header.version == FORMAT_VERSION => Ok(header),
            Ok(Line::WacLog(header)) => bail!(
                "{} has format version {}, this program reads {FORMAT_VERSION}",
                self.name.display(),
                header.version
            ),
            Ok(_) | Err(_) => bail!("{} is no exported log: its first line is no header", self.name.display()),
        }
    }

    fn next(&mut self) -> Result<Line> {
        let mut text = String::new();
        self.number += 1;
        if self.input.read_line(&mut text)? == 0 {
            bail!("the file ends before its last line: it has been cut off");
        }
        Ok(serde_json::from_str(&text)?)
    }
}
