//! One client: a device with a signaling socket, which sees when what it waits for arrives.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// What is waited for longer than this is lost.
pub(in crate::bench) const PATIENCE: Duration = Duration::from_secs(20);
/// Connections from one address before the next one is taken. The kernel has about 28,000 ports for each, but looks
/// for a free one by trying them one after the other: with thousands taken a `bind` costs it milliseconds.
const PORTS_OF_ONE_ADDRESS: usize = 1_000;
/// A client's own buffer; frames are small.
const BUFFER_BYTES: usize = 1_024;

type Socket = WebSocketStream<TcpStream>;
type Waiting = Mutex<HashMap<String, oneshot::Sender<Arrival>>>;

/// Something that was waited for has come.
#[derive(Debug)]
pub(in crate::bench) struct Arrival {
    /// When.
    pub(in crate::bench) at: Instant,
    /// The frame, or what of it says who rings where.
    pub(in crate::bench) frame: Frame,
}

/// What of a frame matters here.
#[derive(Deserialize, Debug, Default)]
pub(in crate::bench) struct Frame {
    answer: Option<String>,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    #[serde(rename = "errorCode")]
    error_code: Option<u16>,
    position: Option<u64>,
    /// `createRoom`: the room.
    pub(in crate::bench) id: Option<String>,
    /// `createRoom`, `joinRoom`: what lets this device into the room's media.
    pub(in crate::bench) token: Option<String>,
    payload: Option<Notice>,
}

#[derive(Deserialize, Debug, Default)]
struct Notice {
    #[serde(rename = "eventName")]
    name: Option<String>,
    payload: Option<Told>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase")]
struct Told {
    room_id: Option<String>,
    invite_id: Option<String>,
    #[serde(default)]
    resumed: bool,
}

impl Frame {
    /// The invitation a notice is about.
    pub(in crate::bench) fn invite(&self) -> Option<&str> {
        self.payload.as_ref()?.payload.as_ref()?.invite_id.as_deref()
    }

    fn resumed(&self) -> bool {
        self.payload.as_ref().and_then(|notice| notice.payload.as_ref()).is_some_and(|told| told.resumed)
    }

    /// By what somebody waits for it: the request's id, or the notice's name and room.
    fn key(&self) -> Option<String> {
        if let Some(id) = &self.request_id {
            return Some(id.clone());
        }
        let notice = self.payload.as_ref()?;
        let name = notice.name.as_deref()?;
        let room = notice.payload.as_ref().and_then(|told| told.room_id.as_deref()).unwrap_or_default();
        Some(notice_key(name, room))
    }
}

fn notice_key(name: &str, room: &str) -> String {
    format!("{name} {room}")
}

/// A connected client.
pub(in crate::bench) struct Client {
    sink: tokio::sync::Mutex<SplitSink<Socket, Message>>,
    waiting: Arc<Waiting>,
    position: Arc<AtomicU64>,
    next_id: AtomicU64,
    reading: JoinHandle<()>,
    /// Whether it goes on where it was.
    pub(in crate::bench) resumed: bool,
}

/// How a client comes in.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Entry<'a> {
    /// The server.
    pub(in crate::bench) server: SocketAddr,
    /// `/qss` or `/wapi`.
    pub(in crate::bench) path: &'a str,
    /// The subprotocol.
    pub(in crate::bench) protocol: &'a str,
    /// The access token.
    pub(in crate::bench) token: &'a str,
    /// Where it goes on.
    pub(in crate::bench) position: Option<u64>,
    /// Its number, by which it gets its own address.
    pub(in crate::bench) number: usize,
}

impl<'a> Entry<'a> {
    /// A signaling socket.
    pub(in crate::bench) fn qss(server: SocketAddr, token: &'a str, number: usize) -> Self {
        Self { server, path: "/qss", protocol: "jt", token, position: None, number }
    }

    async fn socket(&self) -> Result<Socket> {
        let socket = TcpSocket::new_v4()?;
        if self.server.ip().is_loopback() {
            // All of 127.0.0.0/8 is this machine.
            let host = u8::try_from(self.number / PORTS_OF_ONE_ADDRESS + 1).unwrap_or(u8::MAX);
            socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host)), 0))?;
        }
        let stream = socket.connect(self.server).await?;
        stream.set_nodelay(true)?;
        let query = self.position.map(|position| format!("?position={position}")).unwrap_or_default();
        let mut request = format!("ws://{}{}{query}", self.server, self.path).into_client_request()?;
        let protocols = format!("{}, bearer.{}", self.protocol, self.token);
        request.headers_mut().insert("sec-websocket-protocol", protocols.parse()?);
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
        Ok(client_async_with_config(request, stream, Some(config)).await?.0)
    }
}

impl Client {
    /// Connects and waits for the greeting.
    pub(in crate::bench) async fn connect(entry: Entry<'_>) -> Result<Self> {
        let entering = async {
            let mut socket = entry.socket().await?;
            loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Frame = serde_json::from_str(&text)?;
                        return Ok::<_, anyhow::Error>((socket, frame));
                    }
                    Some(Ok(Message::Close(frame))) => bail!("closed: {frame:?}"),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => bail!("cut off before the greeting"),
                }
            }
        };
        let (socket, greeting) = tokio::time::timeout(PATIENCE, entering).await.context("no greeting in time")??;
        let (sink, stream) = socket.split();
        let waiting: Arc<Waiting> = Arc::default();
        let position = Arc::new(AtomicU64::new(greeting.position.unwrap_or(0)));
        let reading = tokio::spawn(read(stream, waiting.clone(), position.clone()));
        let sink = tokio::sync::Mutex::new(sink);
        Ok(Self { sink, waiting, position, next_id: AtomicU64::new(0), reading, resumed: greeting.resumed() })
    }

    /// The last position it has seen.
    pub(in crate::bench) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// Waits from now on for a notice about a room.
    pub(in crate::bench) fn expect(&self, name: &str, room: &str) -> oneshot::Receiver<Arrival> {
        self.wait_for(notice_key(name, room))
    }

    fn wait_for(&self, key: String) -> oneshot::Receiver<Arrival> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(key, sender);
        receiver
    }

    /// Sends a request; its answer comes by itself.
    pub(in crate::bench) async fn send(&self, name: &str, payload: Value) -> Result<oneshot::Receiver<Arrival>> {
        // Ids belong to the user, and so does the time: no two runs share one.
        let number = self.next_id.fetch_add(1, Ordering::Relaxed);
        let id = format!("{number}-{}", uuid::Uuid::new_v4().simple());
        let answer = self.wait_for(id.clone());
        let request = json!({ "request": name, "requestID": id, "payload": payload });
        self.sink.lock().await.send(Message::text(request.to_string())).await?;
        Ok(answer)
    }

    /// Sends a request and waits for its answer, which must not be a refusal.
    pub(in crate::bench) async fn ask(&self, name: &str, payload: Value) -> Result<Arrival> {
        arrived(name, self.send(name, payload).await?).await
    }

    /// Goes without a word, as a device does whose network is gone.
    pub(in crate::bench) fn cut(self) {
        self.reading.abort();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Waits for something, and fails if it is a refusal or does not come in time.
pub(in crate::bench) async fn arrived(what: &str, receiver: oneshot::Receiver<Arrival>) -> Result<Arrival> {
    let arrival = tokio::time::timeout(PATIENCE, receiver).await;
    let arrival = arrival.map_err(|_| anyhow!("{what}: nothing came in time"))?;
    let arrival = arrival.map_err(|_| anyhow!("{what}: the socket was closed"))?;
    match arrival.frame.error_code {
        Some(code) => bail!("{} was refused with {code}", arrival.frame.answer.as_deref().unwrap_or(what)),
        None => Ok(arrival),
    }
}

async fn read(mut stream: SplitStream<Socket>, waiting: Arc<Waiting>, position: Arc<AtomicU64>) {
    while let Some(Ok(message)) = stream.next().await {
        let at = Instant::now();
        let Message::Text(text) = message else { continue };
        let Ok(frame) = serde_json::from_str::<Frame>(&text) else { continue };
        position.fetch_max(frame.position.unwrap_or(0), Ordering::Relaxed);
        let Some(key) = frame.key() else { continue };
        let waiter = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        if let Some(waiter) = waiter {
            waiter.send(Arrival { at, frame }).ok();
        }
    }
    // Whoever waits hears that nothing comes any more.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
