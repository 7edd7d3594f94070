use std::convert::Infallible;
use std::time::Duration;

use wac_events::{AnyEvent, EventFilter, Position, Recorded, Subscription};

use super::{Cause, Ports, ProcessError, ProcessManager, Work};

/// First pause after a failure; doubled up to [`RETRY_MAX`].
pub const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest pause after a failure.
pub const RETRY_MAX: Duration = Duration::from_secs(10);
/// Events read at a time.
const BATCH_EVENTS: usize = 256;
/// A checkpoint is saved after events of the manager's, else only once this many others went by.
const CHECKPOINT_EVERY: u64 = 1_000;

/// Runs a manager for ever; drop the future to stop it. What fails is tried again, with pauses
/// from [`RETRY_MIN`] to [`RETRY_MAX`]; nothing is skipped.
pub async fn run(manager: &dyn ProcessManager, ports: &Ports) -> Infallible {
    let mut pause = RETRY_MIN;
    loop {
        let mut advanced = false;
        let Err(error) = follow(manager, ports, true, &mut advanced).await else { continue };
        if advanced {
            pause = RETRY_MIN;
        }
        ports.watcher.failed(manager.name(), &error, pause);
        ports.timer.sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

/// Handles everything there is now, and returns; for tests, tools and the first start.
pub async fn catch_up(manager: &dyn ProcessManager, ports: &Ports) -> Result<Position, ProcessError> {
    follow(manager, ports, false, &mut false).await
}

async fn follow(
    manager: &dyn ProcessManager,
    ports: &Ports,
    wait: bool,
    advanced: &mut bool,
) -> Result<Position, ProcessError> {
    let mut saved = ports.checkpoints.load(manager.name()).await?;
    let types = manager.wants().iter().map(|want| (*want).to_owned()).collect();
    let filter = EventFilter { types, ..EventFilter::default() };
    let mut subscription = Subscription::new(ports.handler.log().clone(), saved, filter, BATCH_EVENTS);
    loop {
        let page = if wait {
            subscription.next().await?
        } else {
            match subscription.poll_now().await? {
                Some(page) => page,
                None => return Ok(saved),
            }
        };
        let concerned = !page.events.is_empty();
        for recorded in page.events {
            let (before, position) = (Position(recorded.position.0 - 1), recorded.position);
            if let Err(error) = handle(manager, ports, recorded).await {
                // What came before need not be done again.
                if before > saved {
                    ports.checkpoints.save(manager.name(), before).await?;
                }
                return Err(error);
            }
            *advanced = true;
            ports.watcher.advanced(manager.name(), position);
        }
        if concerned || page.scanned_to.0 >= saved.0 + CHECKPOINT_EVERY {
            ports.checkpoints.save(manager.name(), page.scanned_to).await?;
            saved = page.scanned_to;
        }
    }
}

async fn handle(manager: &dyn ProcessManager, ports: &Ports, recorded: Recorded) -> Result<(), ProcessError> {
    let event = AnyEvent::decode_recorded(&recorded)?;
    let meta = recorded.meta()?;
    let cause = Cause { recorded, event, meta };
    manager.react(&Work::new(manager.name(), ports, &cause)).await
}
