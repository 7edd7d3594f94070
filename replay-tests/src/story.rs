//! Golden stories: streams as they were really written, with what must come out of them.
//!
//! A story is a folder under `golden/`: `stream.ndjson` (one event a line, sealed as it stood in
//! the log), `keys.json` (the master key and the wrapped subject keys that were left at the end),
//! `state.json` and `rows.json` (what folding and projecting it gives); a call has its `dialogue.txt`, too. Stories are added, never
//! edited.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use wac_events::{
    AppendBatch, CommandId, DomainId, Environment, EventId, EventLog, ExpectedVersion, KeyState, KeyStore, MasterKey,
    NewEvent, Position, READ_EVENTS_MAX, ReadRequest, Recorded, StreamAppend, StreamId, SubjectId, SubjectKey, Time,
    catalogue,
};

/// One event as a line of `stream.ndjson`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Line {
    position: Position,
    stream: StreamId,
    version: u64,
    id: EventId,
    #[serde(rename = "type")]
    event_type: String,
    schema_version: u32,
    domain: Option<DomainId>,
    occurred_at: Time,
    recorded_at: Time,
    meta: Value,
    data: Value,
}

impl From<&Recorded> for Line {
    fn from(recorded: &Recorded) -> Self {
        let json = |text: &str| serde_json::from_str(text).expect("a log holds JSON");
        Self {
            position: recorded.position,
            stream: recorded.stream.clone(),
            version: recorded.version,
            id: recorded.event_id,
            event_type: recorded.event_type.to_string(),
            schema_version: recorded.schema_version,
            domain: recorded.domain.clone(),
            occurred_at: recorded.occurred_at,
            recorded_at: recorded.recorded_at,
            meta: json(&recorded.meta),
            data: json(&recorded.data),
        }
    }
}

impl From<Line> for Recorded {
    fn from(line: Line) -> Self {
        Self {
            position: line.position,
            stream: line.stream,
            version: line.version,
            event_id: line.id,
            event_type: line.event_type.into(),
            schema_version: line.schema_version,
            domain: line.domain,
            data: line.data.to_string(),
            meta: line.meta.to_string(),
            occurred_at: line.occurred_at,
            recorded_at: line.recorded_at,
        }
    }
}

/// The content of `keys.json`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// [`MasterKey::to_text`].
    pub master: String,
    /// Subject → wrapped key in base64url; `null`: destroyed.
    pub subjects: BTreeMap<SubjectId, Option<String>>,
}

impl KeyFile {
    /// The master key.
    pub fn master(&self) -> Result<MasterKey> {
        MasterKey::parse(&self.master).context("the story's master key")
    }

    /// A subject's wrapped key, if it was not destroyed.
    pub fn wrapped(&self, subject: &SubjectId) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.subjects.get(subject)?.as_ref()?).ok()
    }

    /// A subject's key, if it was not destroyed.
    pub fn key(&self, subject: &SubjectId) -> Option<SubjectKey> {
        self.master().ok()?.unwrap(subject, &self.wrapped(subject)?)
    }
}

/// One story.
#[derive(Clone)]
pub struct Story {
    /// Its folder's name.
    pub name: String,
    /// What was written, oldest first.
    pub events: Vec<Recorded>,
    /// The keys left at the end.
    pub keys: KeyFile,
    /// Expected states by stream.
    pub states: Value,
    /// Expected rows by table; tables without rows are left out.
    pub rows: Value,
}

/// Where all stories are.
pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

impl Story {
    /// Reads the story in `golden/<name>`.
    pub fn load(name: &str) -> Result<Self> {
        let folder = golden().join(name);
        let read = |file: &str| {
            let path = folder.join(file);
            std::fs::read_to_string(&path).with_context(|| path.display().to_string())
        };
        let stream = read("stream.ndjson")?;
        let lines = stream.lines().enumerate().map(|(index, line)| {
            serde_json::from_str::<Line>(line).map(Recorded::from).with_context(|| format!("line {}", index + 1))
        });
        Ok(Self {
            name: name.to_owned(),
            events: lines.collect::<Result<_>>()?,
            keys: serde_json::from_str(&read("keys.json")?).context("keys.json")?,
            states: serde_json::from_str(&read("state.json")?).context("state.json")?,
            rows: crate::fold::without_empty(serde_json::from_str(&read("rows.json")?).context("rows.json")?),
        })
    }

    /// Writes a new story. One that is there already is never touched.
    pub fn save_new(&self) -> Result<()> {
        let folder = golden().join(&self.name);
        if folder.exists() {
            bail!("the story {} exists; golden streams are added, never edited", folder.display());
        }
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("stream.ndjson"), to_lines(&self.events)?)?;
        for (file, value) in [("state.json", &self.states), ("rows.json", &self.rows)] {
            std::fs::write(folder.join(file), serde_json::to_string_pretty(value)? + "\n")?;
        }
        std::fs::write(folder.join("keys.json"), serde_json::to_string_pretty(&self.keys)? + "\n")?;
        Ok(())
    }
}

/// Events as `stream.ndjson` holds them.
pub fn to_lines(events: &[Recorded]) -> Result<String> {
    let mut stream = String::new();
    for event in events {
        stream.push_str(&serde_json::to_string(&Line::from(event))?);
        stream.push('\n');
    }
    Ok(stream)
}

/// Everything in a log, oldest first.
pub async fn read_all(log: &dyn EventLog) -> Result<Vec<Recorded>> {
    let mut events = Vec::new();
    let mut after = Position::START;
    loop {
        let request = ReadRequest { after, before: None, filter: Default::default(), limit: READ_EVENTS_MAX };
        let page = log.read(request).await?;
        if page.scanned_to == after {
            return Ok(events);
        }
        after = page.scanned_to;
        events.extend(page.events);
    }
}

/// The keys of `subjects` as they are in a key store now.
pub async fn key_file(
    keys: &dyn KeyStore,
    master: &MasterKey,
    subjects: &[SubjectId],
    env: &dyn Environment,
) -> Result<KeyFile> {
    let states = keys.find(subjects).await?;
    let wrapped = subjects.iter().zip(states).filter_map(|(subject, state)| match state {
        KeyState::Present(key) => Some((subject.clone(), Some(URL_SAFE_NO_PAD.encode(master.wrap(&key, env))))),
        KeyState::Erased => Some((subject.clone(), None)),
        KeyState::Absent => None,
    });
    Ok(KeyFile { master: master.to_text(), subjects: wrapped.collect() })
}

/// Appends one recorded event to another log, as a command of its own, so that a reader may stop
/// behind every single one.
pub async fn append_one(log: &dyn EventLog, recorded: &Recorded) -> Result<Position> {
    let info = catalogue().find(|info| info.event_type == &*recorded.event_type);
    let event = NewEvent {
        event_id: recorded.event_id,
        event_type: info.with_context(|| format!("unknown type {}", recorded.event_type))?.event_type,
        schema_version: recorded.schema_version,
        domain: recorded.domain.clone(),
        data: recorded.data.clone(),
        meta: recorded.meta.clone(),
        occurred_at: recorded.occurred_at,
    };
    let append = StreamAppend {
        stream: recorded.stream.clone(),
        expected: ExpectedVersion::Exact(recorded.version - 1),
        events: vec![event],
    };
    let command_id = CommandId(Uuid::new_v5(&recorded.event_id.0, b"golden"));
    let appended = log.append(AppendBatch { command_id, appends: vec![append] }).await?;
    if appended.last != recorded.position {
        bail!("position {} became {}", recorded.position, appended.last);
    }
    Ok(appended.last)
}
