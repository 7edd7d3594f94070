//! The sockets: QSS for calls and WAPI for resources. What frames and events mean is for
//! [`wac_signaling`]; here are connections, tasks, queues and their bounds.
//!
//! The tail of the log is read once per node; the [`Hub`] hands what it tells to the
//! devices of this node, each [`Conversation`](conversation::Conversation) sends it at its reader's pace.

mod assigner;
mod close;
mod conversation;
mod device;
mod entry;
mod handshake;
mod hub;
pub mod limits;
mod listener;
mod memory;
mod missed;
mod node;
mod outbox;
mod past;
mod presence;
mod qss;
mod session;
mod socket;
mod wapi;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router};
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wac_commands::{Calls, CommandHandler};
use wac_events::{NodeId, StoreError, Time};
use wac_projections::Rows;
use wac_signaling::{ExternalAssigner, MediaNodes, Signaling};

pub use assigner::{AssignerSetupError, HttpAssigner};
pub(crate) use close::Close;
pub(crate) use listener::Listening;
use outbox::Outbox;

use crate::{ApiConfig, Platform};
use hub::Hub;
use node::NodeSeat;
use past::Past;
use presence::SmallDomains;
use wapi::Inner;

/// Version of the protocols, as `hello` tells it.
pub const PROTOCOL_VERSION: u32 = 1;

/// When a node was last heard of, and what it said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sign {
    /// When.
    pub seen_at: Time,
    /// Its media sessions, if it serves media.
    pub sessions: Option<u64>,
}

/// Notes the signs of life of nodes.
pub trait NodeSigns: Send + Sync + 'static {
    /// The last sign of every node that is expected to give some.
    fn last(&self) -> BoxFuture<'_, Result<HashMap<NodeId, Sign>, StoreError>>;
}

/// What sockets need besides the rest of a [`Platform`].
pub struct SocketPorts {
    /// Who is where.
    pub calls: Arc<dyn Calls>,
    /// Whoever picks agents, if it is not the platform itself.
    pub assigner: Option<Arc<dyn ExternalAssigner>>,
    /// Whoever knows the media nodes, if there are any.
    pub media: Option<Arc<dyn MediaNodes>>,
    /// Whoever notes the signs of life of nodes, if anybody does.
    pub signs: Option<Arc<dyn NodeSigns>>,
    /// This node's name, for people.
    pub node_name: String,
    /// Whether this node serves sockets at all.
    pub enabled: bool,
}

/// The sockets of this node.
pub(crate) struct Sockets {
    pub(crate) hub: Hub,
    pub(crate) node: NodeSeat,
    pub(crate) signaling: Signaling,
    pub(crate) tasks: TaskTracker,
    pub(crate) enabled: bool,
    signs: Option<Arc<dyn NodeSigns>>,
    small_domains: SmallDomains,
    /// Places for those who read the log for what they missed.
    resumes: Semaphore,
    past: Past,
}

impl Sockets {
    /// None yet.
    pub(crate) fn new(ports: SocketPorts, handler: &CommandHandler, rows: &Arc<dyn Rows>, config: &ApiConfig) -> Self {
        let SocketPorts { calls, assigner, media, signs, node_name, enabled } = ports;
        let settings = Arc::new(config.signaling.clone());
        let mut signaling = Signaling::new(handler.clone(), calls, rows.clone(), settings);
        if let Some(assigner) = assigner {
            signaling = signaling.with_assigner(assigner);
        }
        if let Some(media) = media {
            signaling = signaling.with_media(media);
        }
        Self {
            hub: Hub::default(),
            node: NodeSeat::new(NodeId::from(handler.environment().new_uuid()), node_name),
            signaling,
            tasks: TaskTracker::new(),
            enabled,
            signs,
            small_domains: SmallDomains::default(),
            resumes: Semaphore::new(limits::RESUMES_PARALLEL_MAX),
            past: Past::default(),
        }
    }

    /// The last sign of life of every node; empty if nobody notes them here.
    pub(crate) async fn signs(&self) -> Result<HashMap<NodeId, Sign>, StoreError> {
        match &self.signs {
            Some(signs) => signs.last().await,
            None => Ok(HashMap::new()),
        }
    }
}

/// The routes of the public interface. `inner`: everything that WAPI makes reachable.
pub(crate) fn routes(inner: Router) -> Router<Platform> {
    Router::new().route("/qss", get(entry::qss)).route("/wapi", get(entry::wapi)).layer(Extension(Inner(inner)))
}

/// The routes of the signaling port: the same, and QSS at `/`.
pub(crate) fn port_routes(inner: Router) -> Router<Platform> {
    routes(inner).route("/", get(entry::qss))
}
