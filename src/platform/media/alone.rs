//! A process that is a media node and nothing else: Kafka and a command endpoint are all it needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::sync::oneshot;
use wac_api::OPENMETRICS;
use wac_events::Time;
use wac_media_io::{MediaLoad, MediaNode, MediaPorts, TokenChecker};
use wac_relay::RelayConfig;
use wac_store::SystemEnvironment;

use super::feed::KafkaRooms;
use super::figures::MediaFigures;
use super::link::Welcome;
use super::member::{Member, Membership};
use super::remote::RemoteLink;
use crate::config::Settings;
use crate::door::DoorLimits;
use crate::platform::{Sockets, relay_config};
use crate::serving::Servers;
use crate::shutdown::DRAIN_REQUESTS;

/// How long Kafka may take to answer before it counts as down.
const KAFKA_PATIENCE: Duration = Duration::from_secs(2);

/// A running media node without a database.
pub(crate) struct MediaAlone {
    node: MediaNode,
    member: Member,
    servers: Servers,
}

/// What the probes look at.
#[derive(Clone)]
struct Probes {
    heard: Arc<AtomicBool>,
    load: MediaLoad,
    kafka: RelayConfig,
}

impl MediaAlone {
    /// Starts; the node takes rooms as soon as a command endpoint answers.
    pub(crate) fn start(settings: &Settings, mut sockets: Sockets, public_url: &str) -> Result<Self> {
        let media = sockets.media.take().context("the media port has not been bound")?;
        let secret = settings.media.secret.clone().context("media.secret is not set")?;
        let link = Arc::new(RemoteLink::new(&settings.media.command_endpoints, secret)?);
        let (tell, since) = oneshot::channel();
        let tokens = Arc::new(TokenChecker::empty());
        let ports = MediaPorts {
            tokens: tokens.clone(),
            rooms: Box::new(KafkaRooms::new(relay_config(settings), since, link.clone())),
            reports: link.clone(),
            env: Arc::new(SystemEnvironment),
        };
        let node = MediaNode::start(media.sockets, super::config(settings, media.address), ports)?;
        let offer = super::offer(settings, public_url, &sockets.addresses());
        let welcomed = move |welcome: &Welcome| {
            // Nobody listens only if the node has stopped.
            let _ = tell.send(Time::from_millis(welcome.rooms_since));
        };
        let (load, identity) = (node.load(), node.identity());
        let member = Member::start(Membership { link, offer, tokens, load, identity }, welcomed);
        let probes = Probes { heard: member.heard(), load: node.load(), kafka: relay_config(settings) };
        let servers = serve(sockets, &node, probes, settings.door)?;
        Ok(Self { node, member, servers })
    }

    /// Ends: its rooms go elsewhere, then its sessions end, then its listeners.
    pub(crate) async fn stop(self) {
        self.member.leave().await;
        self.node.stop().await;
        self.servers.stop(DRAIN_REQUESTS).await;
    }
}

fn serve(sockets: Sockets, node: &MediaNode, probes: Probes, limits: DoorLimits) -> Result<Servers> {
    let Sockets { http, https, metrics, .. } = sockets;
    let watched = Router::new().route("/livez", get(livez)).route("/readyz", get(readyz)).route("/metrics", get(told));
    let watched = watched.with_state(probes);
    let mut servers = Servers::new(limits);
    for bound in [http, https].into_iter().flatten() {
        servers.serve(node.router().merge(watched.clone()), bound)?;
    }
    if let Some(bound) = metrics {
        servers.serve(watched, bound)?;
    }
    Ok(servers)
}

async fn livez() -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(json!({ "status": "ok" }))).into_response()
}

/// Kafka tells of rooms, and a command endpoint hears of the node.
async fn readyz(State(probes): State<Probes>) -> Response {
    let asked = tokio::task::spawn_blocking(move || wac_relay::brokers(&probes.kafka, KAFKA_PATIENCE)).await;
    let kafka = matches!(asked, Ok(Ok(_)));
    let heard = probes.heard.load(Ordering::Relaxed);
    let shown = |up: bool, detail: &str| json!({ "status": if up { "ok" } else { "down" }, "detail": detail });
    let checks = json!({
        "kafka": shown(kafka, if kafka { "answers" } else { "does not answer" }),
        "command_endpoint": shown(heard, if heard { "answers" } else { "does not answer, or does not welcome this node" }),
    });
    let ready = kafka && heard;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "status": if ready { "ok" } else { "down" }, "checks": checks });
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// For Prometheus.
async fn told(State(probes): State<Probes>) -> Response {
    let heard = Gauge::<i64>::default();
    heard.set(i64::from(probes.heard.load(Ordering::Relaxed)));
    let mut registry = Registry::with_prefix("wac");
    registry.register("media_deployment_answers", "Whether a command endpoint heard the last sign of life", heard);
    registry.register_collector(Box::new(MediaFigures(probes.load)));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
