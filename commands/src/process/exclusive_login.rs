use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::session::SessionEnd;
use wac_events::{AnyEvent, SessionEvent};

use super::{ProcessError, ProcessManager, Work};
use crate::session::CloseSession;

/// A new session ends the user's older ones (LGN-04), if the deployment wants it so.
#[derive(Clone, Copy, Debug)]
pub struct ExclusiveLogin {
    wanted: bool,
}

impl ExclusiveLogin {
    /// `wanted`: `login.exclusive`.
    pub fn new(wanted: bool) -> Self {
        Self { wanted }
    }
}

impl ProcessManager for ExclusiveLogin {
    fn name(&self) -> &'static str {
        "exclusive_login"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["session.opened"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            let AnyEvent::Session(SessionEvent::Opened(opened)) = &work.cause().event else { return Ok(()) };
            if !self.wanted {
                return Ok(());
            }
            let open = work.calls().sessions(&opened.user, work.position()).await?;
            // If it has ended meanwhile, a newer one may have ended it: its own event ends the rest.
            let Some(own) = open.iter().position(|session| *session == opened.id) else { return Ok(()) };
            for older in &open[..own] {
                let close = CloseSession { id: older.clone(), reason: SessionEnd::Superseded };
                work.issue(older.as_str(), &close).await?;
            }
            Ok(())
        }
        .boxed()
    }
}
