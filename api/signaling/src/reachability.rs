//! Who would ring if an address were called now, and why.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use wac_commands::invite::{CODE_BUSY, CODE_NOT_FOUND, CODE_UNAVAILABLE, Target};
use wac_commands::{Presence, RoomsOf, World};
use wac_events::{DomainId, GroupId, SessionId, StoreError, UserId};

use crate::Signaling;
use crate::address::{Resolved, resolve, user_of};
use crate::failure::{Failure, Refusal};

/// How a device can be reached.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// It has a signaling socket: it rings.
    Signaling,
    /// It has a WAPI socket only: it is told, but does not ring.
    Wapi,
    /// It is asleep and can be woken by push.
    Push,
}

/// A device of a candidate.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Reachable {
    /// Whose.
    pub user_id: UserId,
    /// The device.
    pub session_id: SessionId,
    /// How.
    pub transport: Transport,
}

/// A candidate who cannot be reached.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Unreached {
    /// Who.
    pub user_id: UserId,
    /// Why: `no_device`, or `busy` (`conferenceState.allowInvitesWhileInCall`).
    pub reason: String,
}

/// Who would ring.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Reachability {
    /// The address that was asked for.
    pub address: String,
    /// Whether anybody would ring.
    pub reachable: bool,
    /// The devices, in the order in which they would be tried; devices of one person and members of a
    /// group ring together, agents one after the other.
    pub candidates: Vec<Reachable>,
    /// Who else is meant.
    pub unreached: Vec<Unreached>,
    /// The call code an invitation would end with at once, if nobody rang.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u16>,
}

/// Whom an address stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Addressee {
    /// One person.
    User {
        /// Who.
        id: UserId,
        /// Where.
        domain: DomainId,
    },
    /// A group's members.
    Group {
        /// Which.
        id: GroupId,
        /// Who manages it.
        owner: UserId,
        /// Where.
        domain: DomainId,
        /// Its members, those of longest standing first.
        members: Vec<UserId>,
    },
    /// The agents of a domain.
    Agents(DomainId),
}

impl Signaling {
    /// Who would ring if somebody of `domain` called `address` now.
    ///
    /// Errors: 404 if nobody has the address; 503 if the store does not answer.
    pub async fn reachability(&self, domain: &DomainId, address: &str) -> Result<Reachability, Refusal> {
        let addressee = self.addressee(domain, address).await?;
        self.reachability_of(address, &addressee).await
    }

    /// Whom an address stands for, seen from `domain`.
    ///
    /// Errors: 404 if nobody has the address; 503 if the store does not answer.
    pub async fn addressee(&self, domain: &DomainId, address: &str) -> Result<Addressee, Refusal> {
        self.meant(domain, address).await.map_err(|failure| failure.refusal())
    }

    /// Who would ring if an addressee were called now. `address` is only repeated.
    ///
    /// Errors: 503 if the store does not answer.
    pub async fn reachability_of(&self, address: &str, addressee: &Addressee) -> Result<Reachability, Refusal> {
        self.reach(address, addressee).await.map_err(|failure| failure.refusal())
    }

    async fn reach(&self, address: &str, addressee: &Addressee) -> Result<Reachability, Failure> {
        let (users, nobody) = match addressee {
            Addressee::User { id, .. } => (vec![id.clone()], CODE_NOT_FOUND),
            Addressee::Group { members, .. } => (members.clone(), CODE_UNAVAILABLE),
            Addressee::Agents(_) if !self.settings().agents.enabled => (Vec::new(), CODE_UNAVAILABLE),
            Addressee::Agents(domain) => (self.idle_agents(domain).await?, CODE_UNAVAILABLE),
        };
        let streams: Vec<_> = users.iter().map(UserId::presence_stream).collect();
        let world = self.handler.load(&streams).await?;
        let busy = if self.settings().invites.allow_while_in_call {
            BTreeSet::new()
        } else {
            self.in_a_call(users.iter().cloned()).await?
        };
        let (mut candidates, mut unreached) = (Vec::new(), Vec::new());
        for user in users {
            if busy.contains(&user) {
                unreached.push(Unreached { user_id: user, reason: "busy".to_owned() });
                continue;
            }
            let devices = self.devices(&world, &user).await?;
            if devices.iter().all(|device| device.transport != Transport::Signaling) {
                unreached.push(Unreached { user_id: user, reason: "no_device".to_owned() });
            }
            candidates.extend(devices);
        }
        let reachable = candidates.iter().any(|device| device.transport == Transport::Signaling);
        let engaged = matches!(addressee, Addressee::User { .. }) && !busy.is_empty();
        let error_code = (!reachable).then_some(if engaged { CODE_BUSY } else { nobody });
        Ok(Reachability { address: address.to_owned(), reachable, candidates, unreached, error_code })
    }

    /// Those of these users who sit in a room.
    pub(crate) async fn in_a_call(
        &self,
        users: impl IntoIterator<Item = UserId>,
    ) -> Result<BTreeSet<UserId>, StoreError> {
        let seen = self.handler.log().head().await?.position;
        let mut engaged = BTreeSet::new();
        for user in users {
            if !self.calls.rooms(&RoomsOf::User(user.clone()), seen).await?.is_empty() {
                engaged.insert(user);
            }
        }
        Ok(engaged)
    }

    async fn meant(&self, domain: &DomainId, address: &str) -> Result<Addressee, Failure> {
        let target = match resolve(&self.handler, domain, address).await? {
            Resolved::Pool => return Ok(Addressee::Agents(domain.clone())),
            Resolved::Target(target) => target,
        };
        if let Target::Group(id) = target {
            let world = self.handler.load(&[id.stream()]).await?;
            let group = world.group(&id);
            if !group.exists() {
                return Err(Refusal::callee_unknown().into());
            }
            let (owner, domain) = (group.owner.clone(), group.domain.clone());
            return Ok(Addressee::Group { owner, domain, members: group.users.clone(), id });
        }
        let id = user_of(&self.handler, &target).await?.ok_or_else(Refusal::callee_unknown)?;
        let world = self.handler.load(&[id.stream()]).await?;
        let user = world.user(&id);
        if !user.exists() {
            return Err(Refusal::callee_unknown().into());
        }
        Ok(Addressee::User { domain: user.domain.clone(), id })
    }

    /// A user's devices: those that ring, those that do not, those that are asleep.
    async fn devices(&self, world: &World, user: &UserId) -> Result<Vec<Reachable>, Failure> {
        let presence = world.presence(user);
        let mut devices = awake(presence, user);
        let asleep: Vec<&SessionId> =
            presence.sessions.iter().filter(|session| !presence.devices.contains_key(*session)).collect();
        let streams: Vec<_> = asleep.iter().map(|session| session.stream()).collect();
        let sessions = self.handler.load(&streams).await?;
        let woken = asleep.into_iter().filter(|session| {
            let session = sessions.session(session);
            session.is_open() && session.push.is_some()
        });
        devices.extend(woken.map(|session| Reachable {
            user_id: user.clone(),
            session_id: session.clone(),
            transport: Transport::Push,
        }));
        Ok(devices)
    }
}

fn awake(presence: &Presence, user: &UserId) -> Vec<Reachable> {
    let device = |(session, device): (&SessionId, &wac_commands::presence::RegisteredDevice)| Reachable {
        user_id: user.clone(),
        session_id: session.clone(),
        transport: if device.ringable { Transport::Signaling } else { Transport::Wapi },
    };
    let mut devices: Vec<Reachable> = presence.devices.iter().map(device).collect();
    devices.sort_by_key(|device| device.transport != Transport::Signaling);
    devices
}
