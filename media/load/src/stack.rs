//! What a client's stack speaks.

use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_PCMA, MIME_TYPE_PCMU, MIME_TYPE_RTX, MIME_TYPE_VP8,
};
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use webrtc::peer_connection::MediaEngine;

use crate::Network;

/// A codec of sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sound {
    /// RFC 7587.
    #[default]
    Opus,
    /// G.711, µ-law.
    Pcmu,
    /// G.711, A-law.
    Pcma,
}

/// A codec of pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Picture {
    /// RFC 7741.
    #[default]
    Vp8,
    /// RFC 6184, constrained baseline.
    H264,
}

/// What a client's stack speaks. By default what the stack speaks by itself, of which Opus and VP8 are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack {
    /// What its network lets through.
    pub network: Network,
    /// The one codec of sound it has; `None`: those the stack has by itself.
    pub sound: Option<Sound>,
    /// The same of pictures.
    pub picture: Option<Picture>,
    /// Whether it asks for what is lost and sends again what it is asked for (RFC 4585 §6.2.1).
    pub repairs: bool,
    /// Whether it has a second microphone whose source its offers do not name.
    pub undeclared: bool,
}

impl Default for Stack {
    fn default() -> Self {
        Self { network: Network::Udp, sound: None, picture: None, repairs: true, undeclared: false }
    }
}

impl From<Network> for Stack {
    fn from(network: Network) -> Self {
        Self { network, ..Self::default() }
    }
}

type Result<T> = webrtc::error::Result<T>;

impl Sound {
    fn codec(self) -> (RTCRtpCodec, u8) {
        let of = |mime: &str, clock_rate, channels| codec(mime, clock_rate, channels, "");
        match self {
            Self::Opus => (of(MIME_TYPE_OPUS, 48_000, 2), 111),
            Self::Pcmu => (of(MIME_TYPE_PCMU, 8_000, 0), 0),
            Self::Pcma => (of(MIME_TYPE_PCMA, 8_000, 0), 8),
        }
    }
}

impl Picture {
    fn codec(self) -> (RTCRtpCodec, u8) {
        let profile = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
        match self {
            Self::Vp8 => (codec(MIME_TYPE_VP8, 90_000, 0, ""), 96),
            Self::H264 => (codec(MIME_TYPE_H264, 90_000, 0, profile), 125),
        }
    }
}

fn codec(mime: &str, clock_rate: u32, channels: u16, format: &str) -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: mime.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: format.to_owned(),
        ..Default::default()
    }
}

impl Stack {
    /// The codec it sends this in.
    pub(crate) fn sends(&self, kind: RtpCodecKind) -> RTCRtpCodec {
        match kind {
            RtpCodecKind::Audio => self.sound.unwrap_or_default().codec().0,
            _ => self.picture.unwrap_or_default().codec().0,
        }
    }

    /// The codecs it has.
    pub(crate) fn engine(&self) -> Result<MediaEngine> {
        let mut media = MediaEngine::default();
        if self.sound.is_none() && self.picture.is_none() {
            media.register_default_codecs()?;
            return Ok(media);
        }
        let (rtp_codec, payload_type) = self.sound.unwrap_or_default().codec();
        media.register_codec(RTCRtpCodecParameters { rtp_codec, payload_type }, RtpCodecKind::Audio)?;
        let (rtp_codec, payload_type) = self.picture.unwrap_or_default().codec();
        media.register_codec(RTCRtpCodecParameters { rtp_codec, payload_type }, RtpCodecKind::Video)?;
        let rtp_codec = codec(MIME_TYPE_RTX, 90_000, 0, &format!("apt={payload_type}"));
        let again = RTCRtpCodecParameters { rtp_codec, payload_type: payload_type + 1 };
        media.register_codec(again, RtpCodecKind::Video)?;
        Ok(media)
    }
}
