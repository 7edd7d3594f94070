//! A media socket of a client that says what it likes.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Socket")
    }
}

impl Socket {
    pub(crate) fn new(socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        Self(socket)
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    async fn message(&mut self) -> Message {
        tokio::time::timeout(PATIENCE, self.0.next()).await.expect("in time").expect("a message").unwrap()
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            match self.message().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("no frame: {other:?}"),
            }
        }
    }

    /// The frame that answers the one of this id.
    pub(crate) async fn answer(&mut self, id: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["id"] == id {
                return frame;
            }
        }
    }

    /// The code of the next error.
    pub(crate) async fn error(&mut self) -> String {
        loop {
            let frame = self.frame().await;
            if frame["type"] == "error" {
                return frame["code"].as_str().unwrap().to_owned();
            }
        }
    }

    /// The reason of the node's `bye`.
    pub(crate) async fn bye(&mut self) -> String {
        loop {
            let frame = self.frame().await;
            if frame["type"] == "bye" {
                return frame["reason"].as_str().unwrap().to_owned();
            }
        }
    }

    /// The code of the node's close frame.
    pub(crate) async fn close(&mut self) -> u16 {
        loop {
            if let Message::Close(Some(frame)) = self.message().await {
                return frame.code.into();
            }
        }
    }
}
