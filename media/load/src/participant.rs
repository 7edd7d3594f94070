//! Somebody in a room: a media socket, a peer connection, and what he sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::made_up::{self, Part};
use crate::peer::{Outgoing, Peer};
use crate::socket::{MediaSocket, PATIENCE, SocketError};
use crate::{Arrivals, LoadError, Picture, Sound, Stack};

/// The clock of VP8, ticks a second.
const VIDEO_CLOCK: u32 = 90_000;
/// What 20 ms of sound are on the clock of Opus, and on that of G.711.
const OPUS_STEP: u32 = 960;
const G711_STEP: u32 = 160;

/// What a client's network lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Datagrams.
    Udp,
    /// Connections that the client opens, and nothing else.
    Tcp,
}

/// What somebody sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// Sound.
    pub audio: bool,
    /// Pictures.
    pub video: bool,
}

/// How many tracks of others he can take at first; the node asks for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    /// Of sound.
    pub audio: usize,
    /// Of pictures.
    pub video: usize,
}

/// What one client sends.
#[derive(Default)]
pub struct Sending {
    audio: Option<Outgoing>,
    video: Option<Outgoing>,
    undeclared: Option<Outgoing>,
    picture: AtomicU16,
    stack: Stack,
}

impl std::fmt::Debug for Sending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

impl Sending {
    /// To be offered.
    pub(crate) async fn new(peer: &Peer, media: Media) -> Result<Self, LoadError> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let track = async |wanted: bool, kind, declared| match wanted {
            true => peer.send(kind, NUMBER.fetch_add(1, Ordering::Relaxed), declared).await.map(Some),
            false => Ok(None),
        };
        let audio = track(media.audio, RtpCodecKind::Audio, true).await?;
        let video = track(media.video, RtpCodecKind::Video, true).await?;
        let undeclared = track(peer.stack.undeclared, RtpCodecKind::Audio, false).await?;
        Ok(Self { audio, video, undeclared, picture: AtomicU16::new(0), stack: peer.stack })
    }

    /// Takes what was agreed on.
    pub(crate) async fn agree(&mut self) -> Result<(), LoadError> {
        for outgoing in [&mut self.audio, &mut self.video, &mut self.undeclared].into_iter().flatten() {
            outgoing.agree().await?;
        }
        Ok(())
    }

    /// Sends 20 ms of sound, of Opus in so many bytes.
    pub async fn speak(&self, bytes: usize) -> Result<(), LoadError> {
        match (&self.audio, self.stack.sound.unwrap_or_default()) {
            (Some(audio), Sound::Opus) => Ok(audio.send(made_up::opus(bytes), OPUS_STEP, false).await?),
            (Some(audio), Sound::Pcmu | Sound::Pcma) => Ok(audio.send(made_up::g711(), G711_STEP, false).await?),
            (None, _) => Ok(()),
        }
    }

    /// Sends 20 ms of Opus of the source that no offer names ([`Stack::undeclared`]), in so many bytes.
    pub async fn speak_undeclared(&self, bytes: usize) -> Result<(), LoadError> {
        match &self.undeclared {
            Some(audio) => Ok(audio.send(made_up::opus(bytes), OPUS_STEP, false).await?),
            None => Ok(()),
        }
    }

    /// Sends a picture in so many packets of so many bytes, `per_second` of which are sent.
    pub async fn show(&self, packets: usize, bytes: usize, per_second: u32, key: bool) -> Result<(), LoadError> {
        let Some(video) = &self.video else { return Ok(()) };
        let picture = self.picture.fetch_add(1, Ordering::Relaxed);
        for number in 0..packets {
            let step = if number == 0 { VIDEO_CLOCK / per_second.max(1) } else { 0 };
            let count = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
            let part = Part { picture, number: count(number), of: count(packets), key };
            let payload = match self.stack.picture.unwrap_or_default() {
                Picture::Vp8 => made_up::vp8(bytes, part),
                Picture::H264 => made_up::h264(bytes, part),
            };
            video.send(payload, step, number + 1 == packets).await?;
        }
        Ok(())
    }
}

/// A client in a room. Dropping it cuts it off; [`leave`](Self::leave) says goodbye.
pub struct Participant {
    peer: Arc<Peer>,
    sending: Sending,
    talking: JoinHandle<Result<(), LoadError>>,
    leaving: tokio::sync::mpsc::Sender<()>,
}

impl std::fmt::Debug for Participant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Participant").finish_non_exhaustive()
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.talking.abort();
        self.peer.close_later();
    }
}

impl Participant {
    /// Goes into the room that the token is for, by the media socket at `url`, and waits until media
    /// can flow. What arrives is noted in `arrivals`.
    pub async fn join(
        url: &str,
        token: &str,
        media: Media,
        slots: Slots,
        arrivals: Arc<Arrivals>,
    ) -> Result<Self, LoadError> {
        Self::join_over(Network::Udp, url, token, (media, slots), arrivals).await
    }

    /// The same over a network that lets only this through.
    pub async fn join_over(
        network: Network,
        url: &str,
        token: &str,
        wanted: (Media, Slots),
        arrivals: Arc<Arrivals>,
    ) -> Result<Self, LoadError> {
        Self::join_with(network.into(), url, token, wanted, arrivals).await
    }

    /// The same with a stack that speaks this.
    pub async fn join_with(
        stack: Stack,
        url: &str,
        token: &str,
        (media, slots): (Media, Slots),
        arrivals: Arc<Arrivals>,
    ) -> Result<Self, LoadError> {
        let mut socket = MediaSocket::open(url, token).await?;
        let peer = Arc::new(Peer::new(stack, arrivals).await?);
        let mut sending = Sending::new(&peer, media).await?;
        peer.receive(RtpCodecKind::Audio, slots.audio).await?;
        peer.receive(RtpCodecKind::Video, slots.video).await?;
        negotiate(&peer, &mut socket).await?;
        sending.agree().await?;
        let mut standing = peer.standing.clone();
        let connected = standing.wait_for(|standing| standing.connected || standing.failed);
        let connected = timeout(PATIENCE, connected).await.ok().and_then(Result::ok).is_some_and(|it| it.connected);
        if !connected {
            return Err(LoadError::Late("a connection", PATIENCE));
        }
        let (leaving, left) = tokio::sync::mpsc::channel(1);
        let talking = tokio::spawn(talk(peer.clone(), socket, left));
        Ok(Self { peer, sending, talking, leaving })
    }

    /// Sends 20 ms of sound, in so many bytes.
    pub async fn speak(&self, bytes: usize) -> Result<(), LoadError> {
        self.sending.speak(bytes).await
    }

    /// Sends a picture in so many packets of so many bytes, `per_second` of which are sent.
    pub async fn show(&self, packets: usize, bytes: usize, per_second: u32, key: bool) -> Result<(), LoadError> {
        self.sending.show(packets, bytes, per_second, key).await
    }

    /// What it sends.
    pub fn sending(&self) -> &Sending {
        &self.sending
    }

    /// Leaves the room's media.
    pub async fn leave(self) {
        // Who has been closed out already has left.
        let _ = self.leaving.send(()).await;
        let _ = timeout(PATIENCE, self.leaving.closed()).await;
    }

    /// Whether the node has not ended it.
    pub fn is_there(&self) -> bool {
        !self.talking.is_finished() && !self.peer.standing.borrow().failed
    }
}

async fn negotiate(peer: &Peer, socket: &mut MediaSocket) -> Result<(), LoadError> {
    let offer = peer.complete_offer().await?;
    socket.offer(&offer, &peer.sections().await?).await?;
    let answered = async {
        loop {
            let frame = socket.next().await?;
            if frame["type"] == "answer" {
                return Ok::<Value, SocketError>(frame);
            }
        }
    };
    let answer = timeout(PATIENCE, answered).await.map_err(|_| LoadError::Late("an answer", PATIENCE))??;
    Ok(peer.answer(answer["sdp"].as_str().unwrap_or_default()).await?)
}

/// Answers what the node asks for until one of both ends it.
async fn talk(
    peer: Arc<Peer>,
    mut socket: MediaSocket,
    mut left: tokio::sync::mpsc::Receiver<()>,
) -> Result<(), LoadError> {
    loop {
        let frame = tokio::select! {
            frame = socket.next() => frame?,
            _ = left.recv() => return Ok(socket.bye().await?),
        };
        if frame["type"] == "need" {
            let count = |kind: &str| usize::try_from(frame[kind].as_u64().unwrap_or(0)).unwrap_or(0);
            peer.receive(RtpCodecKind::Audio, count("audio")).await?;
            peer.receive(RtpCodecKind::Video, count("video")).await?;
            negotiate(&peer, &mut socket).await?;
        }
    }
}
