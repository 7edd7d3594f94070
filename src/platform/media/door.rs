//! How signaling finds the media of a room, and gives it a node.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use wac_commands::dispatch::{ranked, take};
use wac_commands::room::AssignMedia;
use wac_commands::{Calls, CommandError, CommandHandler, Context, Device, MediaNodeLoad, Node, Room};
use wac_events::{Actor, CommandId, Environment as _, NodeId, Position, RoomRef, StoreError};
use wac_media_io::{Claims, TokenKey};
use wac_signaling::wire::IceServer;
use wac_signaling::{MediaDoor, MediaNodes};
use wac_store::SystemEnvironment;

use crate::config::MediaSettings;

/// What every participant may do.
const SCOPE: &str = "publish subscribe data";
/// In whose name rooms are assigned.
const ACTOR: &str = "media_dispatch";
/// How long loads count as they were read; what is given away meanwhile is added.
const LOADS_KEPT: Duration = Duration::from_secs(1);
/// Why there is no door.
const NO_NODE: &str = "no media node is running";
const ALL_FULL: &str = "every media node is full";
const UNKNOWN: &str = "the media nodes cannot be asked";

/// Every media node of the deployment.
pub(crate) struct Dispatcher {
    handler: CommandHandler,
    calls: Arc<dyn Calls>,
    key: Arc<TokenKey>,
    token_ttl: Duration,
    stun_servers: Vec<String>,
    loads: Mutex<Option<(Instant, Vec<MediaNodeLoad>)>>,
}

impl Dispatcher {
    /// Over a handler; `calls` tells which nodes there are.
    pub(crate) fn new(
        handler: CommandHandler,
        calls: Arc<dyn Calls>,
        key: Arc<TokenKey>,
        settings: &MediaSettings,
    ) -> Self {
        let (token_ttl, stun_servers) = (settings.token_ttl, settings.stun_servers.clone());
        Self { handler, calls, key, token_ttl, stun_servers, loads: Mutex::default() }
    }

    async fn open(&self, room: &Room, device: &Device, assign: bool) -> Result<MediaDoor, String> {
        let unknown = |error: StoreError| {
            tracing::warn!(%error, "the media node of a room cannot be found out");
            UNKNOWN.to_owned()
        };
        if let Some(id) = &room.media_node {
            let node = self.node(id).await.map_err(unknown)?;
            if node.serves_media() {
                return Ok(self.door(room, device, id, &node));
            }
        }
        if !assign {
            return Err(NO_NODE.to_owned());
        }
        let id = self.assign(room, device).await?;
        let node = self.node(&id).await.map_err(unknown)?;
        Ok(self.door(room, device, &id, &node))
    }

    fn ice(&self) -> Vec<IceServer> {
        let server = |url: &String| IceServer { urls: vec![url.clone()] };
        self.stun_servers.iter().map(server).collect()
    }

    async fn node(&self, id: &NodeId) -> Result<Node, StoreError> {
        Ok(self.handler.load(&[id.stream()]).await?.node(id).clone())
    }

    fn door(&self, room: &Room, device: &Device, id: &NodeId, node: &Node) -> MediaDoor {
        let now = SystemEnvironment.now();
        let ttl_ms = i64::try_from(self.token_ttl.as_millis()).unwrap_or(i64::MAX);
        let token = self.key.sign(&Claims {
            opening: room.opening.clone(),
            domain: room.domain.clone(),
            room: room.id.clone(),
            user: device.user.clone(),
            session: device.session.clone(),
            scope: SCOPE.to_owned(),
            exp: now.millis().saturating_add(ttl_ms) / 1_000,
            jti: SystemEnvironment.new_uuid().to_string(),
        });
        let server = node.media.as_ref().map(|media| media.server.clone()).unwrap_or_default();
        MediaDoor { node: id.to_string(), server, token, ice: self.ice() }
    }

    /// Gives the room to the least loaded node that takes it; the node it has then, whoever gave it.
    async fn assign(&self, room: &Room, device: &Device) -> Result<NodeId, String> {
        let unknown = |error: &dyn std::error::Error| {
            tracing::warn!(error = %error, "a room cannot be given a media node");
            UNKNOWN.to_owned()
        };
        let reference = RoomRef { domain: room.domain.clone(), id: room.id.clone() };
        let seats = u64::try_from(room.seats.len()).unwrap_or(u64::MAX);
        let mut why = NO_NODE;
        // What is remembered may be out of date: then it is read.
        for fresh in [false, true] {
            let loads = self.loads(fresh).await.map_err(|error| unknown(&error))?;
            why = if loads.is_empty() { NO_NODE } else { ALL_FULL };
            // Whether any has come meanwhile is told when it does.
            if loads.is_empty() && room.media_node.is_none() {
                break;
            }
            for node in ranked(&loads, seats) {
                let command =
                    AssignMedia { room: reference.clone(), opening: room.opening.clone(), node: node.clone() };
                match self.handler.execute(&command, context(device)).await {
                    Ok(executed) => {
                        if !executed.facts.is_empty() {
                            self.count(&node, seats);
                            return Ok(node);
                        }
                        let world = self.handler.load(&[reference.stream()]).await.map_err(|error| unknown(&error))?;
                        return world.room(&reference).media_node.clone().ok_or_else(|| NO_NODE.to_owned());
                    }
                    Err(CommandError::Rejected(_)) => {}
                    Err(error) => return Err(unknown(&error)),
                }
            }
        }
        Err(why.to_owned())
    }

    async fn loads(&self, fresh: bool) -> Result<Vec<MediaNodeLoad>, StoreError> {
        let known = |loads: &Option<(Instant, Vec<MediaNodeLoad>)>| {
            let (at, known) = loads.as_ref()?;
            (!fresh && at.elapsed() < LOADS_KEPT).then(|| known.clone())
        };
        let remembered = known(&self.loads.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(loads) = remembered {
            return Ok(loads);
        }
        let loads = self.calls.media_nodes(Position::START).await?.taking;
        *self.loads.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), loads.clone()));
        Ok(loads)
    }

    fn count(&self, node: &NodeId, seats: u64) {
        if let Some((_, loads)) = &mut *self.loads.lock().unwrap_or_else(PoisonError::into_inner) {
            take(loads, node, seats);
        }
    }
}

/// The device hears of it in its answer, and not once more as a notice.
fn context(device: &Device) -> Context {
    let (now, id) = (SystemEnvironment.now(), CommandId(SystemEnvironment.new_uuid()));
    let session = Some(device.session.clone());
    Context { session, ..Context::new(now, Actor::System(ACTOR.to_owned()), id) }
}

impl MediaNodes for Dispatcher {
    fn door<'a>(
        &'a self,
        room: &'a Room,
        device: &'a Device,
        assign: bool,
    ) -> BoxFuture<'a, Result<MediaDoor, String>> {
        self.open(room, device, assign).boxed()
    }

    fn nodes_changed(&self) {
        *self.loads.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
