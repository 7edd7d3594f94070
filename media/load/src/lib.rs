//! A client of the media node on a WebRTC stack that is not the node's own (`webrtc`, beside the node's
//! `str0m`): what the node says is checked by somebody else's reading of the standards.
//!
//! [`Participant::join`] goes in by the media socket, [`HttpSession`] by WHIP and WHEP; what it sends is made up, but RTP as the codecs
//! have it, and bears the time at which it was sent, so that [`Arrivals`] knows how long it took.

mod arrivals;
mod http;
mod made_up;
mod participant;
mod peer;
mod pictures;
mod socket;
mod stack;
mod whip;

pub use arrivals::{Arrivals, Counted};
pub use http::{HttpAnswer, HttpError, request};
pub use participant::{Media, Network, Participant, Sending, Slots};
pub use pictures::{Pictures, Shown};
pub use socket::SocketError;
pub use stack::{Picture, Sound, Stack};
pub use whip::HttpSession;

/// Why a client is not there.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The media socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The stack.
    #[error("webrtc: {0}")]
    Stack(#[from] webrtc::error::Error),
    /// HTTP.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An endpoint has not begun a session.
    #[error("the endpoint answered {0}: {1}")]
    Answered(u16, String),
    /// Something that was waited for did not come.
    #[error("{0} did not come in {1:?}")]
    Late(&'static str, std::time::Duration),
}
