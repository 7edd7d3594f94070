//! A golden story of what a running platform has written: made of `wac log export --with-keys`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use wac_events::{Environment, MasterKey, Recorded, SubjectId};
use wac_projections::MemTables;

use crate::databases;
use crate::fold::{self, States};
use crate::story::{KeyFile, Line, Story};

/// The form of exports that is read here.
const FORMAT_VERSION: u32 = 1;

/// A line of the export, as far as a story has to do with it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum ExportLine {
    WacLog(ExportHeader),
    Event(Box<Line>),
    Key(ExportedKey),
    End(ExportEnd),
}

#[derive(Deserialize)]
struct ExportHeader {
    version: u32,
}

#[derive(Deserialize)]
struct ExportedKey {
    subject: SubjectId,
    wrapped: Option<String>,
}

#[derive(Deserialize)]
struct ExportEnd {
    events: u64,
}

/// The story of everything in `export`, whose keys `master` opens; fails if the file was cut off. Its own keys are
/// wrapped with the master key of all stories.
pub fn story_of(name: &str, export: &str, master: &MasterKey, env: &dyn Environment) -> Result<Story> {
    let own = MasterKey::new(databases::MASTER_KEY);
    let (mut events, mut subjects, mut end) = (Vec::<Recorded>::new(), BTreeMap::new(), None);
    for (index, text) in export.lines().enumerate() {
        match serde_json::from_str(text).with_context(|| format!("line {}", index + 1))? {
            ExportLine::WacLog(header) if header.version == FORMAT_VERSION => {}
            ExportLine::WacLog(header) => bail!("an export of format {}, not {FORMAT_VERSION}", header.version),
            ExportLine::Event(line) => events.push((*line).into()),
            ExportLine::Key(key) => {
                let wrapped = key.wrapped.map(|text| rewrapped(&key.subject, &text, master, &own, env)).transpose()?;
                subjects.insert(key.subject, wrapped);
            }
            ExportLine::End(counts) => end = Some(counts.events),
        }
    }
    if end != Some(events.len() as u64) {
        bail!("{} events, and the end speaks of {end:?}", events.len());
    }
    let keys = KeyFile { master: own.to_text(), subjects };
    let states = fold::fold(States::new(), &events, &|subject| keys.key(subject))?;
    let tables = fold::project(MemTables::default(), &events)?;
    let (states, rows) = (fold::states_json(&states), fold::rows_json(&fold::rows_of(&tables)));
    Ok(Story { name: name.to_owned(), events, keys, states, rows })
}

/// A subject's key under another master key.
fn rewrapped(
    subject: &SubjectId,
    wrapped: &str,
    master: &MasterKey,
    own: &MasterKey,
    env: &dyn Environment,
) -> Result<String> {
    let wrapped = from_hex(wrapped).context("a wrapped key is hexadecimal")?;
    let key = master.unwrap(subject, &wrapped).context("a key that another master key has wrapped")?;
    Ok(URL_SAFE_NO_PAD.encode(own.wrap(&key, env)))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
