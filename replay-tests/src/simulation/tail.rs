//! What the tail of the log means to a node's devices: the listener of `wac-api`, in small.

use std::sync::Arc;

use wac_commands::Device;
use wac_events::{
    AnyEvent, EventFilter, NodeEvent, Position, PresenceEvent, ReadRequest, Recorded, SessionEvent, SessionId,
    Subscription,
};
use wac_signaling::Follower;

use super::device_life;
use super::link::Close;
use super::process::{Process, RETRY};
use super::sabotage::Sabotage;

/// Events read at once.
const PAGE_EVENTS: usize = 50;
/// With [`Sabotage::LoseNotices`]: of 1,000 events, how many a node's devices are not told of.
const LOST: usize = 50;

/// Follows the log from behind `position`.
pub(crate) async fn follow(process: Arc<Process>, position: Position) {
    let mut follower = Follower::new(process.handler.clone());
    let mut after = position;
    let log = process.handler.log().clone();
    loop {
        let request = ReadRequest { after, before: None, filter: EventFilter::default(), limit: PAGE_EVENTS };
        let Ok(page) = log.read(request).await else {
            process.cluster.executor.sleep(RETRY).await;
            continue;
        };
        for event in &page.events {
            hear(&process, &mut follower, event).await;
            after = event.position;
        }
        process.hub.reach(after);
        if page.events.is_empty() {
            log.wait_beyond(after, Subscription::PATIENCE).await;
        }
    }
}

async fn hear(process: &Arc<Process>, follower: &mut Follower, event: &Recorded) {
    let notices = loop {
        match follower.follow(event).await {
            Ok(notices) => break notices,
            Err(_) => process.cluster.executor.sleep(RETRY).await,
        }
    };
    let lost = process.cluster.sabotage == Sabotage::LoseNotices && process.cluster.dice.chance(LOST);
    process.hub.tell(event.position, if lost { Vec::new() } else { notices });
    react(process, event);
}

fn react(process: &Arc<Process>, recorded: &Recorded) {
    let of_sockets = ["session.closed", "presence.device_registered", "presence.device_removed", "node.stopped"];
    if !of_sockets.contains(&&*recorded.event_type) {
        return;
    }
    match AnyEvent::decode_recorded(recorded).expect("every event can be read") {
        AnyEvent::Session(SessionEvent::Closed(closed)) => {
            let session = SessionId::from(recorded.stream.id());
            process.hub.end(&Device { user: closed.user, session }, Close::SessionEnded);
        }
        AnyEvent::Presence(PresenceEvent::DeviceRemoved(removed)) => {
            // Another node has given up a device that has sockets here.
            let device = Device { user: removed.user, session: removed.session };
            if process.hub.holds(&device) {
                process.spawn(device_life::register_again(process.clone(), device));
            }
        }
        AnyEvent::Node(NodeEvent::Stopped(stopped))
            if stopped.id == process.id() && !process.closing.is_cancelled() =>
        {
            process.spawn(start_anew(process.clone(), stopped.id));
        }
        _ => {}
    }
}

/// The others believed this node dead: it takes a new id, and its devices with it.
async fn start_anew(process: Arc<Process>, old: wac_events::NodeId) {
    while process.id() == old && !process.closing.is_cancelled() {
        process.renew(&old).await;
    }
    for device in process.hub.devices() {
        device_life::register_again(process.clone(), device).await;
    }
}
