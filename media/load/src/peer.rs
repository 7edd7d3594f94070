//! One peer connection of the `webrtc` crate.

use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rtc::ice::network_type::NetworkType;
use rtc::interceptor::{NackGeneratorBuilder, NackResponderBuilder, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::{
    configure_rtcp_reports, configure_simulcast_extension_headers, configure_twcc_receiver_only,
};
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::watch;
use tokio::time::timeout;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder,
};
use webrtc::rtp_transceiver::RtpSender;

use crate::socket::{PATIENCE, SocketError};
use crate::{Arrivals, LoadError, Network, Stack};

/// How often what is lost is asked for, and how often a packet.
const ASKS_EVERY: Duration = Duration::from_millis(50);
const ASKS_MAX: u16 = 6;

type Result<T> = webrtc::error::Result<T>;

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) gathered: bool,
    pub(crate) connected: bool,
    pub(crate) failed: bool,
}

struct Handler {
    standing: watch::Sender<Standing>,
    arrivals: Arc<Arrivals>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.standing.send_modify(|standing| standing.gathered = true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.standing.send_modify(|standing| match state {
            RTCPeerConnectionState::Connected => standing.connected = true,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => standing.failed = true,
            _ => {}
        });
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let arrivals = self.arrivals.clone();
        tokio::spawn(async move {
            let video = track.kind().await == RtpCodecKind::Video;
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    arrivals.take_in(video, &packet.payload);
                }
            }
        });
    }
}

/// A track that is sent.
pub(crate) struct Outgoing {
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    ssrc: u32,
    payload_type: u8,
    sequence: AtomicU16,
    timestamp: AtomicU32,
}

impl Outgoing {
    /// Sends a packet; `step`: by how much the media clock has moved since the one before.
    pub(crate) async fn send(&self, payload: bytes::Bytes, step: u32, marker: bool) -> Result<()> {
        let header = rtp::Header {
            version: 2,
            marker,
            payload_type: self.payload_type,
            sequence_number: self.sequence.fetch_add(1, Ordering::Relaxed),
            timestamp: self.timestamp.fetch_add(step, Ordering::Relaxed).wrapping_add(step),
            ssrc: self.ssrc,
            ..Default::default()
        };
        self.track.write_rtp(rtp::Packet { header, payload }).await
    }

    /// The payload type that was agreed on.
    pub(crate) async fn agree(&mut self) -> Result<()> {
        let parameters = self.sender.get_parameters().await?;
        if let Some(codec) = parameters.rtp_parameters.codecs.first() {
            self.payload_type = codec.payload_type;
        }
        Ok(())
    }
}

/// A peer connection.
pub(crate) struct Peer {
    connection: Arc<dyn PeerConnection>,
    pub(crate) stack: Stack,
    pub(crate) standing: watch::Receiver<Standing>,
    /// Sources that no offer names.
    undeclared: Mutex<Vec<u32>>,
}

/// The interceptors that the stack has by default. Of those, what asks for what is lost does so sooner and, since it does
/// not hear of repairs (RFC 4588).
fn interceptors(media: &mut MediaEngine, repairs: bool) -> Result<Registry> {
    configure_simulcast_extension_headers(media)?;
    let registry = configure_rtcp_reports(configure_twcc_receiver_only(Registry::new(), media)?);
    if !repairs {
        return Ok(registry);
    }
    for parameter in ["", "pli"] {
        let feedback = RTCPFeedback { typ: "nack".to_owned(), parameter: parameter.to_owned() };
        media.register_feedback(feedback, RtpCodecKind::Video);
    }
    let asks = NackGeneratorBuilder::new().with_interval(ASKS_EVERY).with_max_nacks_per_packet(ASKS_MAX);
    let registry = registry.with(Slot::NackResponder, NackResponderBuilder::new().build());
    Ok(registry.with(Slot::NackGenerator, asks.build()))
}

impl Peer {
    /// On a free port of loopback.
    pub(crate) async fn new(stack: Stack, arrivals: Arc<Arrivals>) -> Result<Self> {
        let network = stack.network;
        let mut media = stack.engine()?;
        let registry = interceptors(&mut media, stack.repairs)?;
        let (sender, standing) = watch::channel(Standing::default());
        let types = match network {
            Network::Udp => vec![NetworkType::Udp4],
            Network::Tcp => vec![NetworkType::Tcp4],
        };
        let settings =
            SettingEngineBuilder::new().with_include_loopback_candidate(true).with_network_types(types).build();
        let free = || vec!["127.0.0.1:0".to_owned()];
        let connection = PeerConnectionBuilder::new()
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings)
            .with_handler(Arc::new(Handler { standing: sender, arrivals }))
            .with_udp_addrs(if network == Network::Udp { free() } else { Vec::new() })
            .with_tcp_addrs(if network == Network::Tcp { free() } else { Vec::new() })
            .build()
            .await?;
        Ok(Self { connection: Arc::new(connection), stack, standing, undeclared: Mutex::default() })
    }

    /// Will send a track of this kind; one that is not declared is of a source that no offer names.
    pub(crate) async fn send(&self, kind: RtpCodecKind, number: u32, declared: bool) -> Result<Outgoing> {
        let ssrc = number.wrapping_mul(2_654_435_761) ^ if kind == RtpCodecKind::Audio { 0x5a5a } else { 0xa5a5 };
        let name = format!("{kind}-{number}");
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
            codec: self.stack.sends(kind),
            ..Default::default()
        };
        let track = MediaStreamTrack::new(name.clone(), name.clone(), name, kind, vec![encoding]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let sender = self.connection.add_track(track.clone() as Arc<dyn TrackLocal>).await?;
        let (sequence, timestamp) = (AtomicU16::new(1), AtomicU32::new(1));
        if !declared {
            self.undeclared.lock().unwrap_or_else(PoisonError::into_inner).push(ssrc);
        }
        Ok(Outgoing { track, sender, ssrc, payload_type: 0, sequence, timestamp })
    }

    /// Will receive so many tracks more of this kind.
    pub(crate) async fn receive(&self, kind: RtpCodecKind, count: usize) -> Result<()> {
        for _ in 0..count {
            let init = RTCRtpTransceiverInit { direction: RTCRtpTransceiverDirection::Recvonly, ..Default::default() };
            self.connection.add_transceiver_from_kind(kind, Some(init)).await?;
        }
        Ok(())
    }

    /// An offer with every candidate.
    pub(crate) async fn complete_offer(&self) -> std::result::Result<String, LoadError> {
        let offer = self.connection.create_offer(None).await?;
        self.connection.set_local_description(offer).await?;
        self.gathered().await
    }

    /// The same with ICE credentials that are new.
    pub(crate) async fn restarted_offer(&self) -> std::result::Result<String, LoadError> {
        self.connection.restart_ice().await?;
        self.complete_offer().await
    }

    async fn gathered(&self) -> std::result::Result<String, LoadError> {
        let mut standing = self.standing.clone();
        let gathered = timeout(PATIENCE, standing.wait_for(|standing| standing.gathered)).await;
        gathered.map_err(|_| LoadError::Late("a candidate", PATIENCE))?.map_err(|_| SocketError::Closed(1006))?;
        Ok(self.offered().await)
    }

    /// The offer that stands, as text, without the sources that are not declared.
    pub(crate) async fn offered(&self) -> String {
        let text = self.connection.local_description().await.map(|description| description.sdp).unwrap_or_default();
        let undeclared = self.undeclared.lock().unwrap_or_else(PoisonError::into_inner);
        let names = |line: &&str| undeclared.iter().any(|ssrc| line.starts_with(&format!("a=ssrc:{ssrc} ")));
        text.split_inclusive('\n').filter(|line| !names(line)).collect()
    }

    /// The media sections that send, with what they send.
    pub(crate) async fn sections(&self) -> Result<Vec<(String, &'static str)>> {
        let mut sections = Vec::new();
        for transceiver in self.connection.get_transceivers().await {
            let Some(sender) = transceiver.sender().await? else { continue };
            let Some(mid) = transceiver.mid().await? else { continue };
            if transceiver.direction().await? == RTCRtpTransceiverDirection::Recvonly {
                continue;
            }
            let source = if sender.track().kind().await == RtpCodecKind::Audio { "microphone" } else { "camera" };
            sections.push((mid, source));
        }
        Ok(sections)
    }

    /// What the node answers.
    pub(crate) async fn answer(&self, sdp: &str) -> Result<()> {
        self.connection.set_remote_description(RTCSessionDescription::answer(sdp.to_owned())?).await?;
        // This stack opens connections only to candidates that come by themselves.
        let by_tcp = |line: &&str| line.starts_with("candidate:") && line.contains(" tcp ");
        for candidate in sdp.lines().filter_map(|line| line.trim_end().strip_prefix("a=")).filter(by_tcp) {
            let candidate = candidate.to_owned();
            self.connection.add_ice_candidate(RTCIceCandidateInit { candidate, ..Default::default() }).await?;
        }
        Ok(())
    }

    /// Cuts it off.
    pub(crate) fn close_later(&self) {
        let connection = self.connection.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { connection.close().await });
        }
    }
}
