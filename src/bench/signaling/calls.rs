//! Calls at an offered rate: each begins when it should, however long others take, and its times
//! count from then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::client::{Client, Entry, arrived};
use super::place::Person;
use super::server::{Cores, CoresUsed, Server};
use super::times::{Histogram, Times};
use crate::output::progress;

/// The room is opened so long before its call begins.
const ROOM_AHEAD: Duration = Duration::from_millis(250);
/// The callee takes so long to answer.
const ANSWER_AFTER: Duration = Duration::from_millis(500);
/// They talk for so long.
const TALK: Duration = Duration::from_millis(500);
/// Calls before the clock starts.
const WARM_UP: Duration = Duration::from_secs(2);
/// Connections being made at once.
const CONNECTING: usize = 64;

/// Who calls whom.
pub(super) struct Pair {
    caller: Client,
    callee: Client,
    callee_user: String,
}

/// What an offered rate came to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Load {
    /// Calls a second that were begun.
    pub(super) offered_per_second: u32,
    /// Calls a second that came to both being in the room.
    pub(super) connected_per_second: f64,
    /// Calls that did not, by what went wrong.
    pub(super) failed: BTreeMap<String, u64>,
    /// From the moment the invitation should have been sent to the callee's ring.
    pub(super) ring: Times,
    /// From the moment it should have been accepted to both knowing that both are in.
    pub(super) joined: Times,
    /// One durable append of the server, meanwhile.
    pub(super) append: Times,
    /// How late this client itself began.
    pub(super) client_late: Times,
    /// Who used the processors.
    pub(super) cores: CoresUsed,
    /// How far the slowest read model was behind at the end, in events.
    pub(super) rows_behind: u64,
}

/// Connects everybody.
pub(super) async fn pairs(server: &Server, people: &[Person]) -> Result<Vec<Arc<Pair>>> {
    let bar = progress(people.len() as u64, "connecting");
    let connecting = people.chunks_exact(2).enumerate().map(|(number, two)| {
        let bar = &bar;
        async move {
            let entry = |place: usize| Entry::qss(server.qss, &two[place].token, number * 2 + place);
            let (caller, callee) = (Client::connect(entry(0)).await?, Client::connect(entry(1)).await?);
            bar.inc(2);
            Ok(Arc::new(Pair { caller, callee, callee_user: format!("wac-user:{}", two[1].user) }))
        }
    });
    let pairs: Vec<Result<Arc<Pair>>> = futures::stream::iter(connecting).buffered(CONNECTING).collect().await;
    bar.finish_and_clear();
    pairs.into_iter().collect::<Result<_>>().context("connecting the callers")
}

#[derive(Default)]
struct Tally {
    ring: Vec<Duration>,
    joined: Vec<Duration>,
    late: Vec<Duration>,
    failed: BTreeMap<String, u64>,
}

/// Offers so many calls a second for `time`.
pub(super) async fn offer(server: &Server, pairs: &[Arc<Pair>], per_second: u32, time: Duration) -> Result<Load> {
    let tally = Arc::new(Mutex::new(Tally::default()));
    let gap = Duration::from_secs(1) / per_second.max(1);
    let count = |time: Duration| (time.as_secs_f64() * f64::from(per_second)).ceil() as u64;
    let (warm, counted) = (count(WARM_UP), count(time));
    let bar = progress(counted, &format!("calls, {per_second} a second"));
    let start = Instant::now() + ROOM_AHEAD;
    let mut calls = JoinSet::new();
    let mut measured = None;
    for number in 0..warm + counted {
        let at = start + gap * u32::try_from(number).unwrap_or(u32::MAX);
        sleep_until((at - ROOM_AHEAD).into()).await;
        if number == warm {
            let before = Histogram::read(&server.metrics().await?, APPENDS);
            measured = Some((before, Cores::start(server)?));
        }
        let pair = pairs[usize::try_from(number).unwrap_or(0) % pairs.len()].clone();
        let (tally, bar, counts) = (tally.clone(), bar.clone(), number >= warm);
        calls.spawn(async move {
            let outcome = call(&pair, at, counts, &tally).await;
            if counts {
                bar.inc(1);
                if let Err(error) = outcome {
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    *tally.failed.entry(error.to_string()).or_default() += 1;
                }
            }
        });
        while calls.try_join_next().is_some() {}
    }
    let (before, cores) = measured.context("no call was made")?;
    let cores = cores.used(server)?;
    let metrics = server.metrics().await?;
    let elapsed_s = (Instant::now() - start - WARM_UP).as_secs_f64();
    while calls.join_next().await.is_some() {}
    bar.finish_and_clear();
    let tally = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 calls")]
    let connected_per_second = tally.joined.len() as f64 / elapsed_s.max(time.as_secs_f64());
    Ok(Load {
        offered_per_second: per_second,
        connected_per_second,
        failed: tally.failed,
        ring: Times::of(tally.ring),
        joined: Times::of(tally.joined),
        append: Times::between(&before, &Histogram::read(&metrics, APPENDS)),
        client_late: Times::of(tally.late),
        cores,
        rows_behind: behind(&metrics),
    })
}

/// The server's histogram of durable appends.
const APPENDS: &str = "wac_append_duration_seconds";

/// The lag of the slowest read model in a scrape.
fn behind(metrics: &str) -> u64 {
    let lags = metrics.lines().filter(|line| line.starts_with("wac_projection_lag_events{"));
    lags.filter_map(|line| line.rsplit_once(' ')?.1.parse().ok()).max().unwrap_or(0)
}

/// One call, from the room to its end.
async fn call(pair: &Pair, at: Instant, counts: bool, tally: &Mutex<Tally>) -> Result<()> {
    let Pair { caller, callee, callee_user } = pair;
    let opened = caller.ask("createRoom", json!({})).await?;
    let room = opened.frame.id.context("a room without an id")?;
    let ring = callee.expect("invite", &room);
    let joined = caller.expect("participantJoined", &room);
    sleep_until(at.into()).await;
    // Only what is this client's own fault: a room that is late is the server's.
    let late = (opened.at < at).then(|| at.elapsed());
    let media = json!({ "audio": true, "video": true });
    let invite = json!({ "to": callee_user, "roomId": room, "mediatypes": media, "context": {} });
    let answer = caller.send("invite", invite).await?;
    let ring = arrived("the ring", ring).await?;
    arrived("invite", answer).await?;
    let invite = ring.frame.invite().context("a ring without an invitation")?.to_owned();
    let accept_at = (at + ANSWER_AFTER).max(ring.at);
    sleep_until(accept_at.into()).await;
    let accepted = callee.ask("accept", json!({ "inviteId": invite })).await?;
    let joined = arrived("participantJoined", joined).await?;
    if counts {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.ring.push(ring.at.saturating_duration_since(at));
        tally.joined.push(joined.at.max(accepted.at).saturating_duration_since(accept_at));
        tally.late.extend(late);
    }
    tokio::time::sleep(TALK).await;
    caller.ask("closeRoom", json!({ "roomId": room })).await?;
    Ok(())
}
