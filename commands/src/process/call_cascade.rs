use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::invite::CancelReason;
use wac_events::presence::DeviceRegistered;
use wac_events::room::RoomClosed;
use wac_events::{AnyEvent, PresenceEvent, RoomEvent};

use super::{ProcessError, ProcessManager, Work};
use crate::invite::{AddCandidate, CODE_CANCELLED, CancelInvite};
use crate::transfer::FailTransfer;
use crate::{Device, InvitesOf};

/// What of a call follows from somewhere else: invitations into a room that has closed are
/// cancelled and its transfers fail; a device that registers rings with what its user may take.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallCascade;

impl ProcessManager for CallCascade {
    fn name(&self) -> &'static str {
        "call_cascade"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["room.closed", "presence.device_registered"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            match &work.cause().event {
                AnyEvent::Room(RoomEvent::Closed(closed)) => end_what_leads_there(work, closed).await,
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
            unless_registered: false,
        };
        work.issue(invite.as_str(), &cancel).await?;
    }
    for transfer in work.calls().transfers(&closed.opening, work.position()).await? {
        let fail = FailTransfer { transfer: transfer.clone(), code: CODE_CANCELLED, when_due: false };
        work.issue(transfer.as_str(), &fail).await?;
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
