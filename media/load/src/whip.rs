//! Clients of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep).

use std::sync::Arc;

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::time::timeout;

use crate::http::{HttpAnswer, request};
use crate::participant::{Media, Sending};
use crate::peer::Peer;
use crate::socket::PATIENCE;
use crate::{Arrivals, LoadError, Stack};

/// A session that was begun by one request. Dropping it cuts it off; [`end`](Self::end) says goodbye.
pub struct HttpSession {
    peer: Arc<Peer>,
    sending: Sending,
    created: HttpAnswer,
    resource: String,
    token: String,
}

impl std::fmt::Debug for HttpSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSession").field("resource", &self.resource).finish_non_exhaustive()
    }
}

impl Drop for HttpSession {
    fn drop(&mut self) {
        self.peer.close_later();
    }
}

/// The origin of a URL.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    &url[..url[start..].find('/').map_or(url.len(), |at| start + at)]
}

impl HttpSession {
    /// Sends to the WHIP endpoint at `url`; waits until media can flow.
    pub async fn publish(url: &str, token: &str, media: Media) -> Result<Self, LoadError> {
        let peer = Arc::new(Peer::new(Stack::default(), Arc::default()).await?);
        let sending = Sending::new(&peer, media).await?;
        Self::begin(url, token, peer, sending).await
    }

    /// Receives a sound and a picture from the WHEP endpoint at `url`; waits until media can flow.
    pub async fn view(url: &str, token: &str, arrivals: Arc<Arrivals>) -> Result<Self, LoadError> {
        let peer = Arc::new(Peer::new(Stack::default(), arrivals).await?);
        peer.receive(RtpCodecKind::Audio, 1).await?;
        peer.receive(RtpCodecKind::Video, 1).await?;
        Self::begin(url, token, peer, Sending::default()).await
    }

    async fn begin(url: &str, token: &str, peer: Arc<Peer>, mut sending: Sending) -> Result<Self, LoadError> {
        let offer = peer.complete_offer().await?;
        let bearer = format!("Bearer {token}");
        let headers = [("content-type", "application/sdp"), ("authorization", bearer.as_str())];
        let created = request("POST", url, &headers, &offer).await?;
        if created.status != 201 {
            return Err(LoadError::Answered(created.status, created.body));
        }
        let location = created.header("location").unwrap_or_default();
        let resource =
            if location.starts_with('/') { format!("{}{location}", origin(url)) } else { location.to_owned() };
        peer.answer(&created.body).await?;
        sending.agree().await?;
        let session = Self { peer, sending, created, resource, token: token.to_owned() };
        session.connected().await?;
        Ok(session)
    }

    async fn connected(&self) -> Result<(), LoadError> {
        let mut standing = self.peer.standing.clone();
        let connected = standing.wait_for(|standing| standing.connected || standing.failed);
        let connected = timeout(PATIENCE, connected).await.ok().and_then(Result::ok).is_some_and(|it| it.connected);
        if connected { Ok(()) } else { Err(LoadError::Late("a connection", PATIENCE)) }
    }

    /// What the endpoint answered.
    pub fn created(&self) -> &HttpAnswer {
        &self.created
    }

    /// The URL of the session.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// What it sends.
    pub fn sending(&self) -> &Sending {
        &self.sending
    }

    /// The offer that stands.
    pub async fn offered(&self) -> String {
        self.peer.offered().await
    }

    /// Whether the connection is neither closed nor broken.
    pub fn is_there(&self) -> bool {
        !self.peer.standing.borrow().failed
    }

    /// A request to the session's resource with its token.
    pub async fn ask(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Result<HttpAnswer, LoadError> {
        let bearer = format!("Bearer {}", self.token);
        let all: Vec<(&str, &str)> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        Ok(request(method, &self.resource, &all, body).await?)
    }

    /// Begins ICE anew, as after a change of network; the answer to the `PATCH`.
    pub async fn restart(&self) -> Result<HttpAnswer, LoadError> {
        let (before, after) = (self.peer.offered().await, self.peer.restarted_offer().await?);
        let of_ice = |line: &&str| {
            ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"].iter().any(|attribute| line.starts_with(attribute))
        };
        let mut fragment = String::new();
        for line in after.lines().filter(of_ice) {
            fragment.push_str(line.trim_end());
            fragment.push_str("\r\n");
        }
        let headers = [("content-type", "application/trickle-ice-sdpfrag"), ("if-match", "\"*\"")];
        let answer = self.ask("PATCH", &headers, &fragment).await?;
        debug_assert_ne!(before, after);
        if answer.status == 200 {
            self.peer.answer(&with_ice_of(&self.created.body, &answer.body)).await?;
        }
        Ok(answer)
    }

    /// Ends it; the status of the answer.
    pub async fn end(self) -> Result<u16, LoadError> {
        Ok(self.ask("DELETE", &[], "").await?.status)
    }
}

/// The former answer with the ICE of a fragment.
fn with_ice_of(answer: &str, fragment: &str) -> String {
    let said = |attribute: &str| fragment.lines().find(|line| line.starts_with(attribute)).map(str::trim_end);
    let mut text = String::new();
    for line in answer.lines() {
        let attribute = ["a=ice-ufrag:", "a=ice-pwd:"].into_iter().find(|attribute| line.starts_with(attribute));
        text.push_str(attribute.and_then(said).unwrap_or_else(|| line.trim_end()));
        text.push_str("\r\n");
    }
    text
}
