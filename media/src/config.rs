use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::config::DtlsCert;
use str0m::{Rtc, RtcConfig};

use crate::egress;

/// How often a connection is measured.
pub(crate) const STATS_EVERY: Duration = Duration::from_secs(2);

/// The one video codec of the rooms of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum VideoCodec {
    /// VP8 (RFC 7741).
    #[default]
    Vp8,
    /// H.264 (RFC 6184).
    H264,
}

/// What an [`crate::Sfu`] is set to.
#[derive(Clone, Debug)]
pub struct SfuConfig {
    /// Where clients reach the node: its host candidates, UDP.
    pub addresses: Vec<SocketAddr>,
    /// Where clients reach the node by TCP, for those whose network lets no UDP through: its passive candidates.
    pub tcp_addresses: Vec<SocketAddr>,
    /// The video codec.
    pub video: VideoCodec,
    /// So many pictures are sent without being asked for (`media.autoVideo`).
    pub auto_video: usize,
    /// Most peers of this object (`media.peersMax`).
    pub peers_max: usize,
    /// Most rooms with somebody in them (`media.roomsMax`).
    pub rooms_max: usize,
    /// Most peers in one room (`media.participantsMax`).
    pub participants_max: usize,
    /// While so much is sent nobody joins, bit/s; 0: there is no limit (`media.bandwidthMax`).
    pub bandwidth_max: u64,
    /// What is taken of one publisher, bit/s; 0: all of it (`media.publisherMax`).
    pub publisher_max: u64,
    /// A peer without a connection for so long is ended (`media.idleTimeout`).
    pub idle_timeout: Duration,
    /// What the way to a new peer is taken to bear until it has been measured, bit/s.
    pub start_rate: u64,
}

impl Default for SfuConfig {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            tcp_addresses: Vec::new(),
            video: VideoCodec::Vp8,
            auto_video: 16,
            peers_max: 2_000,
            rooms_max: 1_000,
            participants_max: 1_000,
            bandwidth_max: 0,
            publisher_max: 20_000_000,
            idle_timeout: Duration::from_secs(30),
            start_rate: 1_000_000,
        }
    }
}

impl SfuConfig {
    /// The codecs that can be exchanged, as in `a=rtpmap`.
    pub fn codecs(&self) -> Vec<&'static str> {
        let video = match self.video {
            VideoCodec::Vp8 => "VP8",
            VideoCodec::H264 => "H264",
        };
        vec!["opus", "PCMU", "PCMA", video]
    }

    /// A peer connection of the node's side. What it is to send is not sent by it: see [`egress`].
    pub(crate) fn rtc(&self, certificate: Option<&DtlsCert>, now: Instant) -> Rtc {
        let mut config = RtcConfig::new()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_pcmu(true, false)
            .enable_pcma(true, false)
            .enable_vp8(self.video == VideoCodec::Vp8)
            .enable_h264(self.video == VideoCodec::H264)
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .set_stats_interval(Some(STATS_EVERY))
            .set_crypto_provider(egress::provider());
        if let Some(certificate) = certificate {
            config = config.set_dtls_cert(certificate.clone());
        }
        config.build(now)
    }
}
