use std::collections::{BTreeSet, HashMap};

use wac_events::presence::DeviceEnd;
use wac_events::{
    AnyEvent, EventId, InviteEvent, InviteId, NodeEvent, PresenceEvent, Recorded, SessionEvent, SessionId, StreamId,
    Time, TransferEvent, TransferId, UserId,
};

use crate::{Deadline, Device};

/// What is folded.
pub(super) const WANTS: [&str; 8] = [
    "invite.*",
    "transfer.*",
    "session.opened",
    "session.extended",
    "session.closed",
    "presence.device_registered",
    "presence.device_removed",
    "node.stopped",
];

/// A deadline that is still to come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// When.
    pub at: Time,
    /// The event it comes from; `None`: a read model.
    pub cause: Option<EventId>,
    /// Why a device is gone.
    pub end: DeviceEnd,
}

/// The deadlines of calls and sessions: the fold of the log. It holds what is pending only, about
/// 200 bytes each; most of it one for each open session.
#[derive(Debug, Default)]
pub struct Deadlines {
    pending: HashMap<Deadline, Due>,
    due: BTreeSet<(Time, Deadline)>,
}

impl Deadlines {
    /// Deadlines that read models know of.
    pub fn of(known: impl IntoIterator<Item = (Time, Deadline)>) -> Self {
        let mut deadlines = Self::default();
        for (at, deadline) in known {
            deadlines.set(deadline, Due { at, cause: None, end: DeviceEnd::Lost });
        }
        deadlines
    }

    /// Folds one event.
    pub fn apply(&mut self, recorded: &Recorded, event: &AnyEvent) {
        let due = |at: Time| Due { at, cause: Some(recorded.event_id), end: DeviceEnd::Lost };
        match event {
            AnyEvent::Invite(event) => self.invite(&recorded.stream, event, due),
            AnyEvent::Transfer(event) => self.transfer(&recorded.stream, event, due),
            AnyEvent::Session(event) => self.session(&recorded.stream, event, due),
            AnyEvent::Presence(PresenceEvent::DeviceRemoved(removed)) => {
                let device = Device { user: removed.user.clone(), session: removed.session.clone() };
                self.set(Deadline::Seats(device), Due { end: removed.reason, ..due(removed.leave_by) });
                // Another device of his may have been lost a moment ago, and has its own time.
                let ringing = Deadline::Ringing(removed.user.clone());
                if self.pending.get(&ringing).is_none_or(|known| known.at < removed.unring_by) {
                    self.set(ringing, due(removed.unring_by));
                }
            }
            AnyEvent::Presence(PresenceEvent::DeviceRegistered(registered)) => {
                let device = Device { user: registered.user.clone(), session: registered.session.clone() };
                self.clear(&Deadline::Seats(device));
                if registered.ringable {
                    self.clear(&Deadline::Ringing(registered.user.clone()));
                }
            }
            AnyEvent::Node(NodeEvent::Stopped(stopped)) => {
                self.set(Deadline::Node(stopped.id.clone()), due(stopped.devices_by));
            }
            _ => {}
        }
    }

    fn invite(&mut self, stream: &StreamId, event: &InviteEvent, due: impl Fn(Time) -> Due) {
        let deadline = Deadline::Invite(InviteId::from(stream.id()));
        match event {
            InviteEvent::Created(created) => self.set(deadline, due(created.ring_until)),
            InviteEvent::Declined(declined) if !declined.over => {}
            InviteEvent::Accepted(_)
            | InviteEvent::Declined(_)
            | InviteEvent::Cancelled(_)
            | InviteEvent::Expired(_)
            | InviteEvent::Ended(_) => self.clear(&deadline),
            InviteEvent::CandidateAdded(_) | InviteEvent::CandidateRemoved(_) => {}
        }
    }

    fn transfer(&mut self, stream: &StreamId, event: &TransferEvent, due: impl Fn(Time) -> Due) {
        let deadline = Deadline::Transfer(TransferId::from(stream.id()));
        match event {
            TransferEvent::Created(created) => self.set(deadline, due(created.until)),
            // From now on the invitation's deadline is the transfer's.
            TransferEvent::Accepted(_)
            | TransferEvent::Declined(_)
            | TransferEvent::Completed(_)
            | TransferEvent::Failed(_) => self.clear(&deadline),
        }
    }

    fn session(&mut self, stream: &StreamId, event: &SessionEvent, due: impl Fn(Time) -> Due) {
        let deadline = Deadline::Session(SessionId::from(stream.id()));
        match event {
            SessionEvent::Opened(opened) => self.set(deadline, due(opened.expires_at)),
            SessionEvent::Extended(extended) => self.set(deadline, due(extended.expires_at)),
            SessionEvent::Closed(_) => self.clear(&deadline),
            SessionEvent::ContextChanged(_) | SessionEvent::PushTokenSet(_) | SessionEvent::PushTokenRemoved(_) => {}
        }
    }

    fn set(&mut self, deadline: Deadline, due: Due) {
        self.clear(&deadline);
        self.due.insert((due.at, deadline.clone()));
        self.pending.insert(deadline, due);
    }

    /// The deadline is none any more: it was met, or something else happened before.
    pub fn clear(&mut self, deadline: &Deadline) {
        if let Some((deadline, due)) = self.pending.remove_entry(deadline) {
            self.due.remove(&(due.at, deadline));
        }
    }

    /// When the next thing is due.
    pub fn next_deadline(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    /// What is due, the earliest first, at most `limit`.
    pub fn due(&self, now: Time, limit: usize) -> Vec<(Deadline, Due)> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now).take(limit);
        due.filter_map(|(_, deadline)| Some((deadline.clone(), self.pending.get(deadline)?.clone()))).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

/// What a deadline is about, as part of a command's id.
pub(super) fn target(deadline: &Deadline) -> String {
    match deadline {
        Deadline::Invite(id) => id.to_string(),
        Deadline::Transfer(id) => id.to_string(),
        Deadline::Session(id) => id.to_string(),
        Deadline::Seats(Device { user, session }) => format!("{user}/{session}"),
        Deadline::Ringing(user) => UserId::to_string(user),
        Deadline::Node(id) => id.to_string(),
    }
}
