//! Which commands go into which round trip, and when.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use wac_events::StreamId;

use super::backend::Backend;
use super::plan::Job;
use super::settle::Writer;
use super::trouble::Trouble;
use super::{BATCH_BYTES_MAX, BATCH_COMMANDS_MAX, BATCH_EVENTS_MAX};

/// So many commands must wait for another batch to be sent while one is under way. Fewer are
/// better off with those who come meanwhile: every batch has costs of its own.
const OVERLAP_COMMANDS_MIN: usize = 24;
/// How long the writer waits at most for those it has just answered to come back.
const GATHER_MAX: Duration = Duration::from_micros(500);
/// And which part of the time their own batch took.
const GATHER_FRACTION: u32 = 5;

/// A batch under way.
struct UnderWay {
    number: u64,
    commands: usize,
    streams: HashSet<StreamId>,
    began: Instant,
}

/// Settles everything that comes through `queue`, with as many batches at once as there are
/// `writers`; ends when the queue is closed and empty.
///
/// No two batches under way touch one stream, and commands on one stream keep their order.
pub(super) async fn run<B: Backend>(writers: Vec<Writer<B>>, mut queue: mpsc::Receiver<Job>, trouble: Trouble) {
    let lanes = writers.len();
    let mut idle = writers;
    let mut under_way = FuturesUnordered::new();
    let mut batches: Vec<UnderWay> = Vec::with_capacity(lanes);
    let mut waiting = Vec::with_capacity(BATCH_COMMANDS_MAX);
    let (mut open, mut number) = (true, 0);
    loop {
        while !waiting.is_empty() && waiting.len() >= enough(&batches, waiting.len()) {
            let Some(writer) = idle.pop() else { break };
            let jobs = take(&mut waiting, &batches);
            if jobs.is_empty() {
                idle.push(writer);
                break;
            }
            number += 1;
            let streams = if lanes > 1 { streams(&jobs).cloned().collect() } else { HashSet::new() };
            batches.push(UnderWay { number, commands: jobs.len(), streams, began: Instant::now() });
            under_way.push(settle(writer, jobs, number));
        }
        let room = if idle.is_empty() { 0 } else { BATCH_COMMANDS_MAX.saturating_sub(waiting.len()) };
        tokio::select! {
            biased;
            Some((writer, ended)) = under_way.next() => {
                idle.push(writer);
                let index = batches.iter().position(|batch| batch.number == ended);
                let batch = batches.swap_remove(index.expect("it was under way"));
                if batches.is_empty() {
                    gather(&mut queue, &mut waiting, &batch, lanes).await;
                }
            }
            taken = queue.recv_many(&mut waiting, room), if open && room > 0 => open = taken > 0,
            () = trouble.probe_due(), if open && under_way.is_empty() => {
                if let Some(writer) = idle.last_mut() {
                    writer.probe().await;
                }
            }
            else => break,
        }
    }
    for mut writer in idle {
        writer.backend.close().await;
    }
}

async fn settle<B: Backend>(mut writer: Writer<B>, jobs: Vec<Job>, number: u64) -> (Writer<B>, u64) {
    writer.settle(jobs).await;
    (writer, number)
}

/// How many commands must wait for the next batch to be sent now.
fn enough(batches: &[UnderWay], waiting: usize) -> usize {
    match batches.iter().map(|batch| batch.commands).sum::<usize>() {
        0 => 1,
        commands => OVERLAP_COMMANDS_MIN.max((commands + waiting) * 3 / 8).min(BATCH_COMMANDS_MAX),
    }
}

/// How many of the `active` commands the next batch should have, with nothing under way: nearly all
/// of them, or half if the other half can follow while it is under way.
fn wanted(active: usize, lanes: usize) -> usize {
    let active = active.min(BATCH_COMMANDS_MAX);
    if lanes > 1 && active >= 2 * OVERLAP_COMMANDS_MIN { active / 2 } else { active - active / 8 }
}

/// Lets those who have just had their answer come back with their next command, so that they share
/// a round trip with those who wait already: otherwise the quickest of them would get one for
/// itself, and all others wait for it. A lone writer never waits.
async fn gather(queue: &mut mpsc::Receiver<Job>, waiting: &mut Vec<Job>, answered: &UnderWay, lanes: usize) {
    let began = Instant::now();
    let most = GATHER_MAX.min(answered.began.elapsed() / GATHER_FRACTION);
    let wanted = wanted(answered.commands + waiting.len() + queue.len(), lanes);
    while answered.commands > 1 && waiting.len() + queue.len() < wanted && began.elapsed() < most {
        tokio::task::yield_now().await;
    }
    while waiting.len() < BATCH_COMMANDS_MAX
        && let Ok(job) = queue.try_recv()
    {
        waiting.push(job);
    }
}

fn streams(jobs: &[Job]) -> impl Iterator<Item = &StreamId> {
    jobs.iter().flat_map(|job| &job.batch.appends).map(|append| &append.stream)
}

/// Takes the commands in front for one round trip. Those on a stream of a batch under way stay
/// where they are, and so does whatever is on a stream of theirs.
fn take(waiting: &mut Vec<Job>, batches: &[UnderWay]) -> Vec<Job> {
    let mut size = Size::default();
    if batches.is_empty() {
        let fitting = waiting.iter().take_while(|job| size.takes(job)).count();
        let rest = waiting.split_off(fitting);
        return std::mem::replace(waiting, rest);
    }
    let mut kept: HashSet<StreamId> = HashSet::new();
    let mut taken = Vec::with_capacity(waiting.len());
    for job in std::mem::take(waiting) {
        let touched = || job.batch.appends.iter().map(|append| &append.stream);
        let held = |stream| kept.contains(stream) || batches.iter().any(|batch| batch.streams.contains(stream));
        if touched().any(held) || !size.takes(&job) {
            kept.extend(touched().cloned());
            waiting.push(job);
        } else {
            taken.push(job);
        }
    }
    taken
}

/// What a round trip has taken so far.
#[derive(Default)]
struct Size {
    commands: usize,
    events: usize,
    bytes: usize,
}

impl Size {
    /// Whether another command still goes into it; the first one always does.
    fn takes(&mut self, job: &Job) -> bool {
        if self.commands > 0 && (self.events >= BATCH_EVENTS_MAX || self.bytes >= BATCH_BYTES_MAX) {
            return false;
        }
        self.commands += 1;
        for event in job.batch.appends.iter().flat_map(|append| &append.events) {
            self.events += 1;
            self.bytes += event.data.len() + event.meta.len();
        }
        true
    }
}
