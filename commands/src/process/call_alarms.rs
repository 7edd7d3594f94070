use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::alarm::AlarmRule;
use wac_events::{AnyEvent, DomainId, MediaEvent, MediaSessionId};

use super::{ProcessError, ProcessManager, Work};
use crate::domain::DOMAIN_DEPTH_MAX;
use crate::media::RaiseCallAlarm;

/// The service without which no alarm is raised in a domain.
const SERVICE: &str = "callalarms";

/// Raises alarms about calls (CDR-04): a media summary breaks a rule of the deployment, in a domain that has the
/// service `callalarms`.
pub struct CallAlarms {
    rules: Vec<AlarmRule>,
}

impl CallAlarms {
    /// By these rules.
    pub fn new(rules: Vec<AlarmRule>) -> Self {
        Self { rules }
    }
}

impl ProcessManager for CallAlarms {
    fn name(&self) -> &'static str {
        "call_alarms"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["media.measured"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            let recorded = &work.cause().recorded;
            let AnyEvent::MediaSession(MediaEvent::Measured(measured)) = &work.cause().event else { return Ok(()) };
            let broken = self.rules.iter().filter_map(|rule| Some((rule, rule.broken_by(measured)?)));
            let broken: Vec<_> = broken.collect();
            let Some(domain) = recorded.domain.as_ref().filter(|_| !broken.is_empty()) else { return Ok(()) };
            if !has_service(work, domain).await? {
                return Ok(());
            }
            let id = MediaSessionId::from(recorded.stream.id());
            let world = work.load(&[id.stream()]).await?;
            let Some((opening, user)) = world.media_session(&id).of.clone() else { return Ok(()) };
            for (rule, value) in broken {
                let (id, domain, opening, user) = (id.clone(), domain.clone(), opening.clone(), user.clone());
                let (rule, period) = (rule.clone(), measured.period);
                let target = rule.id.clone();
                let raise = RaiseCallAlarm { id, domain, opening, user, rule, value, period };
                work.issue(&target, &raise).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// Whether the domain and all above it let the service be.
async fn has_service(work: &Work<'_>, domain: &DomainId) -> Result<bool, ProcessError> {
    let mut next = Some(domain.clone());
    for _ in 0..=DOMAIN_DEPTH_MAX {
        let Some(id) = next else { return Ok(true) };
        let world = work.load(&[id.stream()]).await?;
        let domain = world.domain(&id);
        if domain.services.as_ref().is_some_and(|given| !given.contains_key(SERVICE)) {
            return Ok(false);
        }
        next = domain.parent.clone();
    }
    Ok(false)
}
