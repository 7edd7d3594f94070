use serde_json::{Map, Value};
use wac_commands::Invite;
use wac_commands::invite::{CODE_TIMEOUT, Candidate};
use wac_events::invite::{InviteAccepted, InviteCandidateAdded, InviteCandidateRemoved, InviteDeclined};
use wac_events::{InviteEvent, InviteKind, Personal, UserId};

use super::{At, Notice, Recipients};
use crate::wire::{self, Event, StopReason};

pub(super) fn notices(at: &At<'_>, before: &Invite, event: &InviteEvent, after: &Invite) -> Vec<Notice> {
    let view = View { at, before, invite: after };
    match event {
        InviteEvent::Created(_) => view.rings(Recipients::all(ringing(after))),
        InviteEvent::CandidateAdded(added) => view.rings_too(added),
        InviteEvent::CandidateRemoved(removed) => view.gone(removed),
        InviteEvent::Accepted(accepted) => view.accepted(accepted),
        InviteEvent::Declined(declined) => view.declined(declined),
        InviteEvent::Cancelled(cancelled) => {
            let users = ringing(before).into_iter().chain([after.from.clone()]).collect();
            view.told(at.others(users), Event::InviteCancelled(view.over(cancelled.code)))
        }
        InviteEvent::Expired(_) => {
            let users = ringing(before).into_iter().chain([after.from.clone()]).collect();
            view.told(Recipients::all(users), Event::InviteExpired(view.over(CODE_TIMEOUT)))
        }
        // The device that sent it has only been told that it was sent.
        InviteEvent::Ended(ended) => {
            view.told(Recipients::all(vec![after.from.clone()]), Event::InviteEnded(view.over(ended.code)))
        }
    }
}

/// Who rings.
fn ringing(invite: &Invite) -> Vec<UserId> {
    let ringing = invite.candidates.iter().filter(|(_, candidate)| **candidate == Candidate::Ringing);
    ringing.map(|(user, _)| user.clone()).collect()
}

/// An invitation as who rings sees it; the caller's names are left out.
pub(crate) fn incoming(invite: &Invite) -> wire::IncomingInvite {
    let context = invite.context.as_ref().and_then(Personal::clear);
    let context: Option<Map<String, Value>> = context.and_then(|text| serde_json::from_str(text).ok());
    wire::IncomingInvite {
        invite_id: invite.id.clone(),
        from: invite.from.clone(),
        from_details: wire::CallerDetails::of(invite.from.clone()),
        room_id: invite.room.as_ref().map(|room| room.id.to_string()),
        mediatypes: invite.mediatypes,
        context: context.unwrap_or_default(),
        ring_until: invite.ring_until.millis(),
    }
}

/// An invitation around an event.
struct View<'a> {
    at: &'a At<'a>,
    before: &'a Invite,
    invite: &'a Invite,
}

impl View<'_> {
    fn told(&self, to: Recipients, event: Event) -> Vec<Notice> {
        self.at.event(to, self.invite.room.as_ref(), event).into_iter().collect()
    }

    fn over(&self, error_code: u16) -> wire::InviteOver {
        wire::InviteOver { invite_id: self.invite.id.clone(), error_code }
    }

    fn stopped(&self, reason: StopReason) -> Event {
        Event::InviteStopped(wire::InviteStopped { invite_id: self.invite.id.clone(), reason })
    }

    fn rings(&self, to: Recipients) -> Vec<Notice> {
        let incoming = incoming(self.invite);
        let event = match self.invite.kind {
            InviteKind::Invite => Event::Invite(incoming),
            InviteKind::InviteRequest => Event::InviteRequest(incoming),
        };
        self.told(to, event)
    }

    fn rings_too(&self, added: &InviteCandidateAdded) -> Vec<Notice> {
        let only = Some(added.session.clone());
        self.rings(Recipients { users: vec![added.user.clone()], only, ..Recipients::default() })
    }

    fn gone(&self, removed: &InviteCandidateRemoved) -> Vec<Notice> {
        self.told(Recipients::all(vec![removed.user.clone()]), self.stopped(StopReason::Gone))
    }

    /// The caller learns who took it, everybody else who rang that it rings no longer.
    fn accepted(&self, accepted: &InviteAccepted) -> Vec<Notice> {
        let taken = Event::InviteAccepted(wire::InviteAccepted {
            invite_id: self.invite.id.clone(),
            room_id: accepted.room.id.to_string(),
            who_accepted: accepted.by.clone(),
        });
        let mut notices = self.told(self.at.others(vec![self.invite.from.clone()]), taken);
        let rang = ringing(self.before).into_iter().filter(|user| *user != self.invite.from).collect();
        notices.extend(self.told(self.at.others(rang), self.stopped(StopReason::Accepted)));
        notices
    }

    /// A member of a group refuses for himself; the caller does not hear of it.
    fn declined(&self, declined: &InviteDeclined) -> Vec<Notice> {
        let own = self.at.others(vec![declined.by.clone()]);
        let mut notices = self.told(own, self.stopped(StopReason::Declined));
        if !self.invite.is_for_group() {
            let event = Event::InviteDeclined(self.over(declined.code));
            notices.extend(self.told(self.at.others(vec![self.invite.from.clone()]), event));
        }
        notices
    }
}
