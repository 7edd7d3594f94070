//! Media nodes and the rooms they have.

use std::collections::BTreeSet;

use wac_commands::{CALLS_LISTED_MAX, MediaNodeLoad, MediaNodes};
use wac_events::{NodeId, RoomRef, StoreError};
use wac_projections::{MEDIA_NODES, MEDIA_ROOMS, MediaNodeRow, MediaRoomRow, Select};

use super::RowsCalls;

impl RowsCalls {
    async fn serving(&self) -> Result<Vec<MediaNodeRow>, StoreError> {
        self.all(Select::from(&MEDIA_NODES).equals("serving", true), MediaNodeRow::from_row).await
    }

    /// The nodes that serve media, those that take rooms with how loaded they are.
    pub(super) async fn nodes_with_media(&self) -> Result<MediaNodes, StoreError> {
        let mut nodes = MediaNodes::default();
        for row in self.serving().await? {
            if row.draining {
                nodes.draining.push(row.id);
                continue;
            }
            let select = Select::from(&MEDIA_ROOMS).equals("node", row.id.as_str());
            let rooms = self.all(select, MediaRoomRow::from_row).await?;
            nodes.taking.push(MediaNodeLoad {
                id: row.id,
                sessions_max: u32::try_from(row.sessions_max).unwrap_or(u32::MAX),
                rooms: u64::try_from(rooms.len()).unwrap_or(u64::MAX),
                seats: rooms.iter().map(|room| room.seats).sum(),
            });
        }
        Ok(nodes)
    }

    /// The rooms of a node.
    pub(super) async fn rooms_at(&self, node: &NodeId) -> Result<Vec<RoomRef>, StoreError> {
        let select = Select::from(&MEDIA_ROOMS).equals("node", node.as_str());
        Ok(self.some(select, MediaRoomRow::from_row).await?.into_iter().map(|row| row.room).collect())
    }

    /// Rooms without a node, or with one that is gone.
    pub(super) async fn rooms_without_media(&self) -> Result<Vec<RoomRef>, StoreError> {
        let serving: BTreeSet<NodeId> = self.serving().await?.into_iter().map(|row| row.id).collect();
        let rooms = self.all(Select::from(&MEDIA_ROOMS), MediaRoomRow::from_row).await?;
        let without = rooms.into_iter().filter(|room| !room.node.as_ref().is_some_and(|node| serving.contains(node)));
        Ok(without.map(|row| row.room).take(CALLS_LISTED_MAX).collect())
    }
}
