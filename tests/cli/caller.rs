//! A client of the signaling sockets.

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::support::{Dev, PATIENCE};

/// One person on one device.
pub(crate) struct Caller(WebSocketStream<MaybeTlsStream<TcpStream>>, u64);

impl Caller {
    /// Connects with a token.
    pub(crate) async fn on(dev: &Dev, token: &str) -> Self {
        let url = format!("{}/qss", dev.http().replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", format!("jt, bearer.{token}").parse().unwrap());
        let mut caller = Self(connect_async(request).await.unwrap().0, 0);
        caller.until(|frame| frame["payload"]["eventName"] == "hello").await;
        caller
    }

    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("something comes").unwrap().unwrap();
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// The payload of the next notice of this name; others are passed over.
    pub(crate) async fn notice(&mut self, name: &str) -> Value {
        self.until(|frame| frame["payload"]["eventName"] == name).await["payload"]["payload"].clone()
    }

    async fn ask(&mut self, name: &str, payload: Value) -> Value {
        self.1 += 1;
        let request = json!({ "request": name, "requestID": format!("{name}-{}", self.1), "payload": payload });
        self.0.send(Message::text(request.to_string())).await.unwrap();
        self.until(|frame| frame["requestID"] == request["requestID"]).await
    }

    /// The answer to a request that must not be refused.
    pub(crate) async fn done(&mut self, name: &str, payload: Value) -> Value {
        let answer = self.ask(name, payload).await;
        assert!(answer.get("errorCode").is_none(), "{answer}");
        answer
    }

    /// The refusal of a request that must be.
    pub(crate) async fn refused(&mut self, name: &str, payload: Value) -> Value {
        let answer = self.ask(name, payload).await;
        assert!(answer.get("errorCode").is_some(), "{answer}");
        answer
    }
}

/// Sound alone.
pub(crate) fn media() -> Value {
    json!({ "audio": true, "video": false })
}
