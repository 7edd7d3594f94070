use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use wac_events::{AnyEvent, NodeEvent, NodeId, OpeningId, Position, RoomRef, StoreError};

use super::{ProcessError, ProcessManager, Work};
use crate::dispatch::{ranked, take};
use crate::room::AssignMedia;
use crate::{CALLS_LISTED_MAX, MediaNodeLoad, RoomsOf};

/// Rooms moved at the same time.
const PARALLEL_MAX: usize = 32;
/// How often the list of one event's rooms is asked for again while it is full.
const LISTS_MAX: usize = 1_000;

/// Gives rooms another media node: those of one that is gone, and those that had none when one comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct MediaDispatch;

impl ProcessManager for MediaDispatch {
    fn name(&self) -> &'static str {
        "media_dispatch"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["node.media_offered", "node.media_withdrawn", "node.stopped"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            match &work.cause().event {
                AnyEvent::Node(NodeEvent::MediaOffered(_)) => dispatch(work, &RoomsOf::WithoutMedia).await,
                AnyEvent::Node(NodeEvent::MediaWithdrawn(withdrawn)) => {
                    dispatch(work, &RoomsOf::Media(withdrawn.id.clone())).await
                }
                AnyEvent::Node(NodeEvent::Stopped(stopped)) => {
                    dispatch(work, &RoomsOf::Media(stopped.id.clone())).await
                }
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

/// One room on its way, with the nodes it may go to, the best first.
struct Move {
    room: RoomRef,
    opening: OpeningId,
    to: Vec<NodeId>,
}

async fn dispatch(work: &Work<'_>, of: &RoomsOf) -> Result<(), ProcessError> {
    let mut seen = work.position();
    for _ in 0..LISTS_MAX {
        let rooms = work.calls().rooms(of, seen).await?;
        let mut nodes = work.calls().media_nodes(seen).await?.taking;
        let moves = plan(work, &rooms, &mut nodes).await?;
        let moved = stream::iter(moves).map(|it| async move { assign(work, &it).await }).buffer_unordered(PARALLEL_MAX);
        let moved: Vec<Result<Option<Position>, ProcessError>> = moved.collect().await;
        let mut reached = None;
        for position in moved {
            reached = reached.max(position?);
        }
        match reached {
            // What has been moved is not listed again.
            Some(position) if rooms.len() == CALLS_LISTED_MAX => seen = seen.max(position),
            _ => break,
        }
    }
    Ok(())
}

/// Where each room is to go. A room for which there is no place stays until a node offers one.
async fn plan(work: &Work<'_>, rooms: &[RoomRef], nodes: &mut [MediaNodeLoad]) -> Result<Vec<Move>, StoreError> {
    let mut moves = Vec::with_capacity(rooms.len());
    for room in rooms {
        let world = work.load(&[room.stream()]).await?;
        let state = world.room(room);
        let seats = u64::try_from(state.seats.len()).unwrap_or(u64::MAX);
        let to = ranked(nodes, seats);
        let Some(first) = to.first().filter(|_| state.open) else { continue };
        take(nodes, first, seats);
        moves.push(Move { room: room.clone(), opening: state.opening.clone(), to });
    }
    Ok(moves)
}

/// Goes through the nodes until one takes the room; the position of its assignment.
async fn assign(work: &Work<'_>, of: &Move) -> Result<Option<Position>, ProcessError> {
    for node in &of.to {
        let command = AssignMedia { room: of.room.clone(), opening: of.opening.clone(), node: node.clone() };
        if let Some(executed) = work.issue(&format!("{}/{node}", of.opening), &command).await? {
            return Ok(Some(executed.position));
        }
    }
    Ok(None)
}
