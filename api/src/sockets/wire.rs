//! The WebSocket itself: small buffers, bounded frames, and a close that is heard.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::Close;
use super::limits::{CLOSE_PATIENCE, DISCARDED_BYTES_MAX, READ_BUFFER_BYTES};

/// What has come in.
pub(super) enum Heard {
    /// A text frame.
    Text(Utf8Bytes),
    /// A sign of life.
    Alive,
    /// It is over, or must be.
    End(Close),
}

/// One WebSocket.
pub(super) struct Wire(WebSocketStream<TokioIo<Upgraded>>);

impl Wire {
    /// Over a connection that has been upgraded. `frame_bytes_max`: the largest message taken.
    pub(super) async fn new(upgraded: Upgraded, frame_bytes_max: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(frame_bytes_max))
            .max_frame_size(Some(frame_bytes_max));
        Self(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await)
    }

    /// The next thing heard.
    pub(super) async fn hear(&mut self) -> Heard {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Heard::Text(text),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Heard::Alive,
            Some(Ok(Message::Binary(_))) => Heard::End(Close::Malformed("binary frame")),
            Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Normal => Heard::End(Close::Goodbye),
            Some(Err(Error::Capacity(_))) => Heard::End(Close::FrameTooLarge),
            Some(Err(Error::Utf8(_))) => Heard::End(Close::Malformed("not UTF-8")),
            Some(Err(Error::Protocol(_))) => Heard::End(Close::Malformed("not WebSocket")),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Heard::End(Close::Gone),
        }
    }

    /// Sends a text; whether it could be sent. May be dropped and something else sent.
    pub(super) async fn send(&mut self, text: Utf8Bytes) -> bool {
        self.0.send(Message::Text(text)).await.is_ok()
    }

    /// Sends a ping; whether it could be sent.
    pub(super) async fn ping(&mut self) -> bool {
        self.0.send(Message::Ping(Bytes::new())).await.is_ok()
    }

    /// Says why, and lets the peer hear it.
    pub(super) async fn close(mut self, close: &Close) {
        let farewell = async {
            if let Some(code) = close.code() {
                let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(close.reason()) };
                // The peer's own close frame has been answered already; then this fails.
                let _ = self.0.send(Message::Close(Some(frame))).await;
            }
            match close {
                Close::FrameTooLarge => self.discard().await,
                _ => while let Some(Ok(_)) = self.0.next().await {},
            }
        };
        let _ = timeout(CLOSE_PATIENCE, farewell).await;
    }

    /// Reads on for a while: a connection closed over unread bytes is reset, and a reset overtakes
    /// the close frame.
    async fn discard(&mut self) {
        let io = self.0.get_mut();
        let mut buffer = vec![0; 16 * 1024];
        let mut discarded = 0;
        while let Ok(read @ 1..) = io.read(&mut buffer).await {
            discarded += read;
            if discarded > DISCARDED_BYTES_MAX {
                return;
            }
        }
    }
}
