//! The life of one socket: greeting, registration, what was missed, then requests one after the
//! other and notices as they come, until one side ends it.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use wac_events::Position;
use wac_signaling::SocketSettings;
use wac_signaling::wire::{Event, Hello, Limits, NoticeFrame};

use super::device::Registration;
use super::limits::{
    CLOSE_PATIENCE, HOLD_BACK_MAX, MALFORMED_FRAMES_MAX, RESUME_NOTICES_MAX, SEND_PATIENCE, TAIL_PATIENCE,
};
use super::outbox::Message;
use super::socket::{Kind, Socket};
use super::wire::{Heard, Wire};
use super::{Close, PROTOCOL_VERSION};
use crate::Platform;
use crate::allowance::Allowance;

/// What a frame comes to.
pub(super) enum Reply {
    /// An answer. With a position if something changed.
    Answer {
        /// The frame.
        text: String,
        /// Where the log stands after it; in the frame as `position`, too.
        position: Option<Position>,
    },
    /// The frame could not be read; this says why.
    Malformed {
        /// The frame.
        text: String,
    },
    /// The socket must end.
    End(Close),
}

/// What a protocol does with the frames of one socket.
pub(super) trait Dialect: Send + Sync + 'static {
    /// Before anything is said: what a socket follows from the start.
    fn begin(&self) -> BoxFuture<'_, Result<(), Close>>;

    /// Takes one frame.
    fn receive(self: Arc<Self>, text: Utf8Bytes) -> BoxFuture<'static, Reply>;

    /// A message with all that belongs into it. `None`: it is sent as it is.
    fn whole<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Option<Utf8Bytes>> {
        let _ = message;
        ready(None).boxed()
    }

    /// Reads from the log what was missed, at most [`RESUME_NOTICES_MAX`] notices and one more;
    /// `None`: this protocol does not.
    fn missed(&self, after: Position, until: Position) -> BoxFuture<'_, Result<Option<Vec<Message>>, Close>>;
}

/// A request on its way.
struct Running {
    reply: BoxFuture<'static, Reply>,
    since: Instant,
}

/// A socket and everything it needs.
pub(super) struct Conversation {
    platform: Platform,
    socket: Arc<Socket>,
    wire: Wire,
    dialect: Arc<dyn Dialect>,
    /// Everything beyond this is live.
    attached: Position,
    /// The greatest position sent.
    sent: Position,
    /// Everything up to there has been sent: what follows leaves no gap behind it.
    gapless: bool,
    heard: Instant,
    next_ping: Instant,
    next_use: Instant,
    allowance: Allowance,
    malformed: u32,
}

impl Conversation {
    /// Over a connection that has been upgraded, for a socket that is attached.
    pub(super) fn new(
        platform: Platform,
        (socket, attached): (Arc<Socket>, Position),
        wire: Wire,
        dialect: Arc<dyn Dialect>,
    ) -> Self {
        let now = Instant::now();
        let limits = &platform.config.signaling.sockets;
        let allowance = Allowance::new(limits.requests_per_second, limits.requests_burst, now);
        let next_ping = now + limits.ping_interval;
        let (sent, gapless, heard, next_use, malformed) = (Position::START, false, now, next_ping, 0);
        Self {
            platform,
            socket,
            wire,
            dialect,
            attached,
            sent,
            gapless,
            heard,
            next_ping,
            next_use,
            allowance,
            malformed,
        }
    }

    /// Runs it to its end.
    pub(super) async fn run(mut self, resume: Option<Position>) {
        let close = match Box::pin(self.open(resume)).await {
            Ok(()) => self.talk().await.unwrap_or_else(|close| close),
            Err(close) => close,
        };
        Box::pin(self.finish(close)).await;
    }

    fn settings(&self) -> &SocketSettings {
        &self.platform.config.signaling.sockets
    }

    async fn open(&mut self, resume: Option<Position>) -> Result<(), Close> {
        self.dialect.begin().await?;
        let missed = match resume {
            Some(after) => {
                let look = Look { platform: &self.platform, socket: &self.socket, dialect: &*self.dialect };
                look.back(after, self.attached).await?
            }
            None => None,
        };
        let resumed = missed.is_some();
        let position = match resume.filter(|_| resumed) {
            Some(after) => after,
            None => beginning(&self.platform).await?.max(self.attached),
        };
        self.socket.outbox.skip_to(position);
        self.say(Message::new(position, self.hello(position, resumed))).await?;
        let (kind, session) = (self.socket.kind.name(), &self.socket.session);
        tracing::debug!(socket.kind = kind, session.id = %session, resumed, "a client connected");
        let registration = Registration { resumed, ringable: self.socket.kind == Kind::Qss };
        self.platform.register(&self.socket, registration).await?;
        for message in missed.into_iter().flatten() {
            self.say(message).await?;
        }
        self.gapless = true;
        Ok(())
    }

    fn hello(&self, position: Position, resumed: bool) -> String {
        let settings = self.settings();
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let hello = Hello {
            session_id: self.socket.session.clone(),
            user_id: self.socket.user.clone(),
            node: self.platform.sockets.node.id(),
            protocol: PROTOCOL_VERSION,
            position,
            resumed,
            limits: Limits {
                max_frame: settings.frame_bytes_max,
                requests_per_second: settings.requests_per_second,
                requests_burst: settings.requests_burst,
                ping_interval: millis(settings.ping_interval),
                idle_timeout: millis(settings.idle_timeout),
                remove_after: millis(self.platform.config.signaling.rooms.remove_after),
                resume_window: millis(settings.resume_window),
            },
        };
        let text = serde_json::to_string(&NoticeFrame::new(position, &Event::Hello(hello)));
        text.expect("a greeting is plain JSON")
    }

    /// Sends one message; gives up when the socket is to end, or the reader takes too long.
    async fn say(&mut self, mut message: Message) -> Result<(), Close> {
        if message.conference.is_some()
            && let Some(text) = self.dialect.whole(&message).await
        {
            message.text = text;
        }
        let gapless = std::mem::replace(&mut self.gapless, false);
        let Self { platform, socket, wire, .. } = self;
        tokio::select! {
            biased;
            sent = wire.send(message.text) => if !sent { return Err(Close::Gone) },
            close = socket.outbox.ended() => return Err(close),
            () = platform.closing.cancelled() => return Err(Close::Restart),
            () = sleep(SEND_PATIENCE) => return Err(Close::TooSlow),
        }
        self.gapless = gapless;
        self.sent = self.sent.max(message.position);
        Ok(())
    }

    /// Ends with the reason.
    async fn talk(&mut self) -> Result<Close, Close> {
        let mut running: Option<Running> = None;
        loop {
            let held = running.as_ref().map(|running| running.since + HOLD_BACK_MAX);
            if held.is_none_or(|until| until <= Instant::now())
                && let Some(message) = self.socket.outbox.pop(None)
            {
                self.say(message).await?;
                continue;
            }
            if let Some(close) = self.socket.outbox.closed() {
                return Ok(close);
            }
            let wake = self.next_wake(held);
            let busy = running.is_some();
            let Self { platform, socket, wire, .. } = self;
            tokio::select! {
                () = platform.closing.cancelled() => return Ok(Close::Restart),
                () = socket.outbox.moved() => {}
                reply = finished(&mut running), if busy => {
                    running = None;
                    self.heard = Instant::now();
                    self.reply(reply).await?;
                }
                heard = wire.hear(), if !busy => running = self.take(heard)?,
                () = sleep_until(wake) => self.tick(busy).await?,
            }
        }
    }

    fn next_wake(&self, held: Option<Instant>) -> Instant {
        let idle = self.heard + self.settings().idle_timeout;
        let now = Instant::now();
        let wake = self.next_ping.min(held.filter(|until| *until > now).unwrap_or(self.next_ping));
        // While a request is on its way nothing is read, so silence means nothing.
        if held.is_some() { wake } else { wake.min(idle) }
    }

    /// Something was heard; a request is begun.
    fn take(&mut self, heard: Heard) -> Result<Option<Running>, Close> {
        let now = Instant::now();
        self.heard = now;
        let text = match heard {
            Heard::Alive => return Ok(None),
            Heard::End(close) => return Err(close),
            Heard::Text(text) => text,
        };
        if !self.allowance.take(now) {
            return Err(Close::TooManyRequests);
        }
        let (dialect, platform) = (self.dialect.clone(), self.platform.clone());
        let reply = async move {
            let reply = dialect.receive(text).await;
            seen_here(&platform, reply).await
        };
        Ok(Some(Running { reply: reply.boxed(), since: now }))
    }

    async fn reply(&mut self, reply: Reply) -> Result<(), Close> {
        match reply {
            Reply::Answer { text, position } => {
                self.malformed = 0;
                let text = match position {
                    Some(position) => self.in_order(text, position).await?,
                    None => text,
                };
                self.say(Message::new(position.unwrap_or(self.sent), text)).await
            }
            Reply::Malformed { text } => {
                self.say(Message::new(self.sent, text)).await?;
                self.malformed += 1;
                if self.malformed < MALFORMED_FRAMES_MAX { Ok(()) } else { Err(Close::Malformed("malformed frames")) }
            }
            Reply::End(close) => Err(close),
        }
    }

    /// Positions never fall: what came before the answer is told before it, and an answer of
    /// earlier (to a repeated request) bears the present position.
    async fn in_order(&mut self, text: String, position: Position) -> Result<String, Close> {
        while let Some(message) = self.socket.outbox.pop(Some(position)) {
            self.say(message).await?;
        }
        Ok(if position < self.sent { at_position(text, Some(self.sent)) } else { text })
    }

    async fn tick(&mut self, busy: bool) -> Result<(), Close> {
        let now = Instant::now();
        if !busy && now >= self.heard + self.settings().idle_timeout {
            return Err(Close::Idle);
        }
        if now < self.next_ping {
            return Ok(());
        }
        self.next_ping = now + self.settings().ping_interval;
        let Self { platform, socket, wire, .. } = self;
        tokio::select! {
            biased;
            sent = wire.ping() => if !sent { return Err(Close::Gone) },
            close = socket.outbox.ended() => return Err(close),
            () = platform.closing.cancelled() => return Err(Close::Restart),
            () = sleep(SEND_PATIENCE) => return Err(Close::TooSlow),
        }
        if now >= self.next_use {
            self.next_use = now + self.platform.use_interval();
            self.platform.use_session(&self.socket.user, &self.socket.session);
        }
        Ok(())
    }

    async fn finish(mut self, close: Close) {
        // A device that comes back goes on from what it was told last: better nothing than a part.
        if close.is_graceful() && (self.gapless || matches!(close, Close::SessionEnded(_))) {
            let rest = async {
                while let Some(message) = self.socket.outbox.pop(None) {
                    if !self.wire.send(message.text).await {
                        return;
                    }
                }
            };
            let _ = timeout(CLOSE_PATIENCE, rest).await;
        }
        self.platform.metrics.socket_closed(self.socket.kind.name(), close.name());
        let (socket, code) = (&self.socket, close.code());
        tracing::debug!(socket.kind = socket.kind.name(), session.id = %socket.session, close = close.name(), code, "a client disconnected");
        if let Some(cut) = self.platform.sockets.hub.detach(&self.socket) {
            self.platform.left(cut, &close);
        }
        self.wire.close(&close).await;
    }
}

/// What looking back takes.
struct Look<'a> {
    platform: &'a Platform,
    socket: &'a Socket,
    dialect: &'a dyn Dialect,
}

impl Look<'_> {
    /// What was missed from `after` to `until`; `None` if this protocol cannot tell any more.
    async fn back(&self, after: Position, until: Position) -> Result<Option<Vec<Message>>, Close> {
        if after > until {
            // Another node was ahead of this one, if there is such a position at all.
            let head = self.platform.log.head().await.map_err(|_| Close::Restart)?;
            return if after <= head.position { Ok(Some(Vec::new())) } else { Err(Close::TooFarBack) };
        }
        let missed = match self.platform.sockets.hub.missed(self.socket, after, until) {
            Some(missed) => Some(missed),
            None => self.dialect.missed(after, until).await?,
        };
        match missed {
            Some(missed) if missed.len() > RESUME_NOTICES_MAX => Err(Close::TooFarBack),
            missed => Ok(missed),
        }
    }
}

/// Where a device begins that does not go on where it was: at the end of the log. This node may be
/// behind that, and what it has not told yet is over for a device that did it elsewhere.
async fn beginning(platform: &Platform) -> Result<Position, Close> {
    let head = platform.log.head().await.map_err(|error| {
        tracing::warn!(%error, "a socket cannot be told where it begins");
        Close::Restart
    })?;
    Ok(head.position)
}

async fn finished(running: &mut Option<Running>) -> Reply {
    match running {
        Some(running) => (&mut running.reply).await,
        None => std::future::pending().await,
    }
}

/// An answer is given once this node has seen what it tells of; else it bears no position.
async fn seen_here(platform: &Platform, reply: Reply) -> Reply {
    match reply {
        Reply::Answer { text, position: Some(position) }
            if !platform.sockets.hub.reached(position, TAIL_PATIENCE).await =>
        {
            Reply::Answer { text: at_position(text, None), position: None }
        }
        reply => reply,
    }
}

/// The frame with another position.
fn at_position(text: String, position: Option<Position>) -> String {
    let Ok(Value::Object(mut frame)) = serde_json::from_str(&text) else { return text };
    match position {
        Some(position) => frame.insert("position".to_owned(), position.0.into()),
        None => frame.remove("position"),
    };
    Value::Object(frame).to_string()
}
