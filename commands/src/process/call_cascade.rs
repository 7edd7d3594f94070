use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::invite::CancelReason;
use wac_events::presence::DeviceRegistered;
use wac_events::room::{LeaveReason, ParticipantLeft, RoomClosed};
use wac_events::{AnyEvent, PresenceEvent, RoomEvent};

use super::{ProcessError, ProcessManager, Work};
use crate::invite::{AddCandidate, CODE_CANCELLED, CancelInvite, Unless};
use crate::transfer::FailTransfer;
use crate::{Device, InvitesOf, State};

/// What of a call follows from somewhere else: invitations into a room that has closed, or that their
/// caller has left, are cancelled, and a closed room's transfers fail; a device that registers rings
/// with what its user may take.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallCascade;

impl ProcessManager for CallCascade {
    fn name(&self) -> &'static str {
        "call_cascade"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["room.closed", "room.participant_left", "presence.device_registered"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            match &work.cause().event {
                AnyEvent::Room(RoomEvent::Closed(closed)) => end_what_leads_there(work, closed).await,
                AnyEvent::Room(RoomEvent::ParticipantLeft(left)) => cancel_his(work, left).await,
                AnyEvent::Presence(PresenceEvent::DeviceRegistered(registered)) => ring(work, registered).await,
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

async fn end_what_leads_there(work: &Work<'_>, closed: &RoomClosed) -> Result<(), ProcessError> {
    for invite in work.calls().invites(&InvitesOf::Opening(closed.opening.clone()), work.position()).await? {
        let cancel = CancelInvite {
            invite: invite.clone(),
            by: None,
            code: CODE_CANCELLED,
            reason: CancelReason::RoomClosed,
            unless: None,
        };
        work.issue(invite.as_str(), &cancel).await?;
    }
    for transfer in work.calls().transfers(&closed.opening, work.position()).await? {
        let fail = FailTransfer { transfer: transfer.clone(), code: CODE_CANCELLED, when_due: false };
        work.issue(transfer.as_str(), &fail).await?;
    }
    Ok(())
}

/// Who leaves a room that goes on calls nobody into it any more. While another device of his sits
/// there he has not left.
async fn cancel_his(work: &Work<'_>, left: &ParticipantLeft) -> Result<(), ProcessError> {
    let stream = &work.cause().recorded.stream;
    let (State::Room(room), State::Room(present)) = (work.load_then(stream).await?, work.load_now(stream).await?)
    else {
        return Ok(());
    };
    // The end of a room does it all.
    let goes_on = present.open && present.opening == room.opening;
    if !goes_on || left.reason == LeaveReason::Closed || room.has(&left.user) {
        return Ok(());
    }
    for invite in work.calls().invites(&InvitesOf::Opening(room.opening.clone()), work.position()).await? {
        if work.load(&[invite.stream()]).await?.invite(&invite).from != left.user {
            continue;
        }
        let cancel = CancelInvite {
            invite: invite.clone(),
            by: None,
            code: CODE_CANCELLED,
            reason: CancelReason::CallerGone,
            unless: Some(Unless::Seated),
        };
        work.issue(invite.as_str(), &cancel).await?;
    }
    Ok(())
}

/// A device that resumes rings already.
async fn ring(work: &Work<'_>, registered: &DeviceRegistered) -> Result<(), ProcessError> {
    if registered.resumed || !registered.ringable {
        return Ok(());
    }
    let device = Device { user: registered.user.clone(), session: registered.session.clone() };
    for invite in work.calls().invites(&InvitesOf::Candidate(device.user.clone()), work.position()).await? {
        // What was sent after the device had registered has counted it.
        if work.load_then(&invite.stream()).await?.version() == 0 {
            continue;
        }
        work.issue(invite.as_str(), &AddCandidate { invite: invite.clone(), device: device.clone() }).await?;
    }
    Ok(())
}
