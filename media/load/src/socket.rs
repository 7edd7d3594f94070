//! The media socket, seen from a client.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long the node may take to say the next thing that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Why the media socket does not do.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// It was refused with this status; the problem's code, if it has one.
    #[error("the media socket was refused: {0} {1}")]
    Refused(u16, String),
    /// It broke.
    #[error("the media socket: {0}")]
    Broken(Box<tungstenite::Error>),
    /// The node ended it.
    #[error("the node has closed the media socket ({0})")]
    Closed(u16),
    /// The node does not like what was said.
    #[error("the node says: {0}")]
    Told(Value),
}

impl From<tungstenite::Error> for SocketError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response) => {
                let problem: Value =
                    serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap_or_default();
                let code = problem["code"].as_str().unwrap_or_default().to_owned();
                Self::Refused(response.status().as_u16(), code)
            }
            error => Self::Broken(Box::new(error)),
        }
    }
}

/// An open media socket.
pub(crate) struct MediaSocket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl MediaSocket {
    /// Goes in with a media token.
    pub(crate) async fn open(url: &str, token: &str) -> Result<Self, SocketError> {
        let mut request = url.into_client_request()?;
        let protocols = format!("media, bearer.{token}");
        let protocols = protocols.parse().map_err(tungstenite::http::Error::from).map_err(tungstenite::Error::from)?;
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Self(socket))
    }

    pub(crate) async fn offer(&mut self, sdp: &str, tracks: &[(String, &str)]) -> Result<(), SocketError> {
        let tracks: Vec<Value> = tracks.iter().map(|(mid, source)| json!({ "mid": mid, "source": source })).collect();
        let frame = json!({ "id": "offer", "type": "offer", "sdp": sdp, "tracks": tracks });
        Ok(self.0.send(Message::text(frame.to_string())).await?)
    }

    pub(crate) async fn bye(&mut self) -> Result<(), SocketError> {
        let frame = json!({ "type": "bye", "reason": "left" });
        Ok(self.0.send(Message::text(frame.to_string())).await?)
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Result<Value, SocketError> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap_or_default();
                    return if frame["type"] == "error" { Err(SocketError::Told(frame)) } else { Ok(frame) };
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(SocketError::Closed(frame.map_or(1005, |frame| frame.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(SocketError::Closed(1006)),
            }
        }
    }
}
