//! `wac replay --call`: one call, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};
use wac_commands::{CommandHandler, Limits, Refusal, State};
use wac_events::{Actor, AnyEvent, EventFilter, NodeEvent, Position, Recorded, UserId};
use wac_projections::{Step, Whereabouts, media_node_of};
use wac_store::{Stores, SystemEnvironment};

use crate::cli::ReplayArgs;
use crate::events::story::{Story, part_of_call};
use crate::output::{Format, line, print_json, print_table, table};
use crate::refusals::RefusalTable;

/// What people call the users of a call; of those who are gone there is only the id.
struct Names(BTreeMap<UserId, String>);

impl Names {
    fn of(&self, user: &UserId) -> String {
        self.0.get(user).cloned().unwrap_or_else(|| user.uri())
    }

    fn of_actor(&self, actor: &Actor) -> String {
        match actor {
            Actor::User(id) => self.of(&UserId::from(id.as_str())),
            Actor::Client(id) => format!("client {id}"),
            Actor::System(name) => format!("({})", name.replace('_', " ")),
        }
    }
}

/// Tells the call that `id` names: the events that `wac events --call` shows, and between them what was refused.
pub(super) async fn tell(id: &str, args: &ReplayArgs, stores: &Stores) -> Result<()> {
    let log = &*stores.log;
    let domain = match &args.domain {
        Some(name) => Some(crate::events::domain(log, name).await?),
        None => None,
    };
    let head = log.head().await?.position;
    let part = part_of_call(id, &EventFilter { domain, ..EventFilter::default() }, log).await?;
    let mut story = Story::of(part, log, head).await?;
    let events = story.take();
    let handler =
        CommandHandler::new(stores.log.clone(), stores.keys.clone(), Arc::new(SystemEnvironment), Limits::default());
    let names = names(&story, &handler, head).await?;
    let mut places = places(&story, &handler, &events).await?;
    let refusals = RefusalTable::new(stores.db.clone()).of_calls(&story.names()).await?;
    let mut rows: Vec<((Position, u8), Value)> = Vec::new();
    for event in &events {
        let step = Step::of(event, &mut places);
        rows.push(((step.position, 0), step_json(&step, &names)));
    }
    rows.extend(refusals.iter().map(|refusal| ((refusal.seen, 1), refusal_json(refusal, &names))));
    rows.sort_by_key(|(place, _)| *place);
    match args.output {
        Format::Json => rows.iter().try_for_each(|(_, row)| print_json(row))?,
        Format::Table => print(rows.iter().map(|(_, row)| row))?,
    }
    Ok(())
}

fn print<'a>(rows: impl Iterator<Item = &'a Value>) -> Result<()> {
    let mut shown = table(&["position", "at", "who", "node", "what"]);
    for row in rows {
        let text = |field: &str| row[field].as_str().unwrap_or("-").to_owned();
        let position = row["position"].as_u64().map_or_else(|| "refused".to_owned(), |position| position.to_string());
        shown.add_row([position, text("at"), text("by"), text("node"), text("text")]);
    }
    print_table(&shown)?;
    line("Devices and media servers are named by their nodes; what was refused is kept for 90 days.")?;
    Ok(())
}

fn step_json(step: &Step, names: &Names) -> Value {
    json!({
        "position": step.position.0, "at": step.at.to_string(), "event": &*step.event, "stream": step.stream.as_str(),
        "by": step.by.as_ref().map(|by| names.of_actor(by)), "actor": step.by, "sessionId": step.session,
        "node": step.node, "code": step.code, "refused": Value::Null, "text": step.sentence(|user| names.of(user)),
    })
}

fn refusal_json(refusal: &Refusal, names: &Names) -> Value {
    json!({
        "position": Value::Null, "at": refusal.at.to_string(), "event": Value::Null, "stream": Value::Null,
        "by": names.of_actor(&refusal.by), "actor": refusal.by, "sessionId": refusal.session, "node": refusal.node,
        "code": Value::Null, "refused": { "command": refusal.command, "code": refusal.code, "seen": refusal.seen.0 },
        "text": format!("is refused to {}: {} ({})", refusal.command.replace('_', " "), refusal.reason, refusal.code),
    })
}

async fn names(story: &Story, handler: &CommandHandler, head: Position) -> Result<Names> {
    let mut names = BTreeMap::new();
    for user in story.users() {
        if let State::User(state) = handler.load_at(&user.stream(), head).await?
            && let Some(name) = state.username.clear()
        {
            names.insert(user.clone(), name.to_owned());
        }
    }
    Ok(Names(names))
}

/// Where the devices of those who took part were when it began, and what the nodes are called.
async fn places(story: &Story, handler: &CommandHandler, events: &[Recorded]) -> Result<Whereabouts> {
    let mut places = Whereabouts::default();
    let Some(first) = events.first() else { return Ok(places) };
    for user in story.users() {
        if let State::Presence(presence) = handler.load_at(&user.presence_stream(), first.position).await? {
            for (session, device) in presence.devices {
                places.device(session, device.node);
            }
        }
    }
    let registered = events.iter().filter_map(|event| AnyEvent::decode_recorded(event).ok());
    let meanwhile = registered.filter_map(|event| match event {
        AnyEvent::Presence(wac_events::PresenceEvent::DeviceRegistered(event)) => Some(event.node),
        event => media_node_of(&event).cloned(),
    });
    let nodes: Vec<_> = places.nameless().into_iter().chain(meanwhile).collect();
    for node in nodes {
        let started = handler.log().read_stream(&node.stream(), 1, 1).await?;
        if let Some(event) = started.first()
            && let Ok(AnyEvent::Node(NodeEvent::Started(started))) = AnyEvent::decode_recorded(event)
        {
            places.node(started.id, started.name);
        }
    }
    Ok(places)
}
