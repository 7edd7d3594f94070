use std::collections::BTreeSet;

use wac_commands::Executed;
use wac_commands::invite::{CODE_DECLINED, Target};
use wac_commands::transfer::{AcceptTransfer, AttendedTransfer, BlindTransfer, DeclineTransfer};
use wac_events::{AnyEvent, Callee, RoomRef, Time, TransferEvent, TransferId, UserId};

use super::transfer_id;
use crate::address::{Resolved, resolve};
use crate::ask::{Ask, Reply};
use crate::failure::Failure;
use crate::wire;

/// How many times as long as an invitation rings a transfer may take: the party is asked, and then
/// the target.
const TRANSFER_RINGS: u32 = 2;

/// The transfer that was started.
fn started(executed: &Executed) -> Option<TransferId> {
    executed.find(|event| match event {
        AnyEvent::Transfer(TransferEvent::Created(created)) => Some(created.id.clone()),
        _ => None,
    })
}

impl Ask<'_> {
    fn transfer_until(&self) -> Time {
        self.ctx.now.plus(self.settings().watchdog.expiration * TRANSFER_RINGS)
    }

    fn started_reply(&self, executed: &Executed) -> Result<Reply, Failure> {
        let call_transfer_id = started(executed).ok_or_else(|| self.missing())?;
        Ok(self.done(executed, wire::Transfer { call_transfer_id }))
    }

    pub(crate) async fn call_transfer(&self, payload: &wire::CallTransfer) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        let executed = self.act_in(&room, self.start_blind(payload, &room)).await?;
        self.started_reply(&executed)
    }

    async fn start_blind(&self, payload: &wire::CallTransfer, room: &RoomRef) -> Result<Executed, Failure> {
        let to = match resolve(self.handler(), &self.peer.domain, &payload.to).await? {
            Resolved::Target(target) => target,
            Resolved::Pool => {
                let agents = self.agents(Some(room.id.as_str()), None).await?;
                Target::Agent(agents.into_iter().next().ok_or_else(crate::agents::nobody)?)
            }
        };
        let command = BlindTransfer {
            id: self.new_id().into(),
            by: self.peer.device(),
            room: room.clone(),
            to,
            mediatypes: payload.media_types,
            until: self.transfer_until(),
        };
        self.execute(&command).await
    }

    pub(crate) async fn attended_transfer(&self, payload: &wire::AttendedTransfer) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        let command = AttendedTransfer {
            id: self.new_id().into(),
            by: self.peer.device(),
            room: room.clone(),
            target_room: self.room_ref(&payload.target_room_id).await?,
            until: self.transfer_until(),
        };
        let executed = self.act_in(&room, self.execute(&command)).await?;
        self.started_reply(&executed)
    }

    pub(crate) async fn accept_transfer(&self, payload: &wire::OfTransfer) -> Result<Reply, Failure> {
        let transfer = transfer_id(&payload.call_transfer_id)?;
        let agree = async {
            let command = AcceptTransfer {
                transfer: transfer.clone(),
                by: self.peer.device(),
                invite: self.new_id().into(),
                ring_until: self.ring_until(),
                busy: self.busy_for(&transfer).await?,
            };
            self.execute(&command).await
        };
        let executed = self.act(agree).await?;
        Ok(self.done(&executed, wire::Transfer { call_transfer_id: transfer }))
    }

    /// Who of a transfer's target is in a call, if that matters.
    async fn busy_for(&self, id: &TransferId) -> Result<Option<BTreeSet<UserId>>, Failure> {
        let world = self.handler().load(&[id.stream()]).await?;
        let target = match &world.transfer(id).to {
            Some(Callee::User(user) | Callee::Agent(user)) => Target::User(user.clone()),
            Some(Callee::Group(group)) => Target::Group(group.clone()),
            None => return Ok(None),
        };
        self.busy(&[target]).await
    }

    pub(crate) async fn decline_transfer(&self, payload: &wire::DeclineTransfer) -> Result<Reply, Failure> {
        let transfer = transfer_id(&payload.call_transfer_id)?;
        let command = DeclineTransfer {
            transfer: transfer.clone(),
            by: self.peer.user.clone(),
            code: payload.error_code.unwrap_or(CODE_DECLINED),
        };
        let executed = self.act(self.execute(&command)).await?;
        Ok(self.done(&executed, wire::Transfer { call_transfer_id: transfer }))
    }
}
