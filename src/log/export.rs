//! `wac log export`.

use std::collections::BTreeSet;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;
use wac_events::{
    Environment, EventFilter, MasterKey, PERSONAL_TAG, Position, READ_EVENTS_MAX, ReadRequest, SECRET_TAG, SubjectId,
    hex,
};
use wac_store::{Stores, SystemEnvironment};

use super::format::{End, Event, FORMAT_VERSION, Header, Key, Line, MASTER_KEY_CHECK};
use crate::cli::SourceArgs;
use crate::open;
use crate::output::{progress, thousands};

/// Events read, or keys looked up, at a time.
const PAGE: usize = 2_000;

/// Writes the log as it stands now.
pub(crate) async fn run(source: &SourceArgs, file: &Path, with_keys: bool) -> Result<()> {
    let settings = open::settings(source, "wac log export")?;
    let stores = open::existing(&settings).await?;
    let master_key = with_keys.then(|| settings.master_key()).transpose()?;
    if file == Path::new("-") {
        write(&stores, master_key, std::io::stdout().lock()).await?;
        return Ok(());
    }
    let about = || format!("cannot write {}", file.display());
    // Private: with keys it opens everything.
    let options = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    let out = options.with_context(about)?;
    let end = write(&stores, master_key, &out).await.with_context(about)?;
    out.sync_all().with_context(about)?;
    eprintln!("{} events and {} keys in {}", thousands(end.events), thousands(end.keys), file.display());
    Ok(())
}

async fn write(stores: &Stores, master_key: Option<MasterKey>, out: impl Write) -> Result<End> {
    let mut out = BufWriter::new(out);
    let head = stores.log.head().await?.position;
    let header = Header {
        version: FORMAT_VERSION,
        head,
        exported_at: SystemEnvironment.now(),
        master_key_check: stores.keys.keyed_hash(MASTER_KEY_CHECK.0, MASTER_KEY_CHECK.1),
        with_keys: master_key.is_some(),
    };
    put(&mut out, &Line::WacLog(header))?;
    let subjects = write_events(stores, head, &mut out).await?;
    let keys = write_keys(stores, &subjects, master_key, &mut out).await?;
    let end = End { events: head.0, keys };
    put(&mut out, &Line::End(End { ..end }))?;
    out.flush()?;
    Ok(end)
}

fn put(out: &mut impl Write, line: &Line) -> Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    Ok(out.write_all(b"\n")?)
}

/// Returns the subjects whose sealed fields are in the events.
async fn write_events(stores: &Stores, head: Position, out: &mut impl Write) -> Result<BTreeSet<SubjectId>> {
    let bar = progress(head.0, "exporting");
    let mut subjects = BTreeSet::new();
    let mut request = ReadRequest {
        after: Position::START,
        before: Some(Position(head.0 + 1)),
        filter: EventFilter::default(),
        limit: PAGE.min(READ_EVENTS_MAX),
    };
    while request.after < head {
        let page = stores.log.read(request.clone()).await?;
        for recorded in &page.events {
            let about = || format!("the event at position {} is damaged", recorded.position);
            let data: Value = serde_json::from_str(&recorded.data).with_context(about)?;
            sealed_for(&data, &mut subjects);
            put(out, &Line::Event(Box::new(Event::of(recorded).with_context(about)?)))?;
        }
        anyhow::ensure!(page.scanned_to > request.after, "the log ends before position {head}");
        request.after = page.scanned_to;
        bar.set_position(request.after.0.min(head.0));
    }
    bar.finish_and_clear();
    Ok(subjects)
}

async fn write_keys(
    stores: &Stores,
    subjects: &BTreeSet<SubjectId>,
    master_key: Option<MasterKey>,
    out: &mut impl Write,
) -> Result<u64> {
    let subjects: Vec<SubjectId> = subjects.iter().cloned().collect();
    for some in subjects.chunks(PAGE) {
        for (subject, state) in some.iter().zip(stores.keys.find(some).await?) {
            let wrapped = match (&master_key, state.key()) {
                (Some(master_key), Some(key)) => Some(hex(&master_key.wrap(key, &SystemEnvironment))),
                _ => None,
            };
            put(out, &Line::Key(Key { subject: subject.to_string(), wrapped }))?;
        }
    }
    Ok(subjects.len() as u64)
}

fn sealed_for(value: &Value, subjects: &mut BTreeSet<SubjectId>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| sealed_for(item, subjects)),
        Value::Object(map) => {
            for tag in [PERSONAL_TAG, SECRET_TAG] {
                if let Some((subject, _)) = map.get(tag).and_then(Value::as_str).and_then(|text| text.rsplit_once('.'))
                {
                    subjects.insert(SubjectId::from(subject));
                }
            }
            map.values().for_each(|item| sealed_for(item, subjects));
        }
        _ => {}
    }
}
