//! Which media node a room goes to: plain functions of how loaded the nodes are.

use std::cmp::Ordering;

use wac_events::NodeId;

/// A media node that takes rooms, and what it has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaNodeLoad {
    /// The node.
    pub id: NodeId,
    /// Most media sessions it takes.
    pub sessions_max: u32,
    /// Open rooms assigned to it.
    pub rooms: u64,
    /// Seats taken in them: each may become a media session.
    pub seats: u64,
}

impl MediaNodeLoad {
    /// Whether so many more seats fit.
    fn has_place_for(&self, seats: u64) -> bool {
        self.seats.saturating_add(seats) <= u64::from(self.sessions_max)
    }

    /// The node whose seats are the smaller part of what it takes is less loaded; of equals the one with fewer
    /// rooms, then the one whose id comes first, so that everybody who looks at the same nodes chooses the same.
    fn load(&self, other: &Self) -> Ordering {
        let part = |of: &Self, whole: &Self| u128::from(of.seats) * u128::from(whole.sessions_max);
        let by_seats = part(self, other).cmp(&part(other, self));
        by_seats.then(self.rooms.cmp(&other.rooms)).then_with(|| self.id.cmp(&other.id))
    }
}

/// The nodes that have a place for a room with so many seats taken, the least loaded first.
pub fn ranked(nodes: &[MediaNodeLoad], seats: u64) -> Vec<NodeId> {
    let mut fit: Vec<&MediaNodeLoad> = nodes.iter().filter(|node| node.has_place_for(seats.max(1))).collect();
    fit.sort_by(|one, other| one.load(other));
    fit.into_iter().map(|node| node.id.clone()).collect()
}

/// Counts a room that has been given to a node.
pub fn take(nodes: &mut [MediaNodeLoad], id: &NodeId, seats: u64) {
    if let Some(node) = nodes.iter_mut().find(|node| node.id == *id) {
        node.rooms += 1;
        node.seats = node.seats.saturating_add(seats.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, sessions_max: u32, rooms: u64, seats: u64) -> MediaNodeLoad {
        MediaNodeLoad { id: id.into(), sessions_max, rooms, seats }
    }

    fn order(nodes: &[MediaNodeLoad]) -> Vec<String> {
        ranked(nodes, 1).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_node_whose_seats_are_the_smaller_part_of_what_it_takes_comes_first() {
        assert_eq!(order(&[node("a", 100, 1, 10), node("b", 1_000, 9, 50)]), ["b", "a"]);
    }

    #[test]
    fn of_equally_loaded_nodes_the_one_with_fewer_rooms_comes_first_then_the_smaller_id() {
        assert_eq!(order(&[node("c", 10, 2, 2), node("b", 10, 1, 2), node("a", 10, 2, 2)]), ["b", "a", "c"]);
    }

    #[test]
    fn a_node_that_is_full_is_not_chosen() {
        assert_eq!(order(&[node("a", 10, 1, 10)]), [] as [&str; 0]);
        assert_eq!(ranked(&[node("a", 10, 1, 7)], 4), []);
        assert_eq!(ranked(&[node("a", 10, 1, 6)], 4), ["a".into()]);
    }

    #[test]
    fn rooms_that_are_given_away_count_at_once() {
        let mut nodes = [node("a", 10, 0, 0), node("b", 10, 0, 0)];
        take(&mut nodes, &"a".into(), 1);
        assert_eq!(order(&nodes), ["b", "a"]);
    }
}
