//! The way in: an upgrade is checked, its session found, and the socket set going.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use wac_events::{Position, SessionId, UserId};

use super::conversation::{Conversation, Dialect};
use super::handshake::Handshake;
use super::outbox::Outbox;
use super::qss::Qss;
use super::session::Person;
use super::socket::{Kind, Socket};
use super::wapi::{Inner, Wapi};
use super::wire::Wire;
use crate::auth::{https_required, no_token};
use crate::edge::RequestInfo;
use crate::origin::check_origin;
use crate::{Caller, Platform, Problem};

/// When to come again to a node that is full or stopping.
const FULL_RETRY: Duration = Duration::from_secs(1);

/// `/qss`, and `/` of the signaling port.
pub(super) async fn qss(State(platform): State<Platform>, request: Request) -> Result<Response, Problem> {
    enter(platform, Kind::Qss, None, request).await
}

/// `/wapi`.
pub(super) async fn wapi(
    State(platform): State<Platform>,
    axum::Extension(inner): axum::Extension<Inner>,
    request: Request,
) -> Result<Response, Problem> {
    enter(platform, Kind::Wapi, Some(inner), request).await
}

/// Who comes in, and from where he goes on.
struct Entrant {
    caller: Arc<Caller>,
    user: UserId,
    info: RequestInfo,
    resume: Option<Position>,
}

async fn enter(
    platform: Platform,
    kind: Kind,
    inner: Option<Inner>,
    mut request: Request,
) -> Result<Response, Problem> {
    let handshake = Handshake::read(&request, kind)?;
    check_origin(request.headers(), &platform.config)?;
    let info = request.extensions().get::<RequestInfo>().cloned();
    let info = info.ok_or_else(|| Problem::internal(&"a request without the edge"))?;
    let resume = resume_from(request.uri().query())?;
    let entrant = entrant(&platform, &handshake, info, resume).await?;
    if platform.closing.is_cancelled() || platform.sockets.hub.is_full() {
        let detail = "This node takes no further sockets.";
        return Err(Problem::unavailable("overloaded", detail, FULL_RETRY));
    }
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let upgrade = upgrade.ok_or_else(|| Problem::internal(&"a connection that cannot be upgraded"))?;
    let tasks = platform.sockets.tasks.clone();
    tasks.spawn(async move {
        // What fails here is a client that has gone before it was answered.
        if let Ok(upgraded) = upgrade.await {
            serve(platform, kind, inner, entrant, upgraded).await;
        }
    });
    Ok(handshake.answer())
}

async fn entrant(
    platform: &Platform,
    handshake: &Handshake,
    info: RequestInfo,
    resume: Option<Position>,
) -> Result<Entrant, Problem> {
    let token = handshake.token().ok_or_else(no_token)?;
    if !info.secure {
        return Err(https_required());
    }
    let caller = platform.authenticate(token).await?;
    let user = caller.user.clone().ok_or_else(|| {
        let detail = "Sockets belong to sessions, and only people have sessions.";
        Problem::new(StatusCode::FORBIDDEN, "session_required", detail)
    })?;
    Ok(Entrant { caller, user, info, resume })
}

/// `?position=N`.
fn resume_from(query: Option<&str>) -> Result<Option<Position>, Problem> {
    let mut pairs = query.into_iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split_once('='));
    let Some((_, text)) = pairs.find(|(name, _)| *name == "position") else { return Ok(None) };
    let position = text.parse::<u64>().ok().filter(|position| i64::try_from(*position).is_ok());
    let wrong = || Problem::parameter("position", "type", "`position` is a whole number.");
    position.map(|position| Some(Position(position))).ok_or_else(wrong)
}

async fn serve(platform: Platform, kind: Kind, inner: Option<Inner>, entrant: Entrant, upgraded: Upgraded) {
    let Entrant { caller, user, info, resume } = entrant;
    let settings = &platform.config.signaling.sockets;
    let wire = Wire::new(upgraded, settings.frame_bytes_max).await;
    let device = (user, SessionId::of_token(&caller.token));
    let domain = caller.domain.clone();
    let make = |id| Socket::new(id, kind, device, domain, Outbox::new(settings));
    let (socket, attached) = platform.sockets.hub.attach(make);
    platform.metrics.socket_opened(kind.name());
    let person = Person::new(caller);
    let dialect: Arc<dyn Dialect> = match inner {
        Some(inner) => Arc::new(Wapi::new(platform.clone(), socket.clone(), person, info.client, inner)),
        None => Arc::new(Qss::new(platform.clone(), socket.clone(), person)),
    };
    Conversation::new(platform, (socket, attached), wire, dialect).run(resume).await;
}
