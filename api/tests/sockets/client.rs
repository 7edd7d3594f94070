//! A client of the sockets, and the ports it connects to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};
use wac_api::Platform;

/// Nothing here takes longer on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Serves routes on loopback until the test ends.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    serve_on(TcpSocket::new_v4().unwrap(), router)
}

/// The same through connections that hold little of what is not read.
pub(crate) async fn narrow_node(platform: &Platform) -> SocketAddr {
    platform.start_node().await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(4_096).unwrap();
    serve_on(socket, wac_api::router(platform.clone()))
}

fn serve_on(socket: TcpSocket, router: Router) -> SocketAddr {
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1_024).unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// Serves a platform's public interface, and makes it known as a node.
pub(crate) async fn node(platform: &Platform) -> SocketAddr {
    platform.start_node().await.unwrap();
    serve(wac_api::router(platform.clone())).await
}

/// What to connect with.
#[derive(Clone, Default)]
pub(crate) struct How<'a> {
    pub(crate) path: &'a str,
    pub(crate) protocols: Vec<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl<'a> How<'a> {
    /// As browsers do it.
    pub(crate) fn browser(path: &'a str, protocol: &str, token: &str) -> Self {
        let protocols = vec![protocol.to_owned(), format!("bearer.{token}")];
        Self { path, protocols, headers: Vec::new() }
    }
}

/// One socket.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What came while something else was waited for.
    waiting: VecDeque<Value>,
    pub(crate) hello: Value,
    /// The greatest position seen.
    pub(crate) position: u64,
    next_id: u64,
    prefix: String,
    wapi: bool,
}

fn request(address: SocketAddr, how: How<'_>) -> Request<()> {
    let mut request = format!("ws://{address}{}", how.path).into_client_request().unwrap();
    if !how.protocols.is_empty() {
        request.headers_mut().insert("sec-websocket-protocol", how.protocols.join(", ").parse().unwrap());
    }
    for (name, value) in how.headers {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

/// Connects, or says with which status it was refused.
pub(crate) async fn open(address: SocketAddr, how: How<'_>) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, u16> {
    match timeout(PATIENCE, connect_async(request(address, how))).await.unwrap() {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("neither connected nor refused: {error}"),
    }
}

impl Client {
    /// Connects and takes the greeting.
    pub(crate) async fn connect(address: SocketAddr, how: How<'_>) -> Self {
        let wapi = how.path.starts_with("/wapi");
        Self::greeted(open(address, how).await.unwrap(), wapi).await
    }

    async fn greeted(socket: WebSocketStream<MaybeTlsStream<TcpStream>>, wapi: bool) -> Self {
        let (waiting, hello) = (VecDeque::new(), Value::Null);
        let prefix = uuid::Uuid::new_v4().simple().to_string();
        let mut client = Self { socket, waiting, hello, position: 0, next_id: 0, prefix, wapi };
        client.hello = client.notice("hello").await;
        client
    }

    /// A signaling socket.
    pub(crate) async fn qss(address: SocketAddr, token: &str) -> Self {
        Self::connect(address, How::browser("/qss", "jt", token)).await
    }

    /// A signaling socket that goes on where another one ended.
    pub(crate) async fn resume(address: SocketAddr, token: &str, position: u64) -> Self {
        Self::connect(address, How::browser(&format!("/qss?position={position}"), "jt", token)).await
    }

    /// A resource socket.
    pub(crate) async fn wapi(address: SocketAddr, token: &str) -> Self {
        Self::connect(address, How::browser("/wapi", "wapi", token)).await
    }

    /// A signaling socket whose side of the connection holds little that is not read.
    pub(crate) async fn slow(address: SocketAddr, token: &str) -> Self {
        Self::slow_at(address, How::browser("/qss", "jt", token)).await
    }

    /// The same, going on where another one ended.
    pub(crate) async fn slow_resume(address: SocketAddr, token: &str, position: u64) -> Self {
        Self::slow_at(address, How::browser(&format!("/qss?position={position}"), "jt", token)).await
    }

    async fn slow_at(address: SocketAddr, how: How<'_>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(address).await.unwrap();
        let (socket, _) = client_async(request(address, how), MaybeTlsStream::Plain(stream)).await.unwrap();
        Self::greeted(socket, false).await
    }

    pub(crate) fn user(&self) -> &str {
        self.hello["userId"].as_str().unwrap()
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    pub(crate) async fn send_json(&mut self, frame: Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    /// The next frame, or the code the socket was closed with.
    async fn next(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => return Ok(self.seen(serde_json::from_str(&text).unwrap())),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// Positions never fall, whatever bears them.
    fn seen(&mut self, frame: Value) -> Value {
        if let Some(position) = frame["position"].as_u64() {
            assert!(position >= self.position, "the position fell from {} to {position}: {frame}", self.position);
            self.position = position;
        }
        frame
    }

    /// The next frame that `wanted` takes; others are kept for later.
    pub(crate) async fn take(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.waiting.iter().position(&wanted) {
            return self.waiting.remove(place).unwrap();
        }
        loop {
            let frame = self.next().await.expect("the socket goes on");
            if wanted(&frame) {
                return frame;
            }
            self.waiting.push_back(frame);
        }
    }

    /// The payload of the next notice of this name.
    pub(crate) async fn notice(&mut self, name: &str) -> Value {
        self.take(|frame| frame["payload"]["eventName"] == name).await["payload"]["payload"].clone()
    }

    /// The next push about a resource.
    pub(crate) async fn push(&mut self, url: &str) -> Value {
        self.take(|frame| frame["url"] == url && frame.get("id").is_none()).await
    }

    /// The answer to a request under an id of its own.
    pub(crate) async fn ask(&mut self, request: &str, payload: Value) -> Value {
        self.next_id += 1;
        let id = format!("{}-{}", self.prefix, self.next_id);
        self.ask_as(&id, request, payload).await
    }

    /// The answer to a request under this id.
    pub(crate) async fn ask_as(&mut self, id: &str, request: &str, payload: Value) -> Value {
        self.send_json(json!({ "request": request, "requestID": id, "payload": payload })).await;
        self.take(|frame| frame["requestID"] == id).await
    }

    /// The answer to a request that must not be refused.
    pub(crate) async fn done(&mut self, request: &str, payload: Value) -> Value {
        let answer = self.ask(request, payload).await;
        assert!(answer.get("errorCode").is_none(), "{answer}");
        answer
    }

    /// The answer to a request over WAPI.
    pub(crate) async fn rest(&mut self, method: &str, url: &str, body: Option<Value>) -> Value {
        self.next_id += 1;
        let id = format!("{}-{}", self.prefix, self.next_id);
        let mut frame = json!({ "id": id, "method": method, "url": url });
        if let Some(body) = body {
            frame["body"] = body;
        }
        self.send_json(frame).await;
        self.take(|frame| frame["id"] == id.as_str()).await
    }

    /// The names of the notices that have come of all that has happened so far.
    pub(crate) async fn heard(&mut self) -> Vec<String> {
        let name = |frame: Value| frame["payload"]["eventName"].as_str().or(frame["url"].as_str()).map(str::to_owned);
        self.heard_whole().await.into_iter().filter_map(name).collect()
    }

    /// What has come of all that has happened so far: whatever stands in the log before a change is
    /// told before the change is answered.
    pub(crate) async fn heard_whole(&mut self) -> Vec<Value> {
        let marker = if self.wapi {
            let token = json!({ "token": format!("{}-{}", self.prefix, self.next_id), "tokenType": "fcm" });
            self.rest("PUT", "/pushtokens", Some(token)).await
        } else {
            self.done("createRoom", json!({})).await
        };
        assert!(marker["position"].is_u64(), "{marker}");
        self.drain()
    }

    /// What has been read and not been asked for.
    pub(crate) fn drain(&mut self) -> Vec<Value> {
        self.waiting.drain(..).collect()
    }

    /// Reads for a while, so that pings are answered.
    pub(crate) async fn listen(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(Some(Ok(message))) = timeout_at(until, self.socket.next()).await {
            if let Message::Text(text) = message {
                let frame = self.seen(serde_json::from_str(&text).unwrap());
                self.waiting.push_back(frame);
            }
        }
    }

    /// The code with which the server closes the socket.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                Ok(frame) => self.waiting.push_back(frame),
                Err(code) => return code,
            }
        }
    }

    /// Says goodbye.
    pub(crate) async fn goodbye(mut self) {
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame { code: 1000.into(), reason: "".into() };
        self.socket.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// The connection is cut without a word.
    pub(crate) fn cut(self) {
        drop(self);
    }
}

/// The code with which the server closes a socket.
pub(crate) async fn close_code(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> u16 {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("something comes") {
            Some(Ok(Message::Close(frame))) => return frame.map_or(1005, |frame| frame.code.into()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return 1006,
        }
    }
}
