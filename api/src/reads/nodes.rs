//! The processes of the deployment, and the media they serve.

use std::collections::{BTreeMap, HashMap};

use wac_events::{NodeId, Time};
use wac_projections::{MEDIA_NODES, MEDIA_ROOMS, MediaNodeRow, MediaRoomRow, NODES, NodeRow, SELECT_ROWS_MAX, Select};

use super::{PageOf, ReadError, Reads, decoded};

/// A process that runs, as far as the others know.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeView {
    /// Its id, new at every start.
    pub id: NodeId,
    /// The name it was given, for people.
    pub name: String,
    /// When it began.
    pub started_at: Time,
    /// What it is to the media of rooms, if anything.
    pub media: Option<MediaNodeView>,
}

/// A node that serves media.
#[derive(Clone, PartialEq, Debug)]
pub struct MediaNodeView {
    /// Its addresses by protocol.
    pub server: BTreeMap<String, String>,
    /// Most media sessions it takes.
    pub sessions_max: u64,
    /// Whether it takes no new rooms.
    pub draining: bool,
    /// Open rooms it has.
    pub rooms: u64,
    /// Seats taken in them.
    pub seats: u64,
}

impl Reads {
    /// One running node.
    pub async fn node(&self, id: &NodeId) -> Result<Option<NodeView>, ReadError> {
        let select = Select::from(&NODES).equals(NODES.key(), id.as_str()).equals("running", true).limit(1);
        Ok(self.node_views(select).await?.pop())
    }

    /// Running nodes in the order of their ids, that is, of their starts.
    pub async fn nodes(&self, page: &PageOf) -> Result<Vec<NodeView>, ReadError> {
        let select = Select::from(&NODES).equals("running", true).after(page.after.clone()).limit(page.limit);
        self.node_views(select).await
    }

    async fn node_views(&self, select: Select) -> Result<Vec<NodeView>, ReadError> {
        let rows = self.rows.select(select).await?;
        let nodes = rows.iter().map(|row| decoded(&NODES, row, NodeRow::from_row)).collect::<Result<Vec<_>, _>>()?;
        let serving =
            self.rows.select(Select::from(&MEDIA_NODES).equals("serving", true).limit(SELECT_ROWS_MAX)).await?;
        let serving = serving.iter().map(|row| decoded(&MEDIA_NODES, row, MediaNodeRow::from_row));
        let mut serving: HashMap<NodeId, MediaNodeRow> =
            serving.map(|row| row.map(|row| (row.id.clone(), row))).collect::<Result<_, _>>()?;
        let mut views = Vec::with_capacity(nodes.len());
        for node in nodes {
            let media = match serving.remove(&node.id) {
                Some(row) => Some(self.media_node(row).await?),
                None => None,
            };
            views.push(NodeView { id: node.id, name: node.name, started_at: node.started_at, media });
        }
        Ok(views)
    }

    async fn media_node(&self, row: MediaNodeRow) -> Result<MediaNodeView, ReadError> {
        let (mut count, mut seats, mut after) = (0, 0, None);
        loop {
            let select = Select::from(&MEDIA_ROOMS).equals("node", row.id.as_str()).after(after).limit(SELECT_ROWS_MAX);
            let rows = self.rows.select(select).await?;
            let rooms = rows.iter().map(|row| decoded(&MEDIA_ROOMS, row, MediaRoomRow::from_row));
            let rooms = rooms.collect::<Result<Vec<_>, _>>()?;
            count += u64::try_from(rooms.len()).unwrap_or(u64::MAX);
            seats += rooms.iter().map(|room| room.seats).sum::<u64>();
            after = rooms.last().map(|room| room.opening.to_string());
            if rooms.len() < SELECT_ROWS_MAX {
                break;
            }
        }
        let MediaNodeRow { server, sessions_max, draining, .. } = row;
        Ok(MediaNodeView { server, sessions_max, draining, rooms: count, seats })
    }
}
