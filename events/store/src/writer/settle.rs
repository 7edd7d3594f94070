//! One batch from plan to answers: plan, commit, learn, plan again, until every command has its
//! answer or its time is up.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;
use wac_events::{AppendError, Appended, CommandId, Environment, Position, StoreError, StreamId};

use super::backend::{Backend, Batch, Commit, CommitError, Found, Moved};
use super::plan::{Job, Known, Plan, Verdict, plan, streams_to_read};
use super::trouble::{PROBE_BYTES, Trouble};
use super::{OUTCOME_PATIENCE, OVERLOADED_RETRY_AFTER};
use crate::wake::Wake;

/// How often one batch is planned again because other writers were faster.
const ATTEMPTS_MAX: u32 = 16;
/// First and longest pause between attempts to find out what became of a batch.
const RESOLVE_PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

pub(super) struct Writer<B> {
    pub(super) backend: B,
    /// Shared by the writers of a log.
    pub(super) known: Arc<Mutex<Known>>,
    pub(super) environment: Arc<dyn Environment>,
    pub(super) wake: Arc<Wake>,
    pub(super) trouble: Trouble,
}

/// How a batch as a whole ended.
enum End {
    /// Every verdict holds; rows stand from this position on.
    Done { verdicts: Vec<Verdict>, first: u64 },
    /// Nothing new was written: each command must be settled on its own.
    Alone(&'static str),
    /// Other writers were faster, again and again; or, with what broke, connections broke as often.
    Overrun(Option<StoreError>),
    /// The store cannot be written.
    Failed(StoreError),
}

/// What is learnt on the way.
#[derive(Default)]
struct Attempt {
    fresh: HashSet<StreamId>,
    verify_all: bool,
    look_up_all: bool,
    taken: u32,
    moved: u32,
    unknown: Option<Resolve>,
}

/// The search for an unknown outcome.
struct Resolve {
    deadline: Instant,
    pause: Duration,
    cause: StoreError,
}

impl<B: Backend> Writer<B> {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nobody panics while learning")
    }

    /// Answers every job.
    pub(super) async fn settle(&mut self, mut jobs: Vec<Job>) {
        let end = self.attempt(&mut jobs).await;
        self.backend.unlock().await;
        match end {
            End::Done { verdicts, first } => self.answer(jobs, verdicts, first).await,
            End::Alone(reason) if jobs.len() == 1 => refuse(jobs, |_| AppendError::Invalid(reason)),
            End::Alone(_) => {
                for job in jobs {
                    Box::pin(self.settle(vec![job])).await;
                }
            }
            End::Overrun(broken) => refuse(jobs, |job| match &broken {
                Some(source) if job.sent => {
                    AppendError::OutcomeUnknown { command_id: job.batch.command_id, source: source.clone() }
                }
                _ => AppendError::Overloaded { retry_after: OVERLOADED_RETRY_AFTER },
            }),
            End::Failed(error) => {
                tracing::warn!(error = %error, commands = jobs.len(), "the log cannot be written");
                self.trouble.failed(error.clone());
                refuse(jobs, |job| {
                    let (command_id, source) = (job.batch.command_id, error.clone());
                    match job.sent {
                        true => AppendError::OutcomeUnknown { command_id, source },
                        false => AppendError::Unavailable(source),
                    }
                });
            }
        }
    }

    /// Finds out whether the store can be written again, while nobody else tries to.
    pub(super) async fn probe(&mut self) {
        let mut random = [0; PROBE_BYTES / 2];
        self.environment.fill(&mut random);
        let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.backend.probe(&text).await {
            Ok(()) => {
                tracing::info!("the log can be written again");
                self.trouble.over();
            }
            Err(error) => self.trouble.failed(error),
        }
    }

    async fn attempt(&mut self, jobs: &mut [Job]) -> End {
        let mut attempt = Attempt::default();
        for _ in 0..ATTEMPTS_MAX {
            if attempt.moved >= B::LOCK_AFTER {
                let known_head = self.known().head.unwrap_or(0);
                match self.backend.lock(known_head).await {
                    Ok(moved) => self.moved(moved, &mut attempt),
                    Err(error) => return End::Failed(error),
                }
            }
            if let Err(error) = self.learn(jobs, &mut attempt).await {
                return End::Failed(error);
            }
            let (plan, known_head) = {
                let known = self.known();
                (plan(jobs, &known, &attempt.fresh, attempt.verify_all), known.head.unwrap_or(0))
            };
            if plan.rows.is_empty() {
                return End::Done { verdicts: plan.verdicts, first: 0 };
            }
            let batch = Batch { known_head, bases: &plan.bases, rows: &plan.rows, now: self.environment.now() };
            match self.backend.commit(batch).await {
                Ok(Commit::Written { head_before, moved }) => {
                    self.trouble.over();
                    self.written(jobs, &plan, head_before, moved);
                    return End::Done { verdicts: plan.verdicts, first: head_before + 1 };
                }
                Ok(Commit::Moved(moved)) => {
                    attempt.moved += 1;
                    self.moved(moved, &mut attempt);
                }
                Err(CommitError::Taken) if attempt.taken > 0 => {
                    return End::Alone("an event id is in the log already");
                }
                Err(CommitError::Taken) => {
                    attempt.taken += 1;
                    attempt.look_up_all = true;
                    attempt.verify_all = true;
                }
                Err(CommitError::Content(error)) => {
                    tracing::warn!(error = %error, "the store refuses the content of an event");
                    return End::Alone("the store refuses the content of an event");
                }
                Err(CommitError::NotWritten(error)) => return End::Failed(error),
                Err(CommitError::Unknown(cause)) => {
                    let sent: Vec<_> =
                        plan.verdicts.iter().map(|verdict| matches!(verdict, Verdict::Write { .. })).collect();
                    jobs.iter_mut().zip(sent).for_each(|(job, sent)| job.sent |= sent);
                    attempt.look_up_all = true;
                    attempt.verify_all = true;
                    attempt.search(cause);
                }
            }
        }
        End::Overrun(attempt.unknown.map(|resolve| resolve.cause))
    }

    /// Reads what the next plan needs. While an outcome is unknown, again and again until its
    /// time is up.
    async fn learn(&mut self, jobs: &[Job], attempt: &mut Attempt) -> Result<(), StoreError> {
        let (streams, commands) = if attempt.look_up_all {
            let streams: HashSet<_> = jobs.iter().flat_map(|job| &job.batch.appends).map(|a| &a.stream).collect();
            (streams.into_iter().cloned().collect(), jobs.iter().map(|job| job.batch.command_id).collect())
        } else {
            (streams_to_read(jobs, &self.known()), Vec::new())
        };
        if streams.is_empty() && commands.is_empty() && self.known().head.is_some() {
            return Ok(());
        }
        loop {
            match self.backend.look_up(&streams, &commands).await {
                Ok(found) => {
                    attempt.fresh.extend(streams);
                    attempt.look_up_all = false;
                    self.learnt(found);
                    return Ok(());
                }
                Err(error) => match &mut attempt.unknown {
                    Some(resolve) if Instant::now() < resolve.deadline => resolve.pause().await,
                    Some(resolve) => return Err(resolve.cause.clone()),
                    None => return Err(error),
                },
            }
        }
    }

    fn learnt(&self, found: Found) {
        self.wake.publish(found.head);
        let mut known = self.known();
        // Nothing is remembered from before the first look, so that knowledge starts here.
        known.head.get_or_insert(found.head);
        known.learn(found.versions);
        found.commands.into_iter().for_each(|(id, first, last)| known.commands.insert(id, (first, last)));
    }

    fn moved(&self, moved: Moved, attempt: &mut Attempt) {
        self.wake.publish(moved.head);
        let mut known = self.known();
        if !moved.complete {
            known.versions.clear();
            attempt.verify_all = true;
        }
        // Should another writer know the log further than this, what it knows stays true.
        known.head = Some(moved.head);
        attempt.fresh.extend(moved.versions.iter().map(|(stream, _)| stream.clone()));
        known.learn(moved.versions);
    }

    fn written(&self, jobs: &[Job], plan: &Plan<'_>, head_before: u64, moved: Vec<(StreamId, u64)>) {
        let head = head_before + plan.rows.len() as u64;
        self.wake.publish(head);
        let mut known = self.known();
        known.learn(moved);
        known.learn(plan.versions.iter().map(|(stream, version)| ((*stream).clone(), *version)));
        let first = head_before + 1;
        for (job, verdict) in jobs.iter().zip(&plan.verdicts) {
            if let Verdict::Write { first: from, last } = verdict {
                known.commands.insert(job.batch.command_id, (first + *from as u64, first + *last as u64));
            }
        }
        known.head = known.head.max(Some(head));
    }

    async fn answer(&mut self, jobs: Vec<Job>, verdicts: Vec<Verdict>, first: u64) {
        let repeated = self.look_for_refused(&jobs, &verdicts).await;
        let mut answers: Vec<Result<Appended, AppendError>> = Vec::with_capacity(jobs.len());
        for (job, verdict) in jobs.iter().zip(verdicts) {
            let at = |first, last, duplicate| Appended { first: Position(first), last: Position(last), duplicate };
            answers.push(match verdict {
                Verdict::Write { first: from, last } => Ok(at(first + from as u64, first + last as u64, false)),
                Verdict::Known { first, last } => Ok(at(first, last, !job.sent)),
                Verdict::Follow(index) => match &answers[index] {
                    Ok(appended) => Ok(Appended { duplicate: true, ..*appended }),
                    Err(_) => unreachable!("a followed command was planned to be written"),
                },
                Verdict::Conflict { stream, expected, actual } => match &repeated {
                    Ok(()) => match self.known().commands.get(&job.batch.command_id) {
                        Some((first, last)) => Ok(at(first, last, !job.sent)),
                        None => Err(AppendError::Conflict { stream, expected, actual }),
                    },
                    Err(error) => Err(AppendError::Unavailable(error.clone())),
                },
            });
        }
        jobs.into_iter().zip(answers).for_each(|(job, answer)| send(job, answer));
    }

    /// A command that meets a conflict may be one that was appended long ago.
    async fn look_for_refused(&mut self, jobs: &[Job], verdicts: &[Verdict]) -> Result<(), StoreError> {
        let refused = jobs.iter().zip(verdicts).filter(|(_, verdict)| matches!(verdict, Verdict::Conflict { .. }));
        let refused: Vec<CommandId> = refused.map(|(job, _)| job.batch.command_id).collect();
        if !refused.is_empty() {
            let found = self.backend.look_up(&[], &refused).await?;
            self.learnt(found);
        }
        Ok(())
    }
}

impl Attempt {
    fn search(&mut self, cause: StoreError) {
        tracing::warn!(error = %cause, "the connection broke during an append; finding out what became of it");
        self.unknown.get_or_insert_with(|| Resolve {
            deadline: Instant::now() + OUTCOME_PATIENCE,
            pause: RESOLVE_PAUSES.0,
            cause,
        });
    }
}

impl Resolve {
    async fn pause(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(RESOLVE_PAUSES.1);
    }
}

fn refuse(jobs: Vec<Job>, error: impl Fn(&Job) -> AppendError) {
    for job in jobs {
        let error = error(&job);
        send(job, Err(error));
    }
}

fn send(job: Job, answer: Result<Appended, AppendError>) {
    // A caller that has gone away has no use for its answer.
    let _ = job.reply.send(answer);
}
