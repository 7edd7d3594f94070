//! What one request, or one socket, brings along.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, InputObject, OneofObject};
use axum::http::HeaderValue;

use super::moment::Moment;
use super::past::Past;
use super::scalars::{DateTime, Position};
use crate::edge::RequestInfo;
use crate::reads::Reads;
use crate::{Caller, Platform, Problem};

/// A moment of the past.
#[derive(OneofObject, Clone, Copy)]
pub(super) enum AsOf {
    /// The state right after this position.
    Position(Position),
    /// The state right after the last event recorded at or before this instant.
    Time(DateTime),
}

/// An object of the platform.
#[derive(InputObject, Clone)]
pub(super) struct ObjectRef {
    /// What it is.
    pub(super) kind: super::enums::ObjectKind,
    /// Its id.
    pub(super) id: async_graphql::ID,
}

/// Who asks, and what has been found out for him so far.
pub(super) struct Session {
    pub(super) caller: Arc<Caller>,
    pub(super) info: RequestInfo,
    /// `Idempotency-Key` of the request; each mutation in it gets a key of its own from it.
    pub(super) idempotency_key: Option<HeaderValue>,
    /// Tells the operations of a batch apart.
    pub(super) index: usize,
    reached: AtomicU64,
    moments: Mutex<HashMap<Option<u64>, Arc<Moment>>>,
}

impl Session {
    pub(super) fn new(
        caller: Arc<Caller>,
        info: RequestInfo,
        idempotency_key: Option<HeaderValue>,
        index: usize,
    ) -> Self {
        Self { caller, info, idempotency_key, index, reached: AtomicU64::new(0), moments: Mutex::default() }
    }

    /// A mutation has reached this position.
    pub(super) fn reach(&self, position: u64) {
        self.reached.fetch_max(position, Ordering::Relaxed);
    }

    /// The greatest position a mutation has reached; 0: there was none.
    pub(super) fn reached(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }

    fn moment(&self, at: Option<u64>, reads: impl FnOnce() -> Reads) -> Arc<Moment> {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        moments.entry(at).or_insert_with(|| Arc::new(Moment::new(reads(), at.map(wac_events::Position)))).clone()
    }

    /// The present.
    pub(super) fn present(&self, platform: &Platform) -> Arc<Moment> {
        self.moment(None, || platform.reads.clone())
    }
}

/// The platform of a request.
pub(super) fn platform<'a>(ctx: &Context<'a>) -> &'a Platform {
    ctx.data_unchecked::<Platform>()
}

/// The session of a request.
pub(super) fn session<'a>(ctx: &Context<'a>) -> &'a Session {
    ctx.data_unchecked::<Arc<Session>>()
}

/// The position a moment of the past stands for; 400 if the log has not got there.
pub(super) async fn position_of(platform: &Platform, as_of: AsOf) -> Result<wac_events::Position, Problem> {
    let head = platform.log.head().await?.position;
    match as_of {
        AsOf::Position(position) if position.0 > head.0 => {
            let detail = format!("The log ends at position {head}.");
            Err(Problem::invalid("position_unknown", detail).at("/asOf/position"))
        }
        AsOf::Position(position) => Ok(position.into()),
        AsOf::Time(time) => Ok(platform.log.position_at(time.0).await?),
    }
}

/// The moment a query is about: the present, or the past it names.
pub(super) async fn moment(ctx: &Context<'_>, as_of: Option<AsOf>) -> Result<Arc<Moment>, Problem> {
    let (platform, session) = (platform(ctx), session(ctx));
    let Some(as_of) = as_of else { return Ok(session.present(platform)) };
    let position = position_of(platform, as_of).await?;
    let rows = ctx.data_unchecked::<Past>().at(platform, position).await?;
    Ok(session.moment(Some(position.0), || platform.reads.over(rows)))
}
