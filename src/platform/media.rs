//! The media node of this process, and how signaling names it.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use wac_commands::{CommandHandler, Room};
use wac_events::{Environment, EventLog, MasterKey};
use wac_media_io::{Claims, MediaConfig, MediaNode, TokenKey};
use wac_signaling::{MediaDoor, MediaNodes, Peer};
use wac_store::SystemEnvironment;

use super::Addresses;
use crate::config::Settings;
use crate::listen;

/// What every participant may do.
const SCOPE: &str = "publish subscribe data";

/// A UDP port that has been bound, and where clients reach it.
pub(crate) struct MediaSocket {
    /// The port.
    pub(crate) socket: UdpSocket,
    /// What clients are told.
    pub(crate) address: SocketAddr,
}

impl MediaSocket {
    /// Binds the media port.
    pub(crate) fn bind(settings: &Settings) -> Result<Self> {
        let socket = listen::bind_udp(settings.bind, settings.media.port, "--media-port")?;
        let port = socket.local_addr().context("the media port has no address")?.port();
        let ip = settings.media.address.unwrap_or_else(|| match settings.bind {
            bind if bind.is_unspecified() => listen::own_address(),
            bind => bind,
        });
        Ok(Self { socket, address: SocketAddr::new(ip, port) })
    }
}

/// Starts the node.
pub(super) fn start(
    media: MediaSocket,
    settings: &Settings,
    master: &MasterKey,
    log: Arc<dyn EventLog>,
    handler: CommandHandler,
) -> Result<(MediaNode, Arc<TokenKey>)> {
    let config = MediaConfig {
        name: settings.node_name.clone(),
        address: media.address,
        video: settings.media.video,
        auto_video: settings.media.auto_video,
        peers_max: settings.media.peers_max,
        idle_timeout: settings.media.idle_timeout,
    };
    let key = Arc::new(TokenKey::derive(master.to_text().as_bytes()));
    let node = MediaNode::start(media.socket, config, key.clone(), log, handler)?;
    Ok((node, key))
}

/// The media node of this process is the one of every room.
pub(super) struct OwnNode {
    key: Arc<TokenKey>,
    node: String,
    server: BTreeMap<String, String>,
    token_ttl: Duration,
}

impl OwnNode {
    pub(super) fn new(key: Arc<TokenKey>, settings: &Settings, public_url: &str, addresses: &Addresses) -> Self {
        let mut bases = vec![public_url.trim_end_matches('/').to_owned()];
        // Pages loaded over HTTPS need the secure one beside the plain one of development.
        bases.extend(addresses.https.map(|address| format!("https://{}", listen::reachable(address))));
        let mut server = BTreeMap::new();
        for base in bases {
            let scheme = if base.starts_with("https") { "https" } else { "http" };
            let socket_scheme = if scheme == "https" { "wss" } else { "ws" };
            let socket = format!("{}/media", base.replacen(scheme, socket_scheme, 1));
            server.entry(socket_scheme.to_owned()).or_insert(socket);
            server.entry(scheme.to_owned()).or_insert(base);
        }
        Self { key, node: settings.node_name.clone(), server, token_ttl: settings.media.token_ttl }
    }
}

impl MediaNodes for OwnNode {
    fn door(&self, room: &Room, peer: &Peer) -> Result<MediaDoor, String> {
        let now = SystemEnvironment.now();
        let ttl_ms = i64::try_from(self.token_ttl.as_millis()).unwrap_or(i64::MAX);
        let token = self.key.sign(&Claims {
            opening: room.opening.clone(),
            domain: room.domain.clone(),
            room: room.id.clone(),
            user: peer.user.clone(),
            session: peer.session.clone(),
            scope: SCOPE.to_owned(),
            exp: now.millis().saturating_add(ttl_ms) / 1_000,
            jti: SystemEnvironment.new_uuid().to_string(),
        });
        Ok(MediaDoor { node: self.node.clone(), server: self.server.clone(), token, ice: Vec::new() })
    }
}
