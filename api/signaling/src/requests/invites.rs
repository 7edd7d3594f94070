use std::collections::BTreeSet;

use serde_json::{Map, Value};
use wac_commands::invite::{
    AcceptInvite, CODE_CANCELLED, CODE_DECLINED, CancelInvite, Candidate, DeclineInvite, INVITE_TARGETS_MAX,
    SendInvites, Target, TargetedInvite,
};
use wac_commands::{Executed, InvitesOf};
use wac_events::invite::CancelReason;
use wac_events::{AnyEvent, InviteEvent, InviteId, InviteKind, MediaTypes, Position, RoomRef, UserId};
use wac_projections::INVITES;

use super::invite_id;
use crate::address::{Resolved, resolve, user_of};
use crate::ask::{Ask, Reply};
use crate::failure::{Failure, Refusal};
use crate::names::caller_details;
use crate::notices::incoming;
use crate::pending::Place;
use crate::wire;

/// What somebody asks others for.
struct Call<'a> {
    kind: InviteKind,
    to: &'a [String],
    room: Option<RoomRef>,
    mediatypes: MediaTypes,
    context: Option<&'a Map<String, Value>>,
}

/// The invitations a command has sent, in the order of its targets.
fn sent(executed: &Executed) -> Vec<InviteId> {
    let created = |event: &AnyEvent| match event {
        AnyEvent::Invite(InviteEvent::Created(created)) => Some(created.id.clone()),
        _ => None,
    };
    executed.facts.iter().filter_map(|fact| created(&fact.event)).collect()
}

/// Those of them that ring; the others were over at once.
fn ringing(executed: &Executed) -> Vec<InviteId> {
    let over = |id: &InviteId| {
        let ended = |event: &AnyEvent| matches!(event, AnyEvent::Invite(InviteEvent::Ended(_)));
        executed.facts.iter().any(|fact| fact.stream == id.stream() && ended(&fact.event))
    };
    sent(executed).into_iter().filter(|id| !over(id)).collect()
}

impl Ask<'_> {
    pub(crate) async fn invite(&self, payload: &wire::Invite) -> Result<Reply, Failure> {
        let room = self.room_ref(&payload.room_id).await?;
        let call = Call {
            kind: InviteKind::Invite,
            to: payload.to.as_slice(),
            room: Some(room.clone()),
            mediatypes: payload.mediatypes,
            context: payload.context.as_ref(),
        };
        let executed = self.act_in(&room, self.call(&call)).await?;
        let ids = sent(&executed);
        match &payload.to {
            wire::OneOrMany::One(_) => self.sent_reply(&executed, ids),
            wire::OneOrMany::Many(to) => {
                let invites = ids.into_iter().zip(to);
                let invites = invites.map(|(invite_id, to)| wire::SentTo { invite_id, to: to.clone() }).collect();
                Ok(self.done(&executed, wire::SentToMany { invites }))
            }
        }
    }

    pub(crate) async fn invite_request(&self, payload: &wire::InviteRequest) -> Result<Reply, Failure> {
        let call = Call {
            kind: InviteKind::InviteRequest,
            to: std::slice::from_ref(&payload.to),
            room: None,
            mediatypes: payload.mediatypes,
            context: payload.context.as_ref(),
        };
        let executed = self.act(self.call(&call)).await?;
        let ids = sent(&executed);
        self.sent_reply(&executed, ids)
    }

    fn sent_reply(&self, executed: &Executed, ids: Vec<InviteId>) -> Result<Reply, Failure> {
        let invite_id = ids.into_iter().next().ok_or_else(|| self.missing())?;
        Ok(self.done(executed, wire::Sent { invite_id }))
    }

    async fn call(&self, call: &Call<'_>) -> Result<Executed, Failure> {
        let place = self.place(call.to.len()).await?;
        let executed = self.send(call).await?;
        if !executed.duplicate {
            place.sent(ringing(&executed), executed.position);
        }
        Ok(executed)
    }

    async fn send(&self, call: &Call<'_>) -> Result<Executed, Failure> {
        let mut targets = Vec::with_capacity(call.to.len());
        for address in call.to {
            targets.push(resolve(self.handler(), &self.peer.domain, address).await?);
        }
        if let [Resolved::Pool] = targets.as_slice() {
            return self.call_agent(call).await;
        }
        let mut some = Vec::with_capacity(targets.len());
        for target in targets {
            match target {
                Resolved::Target(target) => some.push(target),
                Resolved::Pool => {
                    let detail = "The pool of agents is called alone.";
                    return Err(Refusal::new(400, "targets_invalid", detail).at("/to").into());
                }
            }
        }
        self.execute(&self.invites(call, some).await?).await
    }

    /// Bounds what rings of one caller, and how much one request may look up. What was sent through
    /// this node counts at once, what was sent through others as soon as the read models know it.
    async fn place(&self, targets: usize) -> Result<Place, Failure> {
        if targets > INVITE_TARGETS_MAX {
            let detail = format!("A request invites 1 to {INVITE_TARGETS_MAX} targets.");
            return Err(Refusal::new(400, "targets_invalid", detail).at("/to").into());
        }
        let max = self.settings().invites.pending_per_user;
        let caller = &self.peer.user;
        // The position first: the rows may only be further.
        let rows = self.signaling.rows.position(INVITES.name).await?;
        let known = self.signaling.calls.invites(&InvitesOf::Caller(caller.clone()), Position::START).await?;
        self.signaling.pending.take(caller, targets, max, &known, rows).ok_or_else(|| {
            let detail = format!("At most {max} invitations of one caller ring at a time.");
            Refusal::new(429, "too_many_invites", detail).later().into()
        })
    }

    async fn invites(&self, call: &Call<'_>, targets: Vec<Target>) -> Result<SendInvites, Failure> {
        let busy = self.busy(&targets).await?;
        let invites = targets.into_iter().map(|to| TargetedInvite { id: self.new_id().into(), to });
        Ok(SendInvites {
            kind: call.kind,
            by: self.peer.device(),
            domain: self.peer.domain.clone(),
            room: call.room.clone(),
            invites: invites.collect(),
            mediatypes: call.mediatypes,
            context: call.context.map(|context| Value::Object(context.clone()).to_string()),
            ring_until: self.ring_until(),
            busy,
        })
    }

    /// Who of these targets is in a call; `None`: it does not matter.
    pub(super) async fn busy(&self, targets: &[Target]) -> Result<Option<BTreeSet<UserId>>, Failure> {
        if self.settings().invites.allow_while_in_call {
            return Ok(None);
        }
        let mut users = BTreeSet::new();
        for target in targets {
            match target {
                Target::Group(group) => users.extend(self.members(group).await?),
                single => users.extend(user_of(self.handler(), single).await?),
            }
        }
        Ok(Some(self.signaling.in_a_call(users).await?))
    }

    /// Calls the first agent who is not taken meanwhile.
    async fn call_agent(&self, call: &Call<'_>) -> Result<Executed, Failure> {
        let room = call.room.as_ref().map(|room| room.id.to_string());
        let agents = self.agents(room.as_deref(), call.context).await?;
        for agent in agents {
            let command = self.invites(call, vec![Target::Agent(agent)]).await?;
            match self.execute(&command).await {
                Err(failure) if crate::ask::is_agent_busy(&failure) => {}
                outcome => return outcome,
            }
        }
        Err(crate::agents::nobody().into())
    }

    pub(crate) async fn accept(&self, payload: &wire::Accept) -> Result<Reply, Failure> {
        let invite = invite_id(&payload.invite_id)?;
        let executed = self.act(self.take(&invite, payload.room_id.as_deref())).await?;
        let accepted = executed.find(|event| match event {
            AnyEvent::Invite(InviteEvent::Accepted(accepted)) => Some(accepted.room.clone()),
            _ => None,
        });
        let room = self.room_after(&executed, &accepted.ok_or_else(|| self.missing())?).await?;
        let declined = executed.facts.iter().filter(|fact| {
            matches!(fact.event, AnyEvent::Invite(InviteEvent::Declined(_))) && fact.stream != invite.stream()
        });
        let declined = declined.map(|fact| fact.stream.id().into()).collect();
        Ok(self.done(&executed, wire::Accepted { room: self.room_object(&room).await?, declined }))
    }

    async fn take(&self, invite: &InviteId, room: Option<&str>) -> Result<Executed, Failure> {
        let room = match room {
            Some(text) => Some(self.room_ref(text).await?),
            None => None,
        };
        let only_one = self.settings().invites.only_one_device;
        let user = &self.peer.user;
        let command = AcceptInvite {
            invite: invite.clone(),
            by: self.peer.device(),
            room,
            not_in: if only_one { self.rooms_of(user).await? } else { Vec::new() },
            decline: if only_one { self.ringing_for(user).await? } else { Vec::new() },
        };
        self.execute(&command).await
    }

    pub(crate) async fn decline(&self, payload: &wire::EndInvite) -> Result<Reply, Failure> {
        let command = DeclineInvite {
            invite: invite_id(&payload.invite_id)?,
            by: self.peer.user.clone(),
            code: payload.error_code.unwrap_or(CODE_DECLINED),
        };
        let executed = self.act(self.execute(&command)).await?;
        Ok(self.done(&executed, wire::Nothing {}))
    }

    pub(crate) async fn cancel(&self, payload: &wire::EndInvite) -> Result<Reply, Failure> {
        let command = CancelInvite {
            invite: invite_id(&payload.invite_id)?,
            by: Some(self.peer.user.clone()),
            code: payload.error_code.unwrap_or(CODE_CANCELLED),
            reason: CancelReason::Requested,
            unless: None,
        };
        let executed = self.act(self.execute(&command)).await?;
        Ok(self.done(&executed, wire::Nothing {}))
    }

    /// What rings for the user, by the invitations' own streams.
    pub(crate) async fn current_invitations(&self) -> Result<Reply, Failure> {
        let user = &self.peer.user;
        let ids = self.ringing_for(user).await?;
        let streams: Vec<_> = ids.iter().map(InviteId::stream).collect();
        let world = self.handler().load(&streams).await?;
        let mut invites: Vec<_> = ids
            .iter()
            .map(|id| world.invite(id))
            .filter(|invite| invite.is_ringing() && self.ctx.now < invite.ring_until)
            .filter(|invite| invite.candidates.get(user) == Some(&Candidate::Ringing))
            .collect();
        invites.sort_by_key(|invite| (invite.created_at, invite.id.clone()));
        let mut current_invitations = Vec::with_capacity(invites.len());
        for invite in invites {
            current_invitations.push(self.shown(invite).await?);
        }
        let payload = wire::CurrentInvitationsPayload { current_invitations };
        Ok(self.reply(wire::CurrentInvitations { payload }))
    }

    async fn shown(&self, invite: &wac_commands::Invite) -> Result<wire::CurrentInvitation, Failure> {
        let mut shown = incoming(invite);
        let world = self.handler().load(&[invite.from.stream()]).await?;
        let caller = world.user(&invite.from);
        if caller.version > 0 {
            let domain = self.handler().load(&[caller.domain.stream()]).await?;
            shown.from_details = caller_details(caller, Some(domain.domain(&caller.domain)));
        }
        if let Some(room) = &invite.room {
            shown.room_id = Some(self.room_id(&self.room_now(room).await?).await?);
        }
        let kind = match invite.kind {
            InviteKind::Invite => wire::CurrentInvitationKind::Invite,
            InviteKind::InviteRequest => wire::CurrentInvitationKind::InviteRequest,
        };
        Ok(wire::CurrentInvitation { kind, invite: shown })
    }
}
