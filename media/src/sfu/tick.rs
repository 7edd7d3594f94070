//! What is done as time passes.

use std::time::Instant;

use str0m::Input;
use wac_events::OpeningId;

use super::{Sfu, TICK};
use crate::PeerId;
use crate::wire::{ByeReason, NodeFrame};

/// Every so many ticks layers are chosen anew and publishers are told their limit.
const SLOW_TICKS: u64 = 4;

impl Sfu {
    /// Time has passed: to be called at the time [`super::Output::Timeout`] said, or earlier.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, id)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            self.deadlines.remove(&(at, id));
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            peer.deadline = None;
            if peer.connection_deadline.is_none_or(|at| at <= now) {
                if peer.rtc.handle_input(Input::Timeout(now)).is_err() {
                    peer.rtc.disconnect();
                }
                self.dirty.push(id);
            }
            self.pad(id, now);
            self.settle(now);
            self.schedule(id);
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.ticks += 1;
            self.pace.mark(self.figures.bytes_sent, now);
            self.tick(now);
            self.settle(now);
        }
    }

    fn tick(&mut self, now: Instant) {
        self.count_speech();
        let openings: Vec<OpeningId> = self.venues.keys().cloned().collect();
        for opening in &openings {
            self.tell_speakers(opening, now);
        }
        let peers: Vec<PeerId> = self.peers.keys().copied().collect();
        let slow = self.ticks.is_multiple_of(SLOW_TICKS);
        for id in peers {
            self.ask_for_waiting(id, now);
            self.report_if_due(id, now);
            if slow {
                self.choose_layers(id, now);
                self.limit_rates(id);
                self.settle(now);
                self.sum_up_if_due(id, now);
                self.end_if_lost(id, now);
            }
        }
    }

    fn tell_speakers(&mut self, opening: &OpeningId, now: Instant) {
        let Some(venue) = self.venues.get_mut(opening) else { return };
        let Some(user_ids) = venue.speakers.changed(now) else { return };
        let peers = venue.peers.clone();
        for peer in &peers {
            self.say(*peer, NodeFrame::Speakers { user_ids: user_ids.clone() });
        }
        self.turn_viewers(&peers, now);
    }

    fn end_if_lost(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get(&id) else { return };
        if now.saturating_duration_since(peer.heard) >= self.config.idle_timeout {
            self.end(id, ByeReason::Lost, now);
        }
    }
}
