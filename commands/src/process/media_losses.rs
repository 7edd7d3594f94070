use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::node::NodeEnd;
use wac_events::{AnyEvent, MediaEvent, MediaSessionId, NodeEvent};

use super::{Listing, ProcessError, ProcessManager, Work};
use crate::media::LoseMedia;

/// Ends the media sessions of a node that was given up: it cannot say so itself. A node that is told to end says it.
#[derive(Clone, Copy, Debug, Default)]
pub struct MediaLosses;

impl ProcessManager for MediaLosses {
    fn name(&self) -> &'static str {
        "media_losses"
    }

    /// A report may come late: its session has begun on a node that has been given up meanwhile.
    fn wants(&self) -> &'static [&'static str] {
        &["node.stopped", "media.connected"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            match &work.cause().event {
                AnyEvent::Node(NodeEvent::Stopped(stopped)) if stopped.reason == NodeEnd::Lost => {
                    let mut sessions = work.list(Listing::MediaOf(stopped.id.clone()));
                    while let Some(ids) = sessions.next().await? {
                        for id in ids {
                            lose(work, id.as_str().into()).await?;
                        }
                    }
                    Ok(())
                }
                AnyEvent::MediaSession(MediaEvent::Connected(connected)) => {
                    let Some(node) = &connected.node_id else { return Ok(()) };
                    let world = work.load(&[node.stream()]).await?;
                    if world.node(node).lost { lose(work, connected.id.clone()).await } else { Ok(()) }
                }
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

async fn lose(work: &Work<'_>, id: MediaSessionId) -> Result<(), ProcessError> {
    work.issue(id.as_str(), &LoseMedia { id: id.clone() }).await?;
    Ok(())
}
