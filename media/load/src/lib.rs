//! A client of the media node on a WebRTC stack that is not the node's own (`webrtc`, beside the node's
//! `str0m`): what the node says is checked by somebody else's reading of the standards.
//!
//! [`Participant::join`] goes in by the media socket; what it sends is made up, but RTP as the codecs
//! have it, and bears the time at which it was sent, so that [`Arrivals`] knows how long it took.

mod arrivals;
mod made_up;
mod participant;
mod peer;
mod socket;

pub use arrivals::{Arrivals, Counted};
pub use participant::{Media, Network, Participant, Slots};
pub use socket::SocketError;

/// Why a client is not there.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The media socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The stack.
    #[error("webrtc: {0}")]
    Stack(#[from] webrtc::error::Error),
    /// Something that was waited for did not come.
    #[error("{0} did not come in {1:?}")]
    Late(&'static str, std::time::Duration),
}
