//! QSS: calls over a socket. What a frame means is for [`wac_signaling`].

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use wac_events::Position;
use wac_signaling::{Peer, Received};

use super::Close;
use super::conversation::{Dialect, Reply};
use super::outbox::Message;
use super::session::Person;
use super::socket::Socket;
use crate::Platform;

/// The signaling side of one socket.
pub(super) struct Qss {
    platform: Platform,
    socket: Arc<Socket>,
    person: Person,
}

impl Qss {
    /// For a socket that is attached.
    pub(super) fn new(platform: Platform, socket: Arc<Socket>, person: Person) -> Self {
        Self { platform, socket, person }
    }

    async fn answer(&self, text: &str) -> Result<Reply, Close> {
        let caller = self.person.present(&self.platform).await?;
        let peer = Peer {
            user: self.socket.user.clone(),
            session: self.socket.session.clone(),
            domain: caller.domain.clone(),
            role: caller.role,
            node: self.platform.sockets.node.id(),
        };
        Ok(match self.platform.sockets.signaling.receive(&peer, text).await {
            Received::Answer { text, position } => Reply::Answer { text, position },
            Received::Malformed { text } => Reply::Malformed { text },
        })
    }
}

impl Dialect for Qss {
    fn begin(&self) -> BoxFuture<'_, Result<(), Close>> {
        async { Ok(()) }.boxed()
    }

    fn receive(self: Arc<Self>, text: Utf8Bytes) -> BoxFuture<'static, Reply> {
        async move { self.answer(&text).await.unwrap_or_else(Reply::End) }.boxed()
    }

    fn missed(&self, after: Position, until: Position) -> BoxFuture<'_, Result<Option<Vec<Message>>, Close>> {
        self.platform.missed_from_log(&self.socket, after, until).map(|missed| missed.map(Some)).boxed()
    }
}
