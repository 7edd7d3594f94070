//! Media: the node of this process, how nodes belong to the deployment, and how signaling finds them.

pub(crate) mod alone;
pub(crate) mod door;
pub(crate) mod endpoint;
mod feed;
pub(crate) mod figures;
pub(crate) mod link;
mod local;
pub(crate) mod member;
pub(crate) mod remote;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use wac_media_io::{MediaConfig, MediaSockets};

use super::Addresses;
use crate::config::Settings;
use crate::listen;

pub(crate) use local::LocalLink;
pub(crate) use member::Member;

/// The media port, bound, and where clients reach it.
pub(crate) struct MediaSocket {
    /// The port, for UDP and for TCP.
    pub(crate) sockets: MediaSockets,
    /// What clients are told.
    pub(crate) address: SocketAddr,
}

impl MediaSocket {
    /// Binds the media port.
    pub(crate) fn bind(settings: &Settings) -> Result<Self> {
        let sockets = listen::bind_media(settings.bind, settings.media.port, "--media-port")?;
        let port = sockets.address().context("the media port has no address")?.port();
        let ip = settings.media.address.unwrap_or_else(|| match settings.bind {
            bind if bind.is_unspecified() => listen::own_address(),
            bind => bind,
        });
        Ok(Self { sockets, address: SocketAddr::new(ip, port) })
    }
}

/// What the node is set to.
pub(crate) fn config(settings: &Settings, address: SocketAddr) -> MediaConfig {
    MediaConfig {
        name: settings.node_name.clone(),
        address,
        video: settings.media.video,
        auto_video: settings.media.auto_video,
        peers_max: settings.media.peers_max,
        rooms_max: settings.media.rooms_max,
        participants_max: settings.media.participants_max,
        bandwidth_max: settings.media.bandwidth_max,
        publisher_max: settings.media.publisher_max,
        idle_timeout: settings.media.idle_timeout,
        joins_per_second: settings.media.joins_per_second,
        ice_servers: settings.media.stun_servers.clone(),
    }
}

/// What the node tells the deployment of itself, but for its id.
pub(crate) fn offer(settings: &Settings, public_url: &str, addresses: &Addresses) -> link::Offer {
    link::Offer {
        name: settings.node_name.clone(),
        server: server(public_url, addresses),
        sessions_max: u32::try_from(settings.media.peers_max).unwrap_or(u32::MAX),
    }
}

/// The addresses by protocol at which clients reach the media socket and the node's base.
fn server(public_url: &str, addresses: &Addresses) -> BTreeMap<String, String> {
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
    server
}
