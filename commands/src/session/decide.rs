use std::time::Duration;

use wac_events::oauth::TokenRevocation;
use wac_events::presence::DeviceEnd;
use wac_events::session::{
    SessionClosed, SessionContext, SessionContextChanged, SessionEnd, SessionExtended, SessionOpened,
    SessionPushTokenRemoved, SessionPushTokenSet,
};
use wac_events::{Personal, Secret, SessionEvent, SessionId, StreamId, Time};

use super::*;
use crate::rejection::Checks;
use crate::{Context, Fact, IssueToken, Rejection, World, presence, token};

fn fact(session: &Session, event: impl Into<SessionEvent>) -> Fact {
    Fact::of(&session.domain, session.id.stream(), event.into())
}

fn check_context(context: &SessionContext) -> Result<(), Rejection> {
    let mut checks = Checks::default();
    let fields = [
        ("/context/src", &context.src),
        ("/context/useragent", &context.useragent),
        ("/context/language", &context.language),
        ("/context/location", &context.location),
        ("/context/platform", &context.platform),
        ("/context/vendor", &context.vendor),
        ("/context/deviceId", &context.device_id),
    ];
    for (pointer, field) in fields {
        let short = field
            .as_ref()
            .and_then(Personal::clear)
            .is_none_or(|text| text.chars().count() <= CONTEXT_CHARS_MAX && !text.chars().any(char::is_control));
        let detail = "a field of a session's context has at most 512 characters and no control characters";
        checks.require(short, "context_invalid", pointer, detail);
    }
    checks.done()
}

/// What the grant of `token` opens.
pub(crate) fn opened(world: &World, ctx: &Context, token: &IssueToken) -> Result<Vec<Fact>, Rejection> {
    let (Some(session), Some(user)) = (&token.session, &token.user) else { return Ok(Vec::new()) };
    check_context(&session.context)?;
    let id = SessionId::of_token(&token.id);
    let opened = SessionOpened {
        id: id.clone(),
        user: user.clone(),
        domain: token.domain.clone(),
        role: token.role,
        grant: token.grant,
        client: token.client.clone(),
        context: session.context.clone(),
        expires_at: session.expires_at,
        at: ctx.now,
    };
    let mut facts = vec![Fact::of(&token.domain, id.stream(), SessionEvent::from(opened))];
    facts.extend(presence::logged_in(world, &token.domain, user, &id));
    Ok(facts)
}

/// The streams that ending a session looks at.
pub(crate) fn reads_to_end(world: &World, id: &SessionId) -> Vec<StreamId> {
    let mut streams = vec![id.stream(), id.token().stream()];
    let session = world.session(id);
    if session.status != SessionStatus::Absent {
        streams.push(session.user.presence_stream());
    }
    streams
}

/// What ends with a session, its tokens excepted; nothing if it has ended already.
pub(crate) fn ended(world: &World, ctx: &Context, id: &SessionId, reason: SessionEnd) -> Vec<Fact> {
    let session = world.session(id);
    if !session.is_open() {
        return Vec::new();
    }
    let (domain, user) = (&session.domain, &session.user);
    let mut facts = vec![fact(session, SessionClosed { user: user.clone(), reason, at: ctx.now })];
    let at_once = (Duration::ZERO, Duration::ZERO);
    facts.extend(presence::device_gone(world, ctx, domain, user, id, (DeviceEnd::Closed, ctx.now), at_once));
    facts.extend(presence::logged_out(world, domain, user, id));
    facts
}

/// A session that is open lasts until `expires_at`, unless it lasts longer already.
pub(crate) fn extended(world: &World, id: &SessionId, expires_at: Time) -> Option<Fact> {
    let session = world.session(id);
    let longer = session.is_open() && expires_at > session.expires_at;
    longer.then(|| fact(session, SessionExtended { expires_at }))
}

/// A session that is open.
fn open<'a>(world: &'a World, id: &SessionId) -> Result<&'a Session, Rejection> {
    let session = world.session(id);
    match session.status {
        SessionStatus::Open => Ok(session),
        SessionStatus::Absent => Err(Rejection::NotFound { what: "session", id: id.to_string() }),
        SessionStatus::Closed => Err(Rejection::SessionClosed),
    }
}

pub(super) fn extend(command: &ExtendSession, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
    open(world, &command.id)?;
    Ok(extended(world, &command.id, command.expires_at).into_iter().collect())
}

pub(super) fn change_context(
    command: &ChangeSessionContext,
    world: &World,
    _: &Context,
) -> Result<Vec<Fact>, Rejection> {
    check_context(&command.context)?;
    let session = open(world, &command.id)?;
    if session.context == command.context {
        return Ok(Vec::new());
    }
    let changed = SessionContextChanged { user: session.user.clone(), context: command.context.clone() };
    Ok(vec![fact(session, changed)])
}

pub(super) fn set_push_token(command: &SetPushToken, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
    let mut checks = Checks::default();
    let known = PUSH_TOKEN_TYPES.contains(&command.token_type.as_str());
    checks.require(known, "token_type_invalid", "/tokenType", "a push token is of apns, apns-voip, fcm or webpush");
    let short = (1..=PUSH_TOKEN_BYTES_MAX).contains(&command.token.len());
    checks.require(short, "token_invalid", "/token", "a push token has 1 to 4,096 bytes");
    checks.done()?;
    let session = open(world, &command.id)?;
    let push = (command.token_type.clone(), Secret::new(&command.token));
    if session.push.as_ref() == Some(&push) {
        return Ok(Vec::new());
    }
    let (token_type, token) = push;
    Ok(vec![fact(session, SessionPushTokenSet { user: session.user.clone(), token, token_type })])
}

pub(super) fn remove_push_token(command: &RemovePushToken, world: &World, _: &Context) -> Result<Vec<Fact>, Rejection> {
    let session = open(world, &command.id)?;
    let removed = session.push.as_ref().map(|_| SessionPushTokenRemoved { user: session.user.clone() });
    Ok(removed.map(|removed| fact(session, removed)).into_iter().collect())
}

fn revocation(reason: SessionEnd) -> TokenRevocation {
    match reason {
        SessionEnd::Logout | SessionEnd::Revoked => TokenRevocation::Requested,
        SessionEnd::Expired => TokenRevocation::SessionExpired,
        SessionEnd::Superseded => TokenRevocation::Superseded,
        SessionEnd::PasswordChanged => TokenRevocation::PasswordChanged,
        SessionEnd::TokenReuse => TokenRevocation::Reuse,
        SessionEnd::UserDeleted => TokenRevocation::UserDeleted,
        SessionEnd::ClientDeleted => TokenRevocation::ClientDeleted,
        SessionEnd::UserMoved => TokenRevocation::UserMoved,
    }
}

fn closed(world: &World, ctx: &Context, id: &SessionId, reason: SessionEnd) -> Vec<Fact> {
    let mut facts = ended(world, ctx, id, reason);
    facts.extend(token::revocation(world, &id.token(), revocation(reason)));
    facts
}

pub(super) fn close(command: &CloseSession, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    if world.session(&command.id).status == SessionStatus::Absent {
        return Err(Rejection::NotFound { what: "session", id: command.id.to_string() });
    }
    Ok(closed(world, ctx, &command.id, command.reason))
}

pub(super) fn expire(command: &ExpireSession, world: &World, ctx: &Context) -> Result<Vec<Fact>, Rejection> {
    let session = world.session(&command.id);
    if !session.is_open() || ctx.now < session.expires_at {
        return Ok(Vec::new());
    }
    Ok(closed(world, ctx, &command.id, SessionEnd::Expired))
}
