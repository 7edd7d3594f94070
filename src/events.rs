//! `wac events`: the log, filtered, as it is and as it grows; and the story of one call.

mod links;
pub(crate) mod story;

use std::io::IsTerminal as _;

use anyhow::{Result, bail};
use serde_json::Value;
use wac_events::{
    AnyEvent, DomainId, EventFilter, EventLog, Position, READ_EVENTS_MAX, ReadRequest, Recorded, ReservationEvent,
    Reserved, StreamId, catalogue,
};
use wac_store::Stores;

use crate::cli::EventsArgs;
use crate::envelope::envelopes;
use crate::open;
use crate::output::{Format, line, print_json};
use story::Story;

/// Events printed unless `--limit` or `--follow` says otherwise.
const LIMIT_DEFAULT: u64 = 100;
/// Events read at a time.
const PAGE: usize = 1_000;

/// Runs `wac events`.
pub(crate) async fn run(args: &EventsArgs) -> Result<()> {
    let settings = open::settings(&args.source, "wac events")?;
    let stores = open::existing(&settings).await?;
    let filter = filter(args, &*stores.log).await?;
    if args.call.is_some() || args.related {
        return tell(args, filter, &stores).await;
    }
    let from_now = args.follow && args.after.is_none();
    let start = if from_now { stores.log.head().await?.position } else { Position(args.after.unwrap_or(0)) };
    let limit = args.limit.unwrap_or(if args.follow { u64::MAX } else { LIMIT_DEFAULT });
    let mut printer = Printer::new(args.output);
    let mut request = ReadRequest { after: start, before: args.before.map(Position), filter, limit: PAGE };
    let mut left = limit;
    while left > 0 {
        request.limit = usize::try_from(left).unwrap_or(PAGE).min(PAGE).min(READ_EVENTS_MAX);
        let page = stores.log.read(request.clone()).await?;
        printer.print(&envelopes(&page.events, &*stores.keys).await?)?;
        left -= page.events.len() as u64;
        let at_end = page.scanned_to <= request.after;
        let to = page.events.last().map(|event| event.position).filter(|_| left == 0);
        request.after = to.unwrap_or(page.scanned_to).max(request.after);
        if request.before.is_some_and(|before| request.after.0 + 1 >= before.0) {
            break;
        }
        if at_end {
            if !args.follow {
                break;
            }
            stores.log.wait_beyond(request.after, wac_events::Subscription::PATIENCE).await;
        }
    }
    if left == 0 && args.limit.is_none() {
        hint_more(&stores, request).await?;
    }
    Ok(())
}

/// Prints the story of one call; of its events only those that the other options let through.
async fn tell(args: &EventsArgs, filter: EventFilter, stores: &Stores) -> Result<()> {
    let log = &*stores.log;
    let part = match (&args.call, &args.stream) {
        (Some(call), _) => story::part_of_call(call, &filter, log).await?,
        (None, stream) => story::part_of_stream(stream.as_deref().unwrap_or_default(), log).await?,
    };
    let mut end = log.head().await?.position;
    let mut story = Story::of(part, log, end).await?;
    let mut printer = Printer::new(args.output);
    let mut left = args.limit.unwrap_or(u64::MAX);
    let filter = EventFilter { stream: None, ..filter };
    loop {
        let wanted = |event: &Recorded| within(args, event) && passes(&filter, event);
        let mut events: Vec<Recorded> = story.take().into_iter().filter(wanted).collect();
        events.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= events.len() as u64;
        printer.print(&envelopes(&events, &*stores.keys).await?)?;
        let before = args.before.map_or(Position(u64::MAX), Position);
        if !args.follow || left == 0 || end.0.saturating_add(1) >= before.0 {
            return Ok(());
        }
        log.wait_beyond(end, wac_events::Subscription::PATIENCE).await;
        let more = ReadRequest { after: end, before: None, filter: EventFilter::default(), limit: PAGE };
        let page = log.read(more).await?;
        for event in page.events {
            story.go_on(event, log).await?;
        }
        end = end.max(page.scanned_to);
    }
}

fn within(args: &EventsArgs, event: &Recorded) -> bool {
    args.after.is_none_or(|after| event.position.0 > after)
        && args.before.is_none_or(|before| event.position.0 < before)
}

fn passes(filter: &EventFilter, event: &Recorded) -> bool {
    let named = |wanted: &String| match wanted.strip_suffix('*') {
        Some(aggregate) => event.event_type.starts_with(aggregate),
        None => *event.event_type == **wanted,
    };
    (filter.types.is_empty() || filter.types.iter().any(named))
        && filter.domain.as_ref().is_none_or(|domain| event.domain.as_ref() == Some(domain))
}

/// Says on stderr that the default limit has cut something off.
async fn hint_more(stores: &Stores, request: ReadRequest) -> Result<()> {
    let after = request.after;
    let next = stores.log.read(ReadRequest { limit: 1, ..request }).await?;
    if !next.events.is_empty() {
        eprintln!("wac: there is more; go on with --after {after}, or give --limit");
    }
    Ok(())
}

async fn filter(args: &EventsArgs, log: &dyn EventLog) -> Result<EventFilter> {
    for wanted in &args.types {
        let known = match wanted.strip_suffix(".*") {
            Some(aggregate) => catalogue().any(|info| info.aggregate == aggregate),
            None => catalogue().any(|info| info.event_type == wanted),
        };
        if !known {
            let near = crate::config::nearest(wanted, catalogue().map(|info| info.event_type));
            let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            bail!("there is no event type {wanted}{hint}");
        }
    }
    let domain = match &args.domain {
        Some(name) => Some(domain(log, name).await?),
        None => None,
    };
    Ok(EventFilter { stream: args.stream.as_deref().map(StreamId::from), types: args.types.clone(), domain })
}

/// The id of a domain given by name or id, as the log alone knows it.
pub(crate) async fn domain(log: &dyn EventLog, name: &str) -> Result<DomainId> {
    if let Some(holder) = holder(log, &Reserved::DomainName(name.to_lowercase())).await? {
        return Ok(DomainId::from(holder));
    }
    let id = DomainId::from(name);
    if log.read_stream(&id.stream(), 1, 1).await?.is_empty() {
        bail!("there is no domain of the name or id {name:?}");
    }
    Ok(id)
}

/// Who holds a reservation now.
pub(crate) async fn holder(log: &dyn EventLog, reserved: &Reserved) -> Result<Option<String>> {
    let mut holder = None;
    for event in log.read_stream(&reserved.stream(), 1, READ_EVENTS_MAX).await? {
        match AnyEvent::decode_recorded(&event)? {
            AnyEvent::Reservation(ReservationEvent::Taken(taken)) => holder = Some(taken.holder),
            AnyEvent::Reservation(ReservationEvent::Released(_)) => holder = None,
            _ => {}
        }
    }
    Ok(holder)
}

struct Printer {
    format: Format,
    titled: bool,
    width: Option<usize>,
}

impl Printer {
    fn new(format: Format) -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self { format, titled: false, width: terminal.then(terminal_width) }
    }

    fn print(&mut self, envelopes: &[Value]) -> Result<()> {
        if self.format == Format::Table && !self.titled && !envelopes.is_empty() {
            self.titled = true;
            line(
                &self.cut(format!("{:>9}  {:<27}  {:<26}  {:<48}  DATA", "POSITION", "RECORDED AT", "TYPE", "STREAM")),
            )?;
        }
        for envelope in envelopes {
            match self.format {
                Format::Json => print_json(envelope)?,
                Format::Table => line(&self.cut(row(envelope)))?,
            }
        }
        Ok(())
    }

    /// On a terminal a line is cut where the terminal ends.
    fn cut(&self, text: String) -> String {
        match self.width {
            Some(width) if text.chars().count() > width => {
                text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
            }
            _ => text,
        }
    }
}

fn row(envelope: &Value) -> String {
    let text = |field: &str| envelope[field].as_str().unwrap_or("-");
    let data = if envelope["erased"] == true { "erased " } else { "" };
    format!(
        "{:>9}  {:<27}  {:<26}  {:<48}  {data}{}",
        envelope["position"].to_string(),
        text("recordedAt"),
        text("type"),
        text("stream"),
        envelope["data"],
    )
}

fn terminal_width() -> usize {
    const WIDTH_UNKNOWN: usize = 160;
    comfy_table::Table::new()
        .set_content_arrangement(comfy_table::ContentArrangement::Dynamic)
        .width()
        .map_or(WIDTH_UNKNOWN, usize::from)
}
