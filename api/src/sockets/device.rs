//! A device's life on this node: registered when it arrives, removed when it does not come back.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use wac_commands::presence::{RegisterDevice, RemoveDevice};
use wac_commands::{Command, CommandError, Context, Device, Executed, Rejection};
use wac_events::presence::DeviceEnd;
use wac_events::{Actor, CommandId, NodeId, SessionId, Time, UserId};

use super::Close;
use super::hub::Cut;
use super::limits::{REGISTER_PATIENCE, grace};
use super::socket::Socket;
use crate::Platform;

/// Pauses between attempts while the store does not answer.
const RETRY_PAUSE: Duration = Duration::from_millis(250);
/// How long a node goes on trying to remove a device that is gone. Afterwards the device counts as
/// lost with its node.
const REMOVE_PATIENCE: Duration = Duration::from_secs(300);
/// Why a session that is not open any more has ended, where its end was not seen.
const ENDED: &str = "closed";

/// How a device arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registration {
    /// It goes on where it was.
    pub(super) resumed: bool,
    /// It has a signaling socket.
    pub(super) ringable: bool,
}

impl Platform {
    /// A command of the sockets themselves.
    pub(super) async fn execute_as(&self, user: &UserId, command: &dyn Command) -> Result<Executed, CommandError> {
        let actor = Actor::User(user.to_string());
        let ctx = Context::new(self.env.now(), actor, CommandId(self.env.new_uuid()));
        let executed = self.handler.execute(command, ctx).await;
        match &executed {
            Ok(executed) => {
                self.metrics.command(command.name(), "appended");
                self.note(executed);
            }
            Err(error) => self.metrics.command(command.name(), crate::failures::outcome_code(error)),
        }
        executed
    }

    /// Registers a socket's device.
    pub(super) async fn register(&self, socket: &Socket, how: Registration) -> Result<(), Close> {
        self.register_device(&socket.user, &socket.session, how).await
    }

    /// Registers a device with this node, on whichever id the node has by now.
    pub(super) async fn register_device(
        &self,
        user: &UserId,
        session: &SessionId,
        how: Registration,
    ) -> Result<(), Close> {
        let until = Instant::now() + REGISTER_PATIENCE;
        loop {
            let node = self.sockets.node.id();
            let device = Device { user: user.clone(), session: session.clone() };
            let resumed = how.resumed || self.misses_nothing(&device, &node).await;
            let command = RegisterDevice { device, node: node.clone(), ringable: how.ringable, resumed };
            match self.execute_as(user, &command).await {
                Ok(_) => return Ok(()),
                Err(CommandError::Rejected(Rejection::SessionClosed)) => return Err(Close::SessionEnded(ENDED)),
                Err(CommandError::Rejected(Rejection::NodeStopped)) => self.renew_node(&node).await,
                Err(CommandError::Rejected(_)) => return Err(Close::Forbidden),
                Err(error) if Instant::now() >= until => {
                    tracing::warn!(%error, "a device could not be registered");
                    return Err(Close::Restart);
                }
                Err(_) => {}
            }
            sleep(RETRY_PAUSE).await;
            if self.closing.is_cancelled() || Instant::now() >= until {
                return Err(Close::Restart);
            }
        }
    }

    /// Whether a device that starts over is known here and nothing rings that it would have to be told:
    /// one that comes and goes leaves no trace then.
    async fn misses_nothing(&self, device: &Device, node: &NodeId) -> bool {
        let Ok(world) = self.handler.load(&[device.user.presence_stream()]).await else { return false };
        let known = world.presence(&device.user).devices.get(&device.session);
        known.is_some_and(|known| known.node == *node)
            && matches!(self.sockets.signaling.rings_for(&device.user).await, Ok(false))
    }

    /// The last socket of a device has gone.
    pub(super) fn left(&self, cut: Cut, close: &Close) {
        if matches!(close, Close::SessionEnded(_)) || self.closing.is_cancelled() {
            // The end of the session, or of the node, takes the device with it.
            self.sockets.hub.give_up(&cut);
            return;
        }
        let reason = if *close == Close::Goodbye { DeviceEnd::Closed } else { DeviceEnd::Lost };
        let (platform, lost_at, node) = (self.clone(), self.env.now(), self.sockets.node.id());
        self.sockets.tasks.spawn(async move {
            let waiting = platform.closing.cancelled();
            let grace = sleep(grace(&platform.config.signaling));
            tokio::select! {
                () = waiting => return,
                () = grace => {}
            }
            if platform.sockets.hub.give_up(&cut) {
                platform.remove_device(&cut, node, reason, lost_at).await;
            }
        });
    }

    async fn remove_device(&self, cut: &Cut, node: NodeId, reason: DeviceEnd, lost_at: Time) {
        let settings = &self.config.signaling;
        let command = RemoveDevice {
            device: Device { user: cut.user.clone(), session: cut.session.clone() },
            node,
            reason,
            lost_at,
            seats_kept: settings.rooms.remove_after,
            ringing_kept: settings.invites.remove_after,
        };
        let until = Instant::now() + REMOVE_PATIENCE;
        while !self.closing.is_cancelled() && Instant::now() < until {
            match self.execute_as(&cut.user, &command).await {
                Ok(_) | Err(CommandError::Rejected(_)) => return,
                Err(error) => tracing::warn!(%error, session.id = %cut.session, "a lost device is still registered"),
            }
            sleep(RETRY_PAUSE * 4).await;
        }
    }
}
