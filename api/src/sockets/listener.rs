//! What the tail of the log means to this node's devices.

use wac_events::presence::{DeviceRegistered, DeviceRemoved};
use wac_events::{AnyEvent, NodeEvent, Position, PresenceEvent, Recorded, SessionEvent, SessionId, StoreError};
use wac_signaling::Follower;

use super::Close;
use crate::Platform;

/// Follows the log for the devices of this node.
pub(crate) struct Listening {
    platform: Platform,
    follower: Follower,
}

impl Listening {
    /// From behind `position` on; `None` if this node serves no sockets.
    pub(crate) fn start(platform: &Platform, position: Position) -> Option<Self> {
        if !platform.sockets.enabled {
            return None;
        }
        platform.sockets.hub.start_at(position);
        let by_user = platform.config.signaling.rooms.user_id_as_room_id;
        let follower = Follower::new(platform.handler.clone()).calling_rooms_by_user(by_user);
        let follower = follower.with_media(platform.sockets.signaling.media().clone());
        Some(Self { platform: platform.clone(), follower })
    }

    /// Tells what the next event tells.
    pub(crate) async fn hear(&mut self, event: &Recorded) -> Result<(), StoreError> {
        let notices = self.follower.follow(event).await?;
        self.platform.sockets.hub.tell(event.position, notices);
        if event.event_type.starts_with("node.") {
            // They may serve media.
            self.platform.sockets.signaling.media().nodes_changed();
        }
        if matters(&event.event_type)
            && let Ok(decoded) = AnyEvent::decode_recorded(event)
        {
            self.react(event, &decoded);
        }
        Ok(())
    }

    /// Everything up to `position` has been told.
    pub(crate) fn reach(&self, position: Position) {
        self.platform.sockets.hub.reach(position);
    }

    fn react(&self, recorded: &Recorded, event: &AnyEvent) {
        match event {
            AnyEvent::Session(SessionEvent::Closed(closed)) => {
                let session = SessionId::from(recorded.stream.id());
                self.platform.sockets.hub.end(&closed.user, &session, &Close::SessionEnded(closed.reason.as_str()));
            }
            AnyEvent::Presence(PresenceEvent::DeviceRegistered(registered)) => self.registered(registered),
            AnyEvent::Presence(PresenceEvent::DeviceRemoved(removed)) => self.removed(removed),
            AnyEvent::Node(NodeEvent::Stopped(stopped))
                if stopped.id == self.platform.node_id() && !self.platform.closing.is_cancelled() =>
            {
                self.platform.start_anew(stopped.id.clone());
            }
            _ => {}
        }
    }

    /// Another node has a socket of a device that signals here: it must go on ringing here.
    fn registered(&self, registered: &DeviceRegistered) {
        let elsewhere = registered.node != self.platform.node_id() && !registered.ringable;
        let standing = self.platform.sockets.hub.standing(&registered.user, &registered.session);
        if elsewhere && standing.is_some_and(|standing| standing.ringable) {
            self.again(registered.user.clone(), registered.session.clone());
        }
    }

    /// Another node has given up a device that has sockets here.
    fn removed(&self, removed: &DeviceRemoved) {
        if self.platform.sockets.hub.standing(&removed.user, &removed.session).is_some() {
            self.again(removed.user.clone(), removed.session.clone());
        }
    }

    fn again(&self, user: wac_events::UserId, session: SessionId) {
        let platform = self.platform.clone();
        self.platform.sockets.tasks.spawn(async move { platform.register_again(&user, &session).await });
    }
}

/// Events that do more than tell something.
fn matters(event_type: &str) -> bool {
    matches!(event_type, "session.closed" | "presence.device_registered" | "presence.device_removed" | "node.stopped")
}
