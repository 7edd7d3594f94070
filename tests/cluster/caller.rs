//! A client that calls, and goes on elsewhere when its node is gone.

use std::collections::{BTreeSet, VecDeque};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::audit::Acknowledged;
use super::nodes::{Node, PATIENCE};

/// One person on one device.
pub(crate) struct Caller {
    token: String,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    notices: VecDeque<Value>,
    pub(crate) hello: Value,
    pub(crate) position: u64,
    next_id: u64,
    /// What was answered as done.
    pub(crate) acknowledged: BTreeSet<Acknowledged>,
}

async fn connect(node: &Node, token: &str, position: Option<u64>) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let query = position.map(|position| format!("?position={position}")).unwrap_or_default();
    let mut request = format!("{}/{query}", node.qss).into_client_request().unwrap();
    let protocols = format!("jt, bearer.{token}");
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    timeout(PATIENCE, connect_async(request)).await.unwrap().unwrap().0
}

impl Caller {
    pub(crate) async fn on(node: &Node, name: &str) -> Self {
        let token = node.login(name, name).await;
        let socket = connect(node, &token, None).await;
        let (notices, acknowledged) = (VecDeque::new(), BTreeSet::new());
        let mut caller = Self { token, socket, notices, hello: Value::Null, position: 0, next_id: 0, acknowledged };
        caller.hello = caller.notice("hello").await;
        caller
    }

    /// Goes on where it was, on another node.
    pub(crate) async fn go_on(&mut self, node: &Node) {
        self.socket = connect(node, &self.token, Some(self.position)).await;
        self.hello = self.notice("hello").await;
        assert_eq!(self.hello["resumed"], true);
    }

    async fn next(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if let Some(position) = frame["position"].as_u64() {
                        assert!(position >= self.position, "the position fell: {frame}");
                        self.position = position;
                    }
                    return Ok(frame);
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The payload of the next notice of this name.
    pub(crate) async fn notice(&mut self, name: &str) -> Value {
        let named = |frame: &Value| frame["payload"]["eventName"] == name;
        if let Some(place) = self.notices.iter().position(named) {
            return self.notices.remove(place).unwrap()["payload"]["payload"].clone();
        }
        loop {
            let frame = self.next().await.unwrap_or_else(|code| panic!("closed with {code} before {name}"));
            if named(&frame) {
                return frame["payload"]["payload"].clone();
            }
            self.notices.push_back(frame);
        }
    }

    /// The code with which the socket is closed.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                Ok(frame) => self.notices.push_back(frame),
                Err(code) => return code,
            }
        }
    }

    /// A request under an id of its own, which may be sent again.
    pub(crate) fn request(&mut self, name: &str, payload: Value) -> Value {
        self.next_id += 1;
        let session = self.hello["sessionId"].as_str().unwrap();
        json!({ "request": name, "requestID": format!("{session}-{}", self.next_id), "payload": payload })
    }

    /// Sends a request; the answer, if the connection lasts.
    pub(crate) async fn try_ask(&mut self, request: &Value) -> Option<Value> {
        self.socket.send(Message::text(request.to_string())).await.ok()?;
        loop {
            let frame = self.next().await.ok()?;
            if frame["requestID"] == request["requestID"] {
                self.note(&frame);
                return Some(frame);
            }
            self.notices.push_back(frame);
        }
    }

    /// Remembers what was answered as done.
    fn note(&mut self, answer: &Value) {
        if answer.get("errorCode").is_none() && answer["answer"] != "listParticipants" {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            self.acknowledged.insert(Acknowledged {
                user: text(&self.hello["userId"]),
                request: text(&answer["answer"]),
                id: text(&answer["requestID"]),
                position: answer["position"].as_u64(),
            });
        }
    }

    /// The answer to a request that must not be refused.
    pub(crate) async fn done(&mut self, name: &str, payload: Value) -> Value {
        let request = self.request(name, payload);
        let answer = self.try_ask(&request).await.unwrap();
        assert!(answer.get("errorCode").is_none(), "{answer}");
        answer
    }
}
