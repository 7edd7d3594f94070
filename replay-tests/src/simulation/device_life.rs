//! A device's life on a node: registered when it arrives, removed when it does not come back.

use std::sync::Arc;
use std::time::Duration;

use wac_commands::presence::{RegisterDevice, RemoveDevice};
use wac_commands::{CommandError, Device, Rejection};
use wac_events::presence::DeviceEnd;
use wac_events::{Actor, Environment};

use super::hub::Cut;
use super::link::Close;
use super::process::{Process, RETRY};

/// How long a device may take to be registered.
const PATIENCE: Duration = Duration::from_secs(15);

/// Registers a device with a node, on whichever id the node has by now.
pub(crate) async fn register(process: &Arc<Process>, device: &Device, resumed: bool) -> Result<(), Close> {
    let until = process.cluster.executor.now() + PATIENCE;
    while process.cluster.executor.now() < until && !process.closing.is_cancelled() {
        let node = process.id();
        let command = RegisterDevice { device: device.clone(), node: node.clone(), ringable: true, resumed };
        match process.execute(Actor::User(device.user.to_string()), &command).await {
            Ok(_) => return Ok(()),
            Err(CommandError::Rejected(Rejection::SessionClosed)) => return Err(Close::SessionEnded),
            Err(CommandError::Rejected(Rejection::NodeStopped)) => process.renew(&node).await,
            Err(_) => {}
        }
        process.cluster.executor.sleep(RETRY).await;
    }
    Err(Close::Restart)
}

/// Registers a device that has sockets here, wherever others say it is.
pub(crate) async fn register_again(process: Arc<Process>, device: Device) {
    if process.hub.holds(&device)
        && let Err(close) = register(&process, &device, true).await
    {
        process.hub.end(&device, close);
    }
}

/// The last socket of a device has gone: it is waited for, and then removed.
pub(crate) async fn wait_and_remove(process: Arc<Process>, cut: Cut, reason: DeviceEnd) {
    let settings = process.cluster.settings.clone();
    let command = RemoveDevice {
        device: cut.device.clone(),
        node: process.id(),
        reason,
        lost_at: process.clock.now(),
        seats_kept: settings.rooms.remove_after,
        ringing_kept: settings.invites.remove_after,
    };
    process.cluster.executor.sleep(process.grace()).await;
    if process.closing.is_cancelled() || !process.hub.give_up(&cut) {
        return;
    }
    while !process.closing.is_cancelled() {
        match process.execute(Actor::User(cut.device.user.to_string()), &command).await {
            Ok(_) | Err(CommandError::Rejected(_)) => return,
            Err(_) => process.cluster.executor.sleep(RETRY).await,
        }
    }
}
