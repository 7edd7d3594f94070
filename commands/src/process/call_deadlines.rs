use std::convert::Infallible;
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{self, StreamExt};
use wac_events::invite::CancelReason;
use wac_events::presence::DeviceEnd;
use wac_events::room::LeaveReason;
use wac_events::{
    Actor, AnyEvent, CommandId, EventFilter, NodeId, Position, Recorded, RoomRef, Subscription, Time, UserId,
};

use super::deadlines::{Deadlines, Due, WANTS, target};
use super::{Ports, ProcessError, RETRY_MAX, RETRY_MIN};
use crate::invite::{CODE_CANCELLED, CODE_TIMEOUT, CancelInvite, ExpireInvite, RemoveCandidate, Unless};
use crate::presence::RemoveDevice;
use crate::room::LeaveRoom;
use crate::session::ExpireSession;
use crate::transfer::FailTransfer;
use crate::{CALLS_LISTED_MAX, Command, CommandError, Context, Deadline, Device, InvitesOf, RoomsOf};

/// Name of the process, and of the actor of its commands.
const NAME: &str = "call_deadlines";
/// Events read at a time.
const BATCH_EVENTS: usize = 1_000;
/// Most deadlines met between two looks into the log.
const MET_AT_ONCE: usize = 1_000;
/// Most of them at the same time.
const PARALLEL_MAX: usize = 32;
/// How often one deadline's list is asked for again while it is full.
const LISTS_MAX: usize = 100;

/// How long things are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallRules {
    /// Longest wait before the clock is looked at again (`watchdog.invites.period`).
    pub period: Duration,
    /// How long the devices of a node that has ended had to come back: as in [`crate::node::StopNode`].
    pub devices_kept: Duration,
    /// How long a lost device keeps its seats (`rooms.removeAfter`).
    pub seats_kept: Duration,
    /// How long a lost device counts as ringing (`invites.basic.removeAfter`).
    pub ringing_kept: Duration,
}

/// Meets the deadlines of calls and sessions for ever; drop the future to stop it. Several nodes
/// may do so at once: what one has done leaves the others nothing to do.
pub async fn run_call_deadlines(ports: &Ports, rules: &CallRules) -> Infallible {
    let mut pause = RETRY_MIN;
    loop {
        let Err(error) = follow(ports, rules).await;
        ports.watcher.failed(NAME, &error, pause);
        ports.timer.sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

async fn follow(ports: &Ports, rules: &CallRules) -> Result<Infallible, ProcessError> {
    let (mut seen, known) = ports.calls.deadlines().await?;
    let mut deadlines = Deadlines::of(known);
    let types = WANTS.iter().map(|want| (*want).to_owned()).collect();
    let filter = EventFilter { types, ..EventFilter::default() };
    let mut subscription = Subscription::new(ports.handler.log().clone(), seen, filter, BATCH_EVENTS);
    let mut pause = RETRY_MIN;
    loop {
        while let Some(page) = subscription.poll_now().await? {
            seen = page.scanned_to;
            page.events.iter().try_for_each(|event| fold(&mut deadlines, event))?;
        }
        let failed = meet(ports, rules, &mut deadlines, seen).await;
        let now = ports.handler.environment().now();
        let next = deadlines.next_deadline().map_or(rules.period, |at| at.since(now).min(rules.period));
        let wait = if failed { next.max(pause) } else { next };
        pause = if failed { (pause * 2).min(RETRY_MAX) } else { RETRY_MIN };
        let coming = std::pin::pin!(subscription.next());
        if let Either::Left((page, _)) = select(coming, ports.timer.sleep(wait)).await {
            let page = page?;
            seen = page.scanned_to;
            page.events.iter().try_for_each(|event| fold(&mut deadlines, event))?;
        }
    }
}

fn fold(deadlines: &mut Deadlines, recorded: &Recorded) -> Result<(), ProcessError> {
    let event = AnyEvent::decode_recorded(recorded)?;
    deadlines.apply(recorded, &event);
    Ok(())
}

/// Does what is due now. Whether anything failed, and is still due.
async fn meet(ports: &Ports, rules: &CallRules, deadlines: &mut Deadlines, seen: Position) -> bool {
    let due = deadlines.due(ports.handler.environment().now(), MET_AT_ONCE);
    let met = stream::iter(due).map(|(deadline, due)| async move {
        let meeting = Meeting { ports, rules, deadline: &deadline, due: &due, seen };
        let outcome = meeting.act().await;
        (deadline, outcome)
    });
    let met: Vec<_> = met.buffer_unordered(PARALLEL_MAX).collect().await;
    let mut failed = false;
    for (deadline, outcome) in met {
        match outcome {
            Ok(()) => deadlines.clear(&deadline),
            Err(error) => {
                failed = true;
                ports.watcher.failed(NAME, &error, RETRY_MIN);
            }
        }
    }
    failed
}

/// One deadline that has come.
struct Meeting<'a> {
    ports: &'a Ports,
    rules: &'a CallRules,
    deadline: &'a Deadline,
    due: &'a Due,
    seen: Position,
}

impl Meeting<'_> {
    /// Whether it still holds is for each decision to say.
    async fn act(&self) -> Result<(), ProcessError> {
        match self.deadline {
            Deadline::Invite(invite) => {
                self.issue("", &ExpireInvite { invite: invite.clone(), ring_until: self.due.at }).await?;
            }
            Deadline::Transfer(transfer) => {
                let fail = FailTransfer { transfer: transfer.clone(), code: CODE_TIMEOUT, when_due: true };
                self.issue("", &fail).await?;
            }
            Deadline::Session(id) => {
                self.issue("", &ExpireSession { id: id.clone() }).await?;
            }
            Deadline::Seats(device) => self.unseat(device).await?,
            Deadline::Ringing(user) => self.unring(user).await?,
            Deadline::Node(node) => self.remove_devices(node).await?,
        }
        Ok(())
    }

    async fn unseat(&self, device: &Device) -> Result<(), ProcessError> {
        let reason = match self.due.end {
            DeviceEnd::Lost => LeaveReason::Lost,
            DeviceEnd::Closed => LeaveReason::Left,
        };
        let of = RoomsOf::Session(device.session.clone());
        let mut seen = self.seen;
        for _ in 0..LISTS_MAX {
            let rooms: Vec<RoomRef> = self.ports.calls.rooms(&of, seen).await?;
            for room in &rooms {
                let leave = LeaveRoom { room: room.clone(), device: device.clone(), reason, unless_registered: true };
                seen = seen.max(self.issue(room.stream().as_str(), &leave).await?);
            }
            if rooms.len() < CALLS_LISTED_MAX {
                break;
            }
        }
        Ok(())
    }

    async fn unring(&self, user: &UserId) -> Result<(), ProcessError> {
        let mut seen = self.seen;
        for _ in 0..LISTS_MAX {
            let rung = self.ports.calls.invites(&InvitesOf::Candidate(user.clone()), seen).await?;
            let sent = self.ports.calls.invites(&InvitesOf::Caller(user.clone()), seen).await?;
            for invite in &rung {
                let remove = RemoveCandidate { invite: invite.clone(), user: user.clone() };
                seen = seen.max(self.issue(invite.as_str(), &remove).await?);
            }
            for invite in &sent {
                let cancel = CancelInvite {
                    invite: invite.clone(),
                    by: None,
                    code: CODE_CANCELLED,
                    reason: CancelReason::CallerGone,
                    unless: Some(Unless::Registered),
                };
                seen = seen.max(self.issue(invite.as_str(), &cancel).await?);
            }
            if rung.len() < CALLS_LISTED_MAX && sent.len() < CALLS_LISTED_MAX {
                break;
            }
        }
        Ok(())
    }

    async fn remove_devices(&self, node: &NodeId) -> Result<(), ProcessError> {
        let devices = self.ports.calls.devices(node, self.seen).await?;
        let removed = stream::iter(devices).map(|device| async move {
            let remove = RemoveDevice {
                device: device.clone(),
                node: node.clone(),
                reason: DeviceEnd::Lost,
                lost_at: self.due.at.minus(self.rules.devices_kept),
                seats_kept: self.rules.seats_kept,
                ringing_kept: self.rules.ringing_kept,
            };
            self.issue(device.session.as_str(), &remove).await
        });
        let outcomes: Vec<_> = removed.buffer_unordered(PARALLEL_MAX).collect().await;
        outcomes.into_iter().try_for_each(|outcome| outcome.map(|_| ()))
    }

    /// Executes one command; the position up to which its effect can be seen. `part` tells the
    /// commands of one deadline apart.
    async fn issue(&self, part: &str, command: &dyn Command) -> Result<Position, ProcessError> {
        match self.ports.handler.execute(command, self.context(command.name(), part)).await {
            Ok(executed) => Ok(executed.position),
            Err(CommandError::Rejected(rejection)) => {
                self.ports.watcher.rejected(NAME, command.name(), &rejection);
                Ok(Position::START)
            }
            Err(source) => Err(ProcessError::Command { command: command.name(), source }),
        }
    }

    fn context(&self, command: &str, part: &str) -> Context {
        let env = self.ports.handler.environment();
        // A deadline that was missed has no time of its own: it may come again under the same name.
        let missed = self.due.at == Time::EPOCH;
        let key = format!("{command}/{}/{}/{part}", target(self.deadline), self.due.at.micros());
        let command_id = if missed { CommandId(env.new_uuid()) } else { CommandId::derived(NAME, &key) };
        Context { causation_id: self.due.cause, ..Context::new(env.now(), Actor::System(NAME.to_owned()), command_id) }
    }
}
