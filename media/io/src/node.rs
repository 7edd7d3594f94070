use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wac_events::{Environment, NodeId};
use wac_media::{Figures, SfuConfig, VideoCodec};

use crate::bad_tokens::{BadToken, BadTokens};
use crate::desk::{Desk, Knock};
use crate::feed::MediaPorts;
use crate::http::{self, Pace, Sessions};
use crate::orders::{Order, Orders};
use crate::report::{REPORTS_WAITING_MAX, write_reports};
use crate::shard::Shard;
use crate::socket;
use crate::sockets::MediaSockets;
use crate::spent::Spent;
use crate::token::TokenChecker;

/// How long the last reports may take.
const LAST_REPORTS: Duration = Duration::from_secs(3);
/// So many may wait to be let in.
const KNOCKS_WAITING_MAX: usize = 256;

/// What a node is set to.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// The node's name, for people.
    pub name: String,
    /// Where clients reach the node's port, by UDP and by TCP.
    pub address: SocketAddr,
    /// The one video codec of its rooms.
    pub video: VideoCodec,
    /// So many pictures are sent without being asked for.
    pub auto_video: usize,
    /// Most media sessions.
    pub peers_max: usize,
    /// Most rooms with somebody in them.
    pub rooms_max: usize,
    /// Most media sessions in one room.
    pub participants_max: usize,
    /// While so much is sent nobody joins, bit/s; 0: there is no limit.
    pub bandwidth_max: u64,
    /// What is taken of one publisher, bit/s; 0: all of it.
    pub publisher_max: u64,
    /// A session from which nothing has come for so long is ended.
    pub idle_timeout: Duration,
    /// So many sessions may begin by WHIP and WHEP in a second.
    pub joins_per_second: u32,
    /// URLs of the STUN and TURN servers that clients are told of.
    pub ice_servers: Vec<String>,
}

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
#[error("the media socket cannot be used: {0}")]
pub struct StartError(#[from] std::io::Error);

/// Tells how loaded a node is. Cheap to clone.
#[derive(Clone)]
pub struct MediaLoad(Orders, BadTokens);

impl MediaLoad {
    /// How many media sessions it has.
    pub fn sessions(&self) -> u64 {
        self.0.figures().sessions
    }

    /// What has passed it.
    pub fn figures(&self) -> Figures {
        self.0.figures()
    }

    /// How many it has not let in because of their tokens, for this reason.
    pub fn bad_tokens(&self, why: BadToken) -> u64 {
        self.1.counted(why)
    }
}

/// The id under which the deployment knows the node; another one after it was given up. Cheap to clone.
#[derive(Clone, Default)]
pub struct NodeIdentity(Arc<Mutex<Option<NodeId>>>);

impl NodeIdentity {
    /// The id, once it has one.
    pub fn id(&self) -> Option<NodeId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on sessions begin under this id.
    pub fn set(&self, id: NodeId) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
    }
}

/// A running media node.
pub struct MediaNode {
    door: Door,
    orders: Orders,
    thread: JoinHandle<()>,
    reporter: tokio::task::JoinHandle<()>,
    shutdown: CancellationToken,
}

/// What the media socket, WHIP and WHEP need. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door {
    pub tokens: Arc<TokenChecker>,
    pub env: Arc<dyn Environment>,
    pub spent: Arc<Mutex<Spent>>,
    pub bad_tokens: BadTokens,
    pub knocks: mpsc::Sender<Knock>,
    pub orders: Orders,
    pub closing: CancellationToken,
    pub node: Arc<str>,
    pub identity: NodeIdentity,
    pub sessions: Sessions,
    pub pace: Arc<Mutex<Pace>>,
    pub ice_servers: Arc<[String]>,
}

impl MediaNode {
    /// Starts the thread around `sockets`, and hears of rooms for it. Needs a tokio runtime.
    pub fn start(sockets: MediaSockets, config: MediaConfig, ports: MediaPorts) -> Result<Self, StartError> {
        let MediaPorts { tokens, rooms, reports: sink, env } = ports;
        let sfu = SfuConfig {
            addresses: vec![config.address],
            tcp_addresses: vec![config.address],
            video: config.video,
            auto_video: config.auto_video,
            peers_max: config.peers_max,
            rooms_max: config.rooms_max,
            participants_max: config.participants_max,
            bandwidth_max: config.bandwidth_max,
            publisher_max: config.publisher_max,
            idle_timeout: config.idle_timeout,
            ..SfuConfig::default()
        };
        let (reports, written) = mpsc::channel(REPORTS_WAITING_MAX);
        let (shard, orders) = Shard::new(sockets, sfu, env.clone(), reports)?;
        let thread = std::thread::Builder::new().name("media".to_owned()).spawn(move || shard.run())?;
        let shutdown = CancellationToken::new();
        let reporter = tokio::spawn(write_reports(sink, written, shutdown.clone()));
        let (knocks, waiting) = mpsc::channel(KNOCKS_WAITING_MAX);
        let desk =
            Desk { rooms, orders: orders.clone(), knocks: waiting, shutdown: shutdown.clone(), known: HashSet::new() };
        tokio::spawn(desk.run());
        let door = Door {
            tokens,
            env,
            spent: Arc::default(),
            bad_tokens: BadTokens::default(),
            knocks,
            orders: orders.clone(),
            closing: shutdown.clone(),
            node: config.name.into(),
            identity: NodeIdentity::default(),
            sessions: Sessions::default(),
            pace: Arc::new(Mutex::new(Pace::new(config.joins_per_second))),
            ice_servers: config.ice_servers.into(),
        };
        Ok(Self { door, orders, thread, reporter, shutdown })
    }

    /// The media socket, at `/media`; WHIP and WHEP, at `/whip/{room}` and `/whep/{room}`.
    pub fn router(&self) -> Router {
        let socket = Router::new().route("/media", get(socket::enter)).with_state(self.door.clone());
        socket.merge(http::router(self.door.clone()))
    }

    /// As whom its sessions are reported.
    pub fn identity(&self) -> NodeIdentity {
        self.door.identity.clone()
    }

    /// Tells how loaded it is.
    pub fn load(&self) -> MediaLoad {
        MediaLoad(self.orders.clone(), self.door.bad_tokens.clone())
    }

    /// Ends all sessions and the thread.
    pub async fn stop(self) {
        self.orders.say(Order::Stop);
        let thread = self.thread;
        // The thread ends after one round; joining it blocks.
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        // With the thread its reports end; the last ones get into the log, if it answers.
        self.shutdown.cancel();
        if tokio::time::timeout(LAST_REPORTS, self.reporter).await.is_err() {
            tracing::warn!("the last reports of the media node did not get into the log");
        }
    }
}
