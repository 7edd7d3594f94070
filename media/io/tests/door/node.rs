//! A node around a log in memory, and sockets to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use wac_commands::{Command, CommandHandler, Context, Fact, Limits, Rejection, World};
use wac_events::room::{
    JoinReason, LeaveReason, ParticipantJoined, ParticipantLeft, RoomClosed, RoomCreated, RoomEnd, RoomKind,
};
use wac_events::{
    Actor, AnyEvent, CommandId, Environment as _, MasterKey, MediaEvent, Position, READ_EVENTS_MAX, ReadRequest,
    RoomEvent, RoomRef, StreamId, Time,
};
use wac_media_io::{BadToken, Claims, Figures, MediaConfig, MediaNode, MediaPorts, MediaSockets, TokenKey, VideoCodec};
use wac_store::{StoreOptions, SystemEnvironment};

use crate::socket::Socket;

const SECRET: &[u8] = b"secret of these tests";
const OPENING: &str = "opening";
const SCOPE: &str = "publish subscribe data";

/// Tells facts about the room, without rules.
struct Told(Vec<RoomEvent>);

fn room_stream() -> StreamId {
    RoomRef { domain: "domain".into(), id: "room".into() }.stream()
}

impl Command for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn reads(&self, _: &World) -> Vec<StreamId> {
        vec![room_stream()]
    }

    fn decide(&self, _: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
        let fact = |event: &RoomEvent| Fact::of(&"domain".into(), room_stream(), AnyEvent::from(event.clone()));
        Ok(self.0.iter().map(fact).collect())
    }
}

fn created() -> RoomEvent {
    RoomEvent::Created(RoomCreated {
        room: "room".into(),
        opening: OPENING.into(),
        domain: "domain".into(),
        kind: RoomKind::Call,
        creator: "alice".into(),
        owner: None,
        acl: Vec::new(),
        record: false,
        participants_limit: 10,
        bitrate_kbps: 1_024,
        owner_succeeds: false,
        hard_mute: false,
        counted: false,
        at: Time::EPOCH,
    })
}

pub(crate) fn joined(name: &str) -> RoomEvent {
    RoomEvent::ParticipantJoined(ParticipantJoined {
        room: "room".into(),
        opening: OPENING.into(),
        seat: 1,
        user: name.into(),
        session: format!("session-{name}").into(),
        via: JoinReason::Joined,
        invite: None,
        at: Time::EPOCH,
    })
}

pub(crate) fn left(name: &str, reason: LeaveReason) -> RoomEvent {
    RoomEvent::ParticipantLeft(ParticipantLeft {
        room: "room".into(),
        opening: OPENING.into(),
        seat: 1,
        user: name.into(),
        session: format!("session-{name}").into(),
        reason,
        by: None,
        at: Time::EPOCH,
    })
}

pub(crate) fn closed() -> RoomEvent {
    let (room, opening) = ("room".into(), OPENING.into());
    RoomEvent::Closed(RoomClosed { room, opening, reason: RoomEnd::Closed, by: None, at: Time::EPOCH })
}

pub(crate) struct Node {
    node: MediaNode,
    handler: CommandHandler,
    address: SocketAddr,
    media: SocketAddr,
}

impl Node {
    /// With the room open and nobody in it.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, set to something else.
    pub(crate) async fn start_with(change: impl FnOnce(&mut MediaConfig)) -> Self {
        let handler = log().await;
        let node = Self::around(handler, change).await;
        node.tell(created()).await;
        node
    }

    /// The room was opened, and this happened in it, before the node started.
    pub(crate) async fn start_late(before: RoomEvent) -> Self {
        let handler = log().await;
        execute(&handler, vec![created(), before]).await;
        Self::around(handler, |_| {}).await
    }

    async fn around(handler: CommandHandler, change: impl FnOnce(&mut MediaConfig)) -> Self {
        let sockets = MediaSockets::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let media = sockets.address().unwrap();
        let mut config = MediaConfig {
            name: "test".to_owned(),
            address: media,
            video: VideoCodec::Vp8,
            auto_video: 16,
            peers_max: 10,
            rooms_max: 10,
            participants_max: 10,
            bandwidth_max: 0,
            publisher_max: 0,
            idle_timeout: Duration::from_secs(30),
            joins_per_second: 20,
            ice_servers: vec!["stun:stun.example:3478".to_owned()],
        };
        change(&mut config);
        let ports = MediaPorts::of_log(&TokenKey::derive(SECRET), handler.log().clone(), handler.clone());
        let node = MediaNode::start(sockets, config, ports).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = node.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { node, handler, address, media }
    }

    pub(crate) async fn tell(&self, event: RoomEvent) {
        execute(&self.handler, vec![event]).await;
    }

    pub(crate) fn token(&self, user: &str, jti: &str, seconds: i64) -> String {
        self.token_by(SECRET, user, jti, seconds)
    }

    pub(crate) fn token_by(&self, secret: &[u8], user: &str, jti: &str, seconds: i64) -> String {
        sign(secret, OPENING, SCOPE, user, jti, seconds)
    }

    pub(crate) fn token_for(&self, opening: &str, user: &str, jti: &str) -> String {
        sign(SECRET, opening, SCOPE, user, jti, 60)
    }

    /// For somebody who may do only this.
    pub(crate) fn token_with(&self, scope: &str, user: &str, jti: &str) -> String {
        sign(SECRET, OPENING, scope, user, jti, 60)
    }

    /// What has passed it.
    pub(crate) fn figures(&self) -> Figures {
        self.node.load().figures()
    }

    /// What the log has of its media sessions.
    pub(crate) async fn told_of_media(&self) -> Vec<MediaEvent> {
        let everything =
            ReadRequest { after: Position::START, before: None, filter: Default::default(), limit: READ_EVENTS_MAX };
        let page = self.handler.log().read(everything).await.unwrap();
        let decoded = page.events.iter().map(|event| AnyEvent::decode_recorded(event).unwrap());
        let media = decoded.filter_map(|event| match event {
            AnyEvent::MediaSession(event) => Some(event),
            _ => None,
        });
        media.collect()
    }

    /// How many it has not let in because of their tokens.
    pub(crate) fn bad_tokens(&self) -> [u64; BadToken::ALL.len()] {
        BadToken::ALL.map(|why| self.node.load().bad_tokens(why))
    }

    /// How many media sessions it has.
    pub(crate) fn sessions(&self) -> u64 {
        self.node.load().sessions()
    }

    /// Where its media port is.
    pub(crate) fn media_address(&self) -> SocketAddr {
        self.media
    }

    pub(crate) fn media_url(&self) -> String {
        format!("ws://{}/media", self.address)
    }

    /// Of WHIP and WHEP.
    pub(crate) fn http_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn enter(&self, token: &str) -> Result<Socket, tungstenite::Error> {
        let mut request = self.media_url().into_client_request().unwrap();
        let protocols = format!("media, bearer.{token}");
        request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
        let (socket, response) = tokio_tungstenite::connect_async(request).await?;
        assert_eq!(response.headers()["sec-websocket-protocol"], "media", "the token is not sent back");
        Ok(Socket::new(socket))
    }

    /// The status and code of a refusal.
    pub(crate) async fn refusal(&self, token: Option<&str>) -> (u16, String) {
        let header = token.map(|token| ("authorization", format!("Bearer {token}")));
        self.refusal_of(header.as_slice()).await
    }

    /// The same of a request with these fields.
    pub(crate) async fn refusal_of(&self, fields: &[(&'static str, String)]) -> (u16, String) {
        let mut request = self.media_url().into_client_request().unwrap();
        for (name, value) in fields {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Err(tungstenite::Error::Http(response)) => {
                let body: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
                (response.status().as_u16(), body["code"].as_str().unwrap().to_owned())
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) async fn stop(self) {
        self.node.stop().await;
    }
}

async fn log() -> CommandHandler {
    let stores = wac_store::open("memory:", StoreOptions::new(MasterKey::new([7; 32]))).await.unwrap();
    CommandHandler::new(stores.log.clone(), stores.keys.clone(), Arc::new(SystemEnvironment), Limits::default())
}

async fn execute(handler: &CommandHandler, events: Vec<RoomEvent>) {
    let id = CommandId::derived("test", &SystemEnvironment.new_uuid().to_string());
    let ctx = Context::new(SystemEnvironment.now(), Actor::System("test".to_owned()), id);
    handler.execute(&Told(events), ctx).await.unwrap();
}

fn sign(secret: &[u8], opening: &str, scope: &str, user: &str, jti: &str, seconds: i64) -> String {
    TokenKey::derive(secret).sign(&Claims {
        opening: opening.into(),
        domain: "domain".into(),
        room: "room".into(),
        user: user.into(),
        session: format!("session-{user}").into(),
        scope: scope.to_owned(),
        exp: SystemEnvironment.now().millis() / 1_000 + seconds,
        jti: jti.to_owned(),
    })
}
