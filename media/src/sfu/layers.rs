//! Which layer of each picture a peer is sent: as much as its way bears and it has asked for.

use std::time::Instant;

use wac_events::{OpeningId, UserId};

use super::Sfu;
use crate::peer::Peer;
use crate::track::Track;
use crate::wire::{Kind, NodeFrame};
use crate::{PeerId, TrackId};

/// What one sound takes, bit/s.
const AUDIO_RATE: u64 = 50_000;
/// What a picture is taken to need as long as not all its layers have been measured, bit/s: otherwise
/// nothing would be found out about the way before it is too late to be of use.
const UNMEASURED_RATE: u64 = 1_500_000;
/// A layer above the present one is taken up when there is room for this much of it, in percent.
const RISE_PERCENT: u64 = 115;
/// This much of what the way bears is used, in percent.
const USED_PERCENT: u64 = 95;

/// One picture a peer is sent, and its layers to choose from, least first.
struct Choice {
    slot: usize,
    track: TrackId,
    priority: u8,
    current: Option<usize>,
    /// Index and rate.
    layers: Vec<(usize, u64)>,
    /// What its best layer takes, bit/s, or is taken to take until it has been measured.
    best: u64,
    chosen: usize,
}

impl Choice {
    /// What choosing the layer at `place` asks of the way, bit/s.
    fn cost(&self, place: usize) -> u64 {
        let (layer, rate) = self.layers[place];
        let rises = match self.current.and_then(|current| self.layers.iter().position(|(index, _)| *index == current)) {
            Some(current) => place > current,
            None => false,
        };
        if rises && self.current != Some(layer) { rate * RISE_PERCENT / 100 } else { rate }
    }
}

impl Sfu {
    /// What the way to a peer bears has been estimated anew; `None`: it cannot be.
    pub(super) fn estimated(&mut self, id: PeerId, estimate: Option<u64>, now: Instant) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.estimate = estimate;
        }
        self.choose_layers(id, now);
    }

    /// A layer of a track has appeared or fallen silent.
    pub(super) fn layers_changed(&mut self, track: TrackId, now: Instant) {
        let Some(track) = self.tracks.get(&track) else { return };
        for (subscriber, _) in track.subscribers.clone() {
            self.choose_layers(subscriber, now);
        }
    }

    /// Chooses the layer of every picture of a peer.
    pub(super) fn choose_layers(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get(&id) else { return };
        let mut choices = self.choices(peer, now);
        choices.sort_by_key(|choice| std::cmp::Reverse(choice.priority));
        let sounds = peer.slots.iter().filter(|slot| slot.kind == Kind::Audio && slot.track.is_some()).count() as u64;
        let budget = peer.estimate.map(|estimate| (estimate * USED_PERCENT / 100).saturating_sub(sounds * AUDIO_RATE));
        allot(&mut choices, budget);
        self.announce_rates(id, &choices, sounds * AUDIO_RATE, now);
        let mut asked = Vec::new();
        let Some(peer) = self.peers.get_mut(&id) else { return };
        for choice in &choices {
            let layer = choice.layers[choice.chosen].0;
            let slot = &mut peer.slots[choice.slot];
            slot.wanted = Some(layer);
            if slot.layer != slot.wanted {
                asked.push((choice.track, layer));
            }
        }
        for (track, layer) in asked {
            self.ask_keyframe(track, layer, now);
        }
    }

    fn choices(&self, peer: &Peer, now: Instant) -> Vec<Choice> {
        let slots = peer.slots.iter().enumerate().filter(|(_, slot)| slot.kind == Kind::Video);
        let choices = slots.filter_map(|(index, slot)| {
            let track = self.tracks.get(&slot.track?)?;
            let wish = peer.wish(track.id);
            let layers = usable(track, wish.max_width, now);
            let unmeasured = track.layers.iter().any(|layer| layer.rate == 0);
            let measured = layers.last().map_or(0, |(_, rate)| *rate);
            (!layers.is_empty()).then_some(Choice {
                slot: index,
                track: track.id,
                priority: wish.priority,
                current: slot.layer,
                best: if unmeasured { measured.max(UNMEASURED_RATE) } else { measured },
                layers,
                chosen: 0,
            })
        });
        choices.collect()
    }

    /// Tells the bandwidth estimation what could be used, so that it finds out whether it can be.
    fn announce_rates(&mut self, id: PeerId, choices: &[Choice], sounds: u64, now: Instant) {
        // A picture that has paused takes nothing; one that has not begun yet is prepared for.
        let to_come = |track: &TrackId| {
            let track = self.tracks.get(track);
            track.is_some_and(|track| track.layers.iter().all(|layer| layer.rate == 0))
        };
        let chosen = |track: &TrackId| choices.iter().any(|choice| choice.track == *track);
        let pictures = |peer: &Peer| {
            let carried = peer.slots.iter().filter(|slot| slot.kind == Kind::Video).filter_map(|slot| slot.track);
            carried.filter(|track| to_come(track) && !chosen(track)).count()
        };
        let awaited = self.peers.get(&id).map_or(0, |peer| pictures(peer)) as u64;
        let best: u64 = choices.iter().map(|choice| choice.best).sum::<u64>() + awaited * UNMEASURED_RATE;
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.connected) else { return };
        let desired = (best + sounds) * RISE_PERCENT / 100 * 100 / USED_PERCENT;
        if peer.announced != desired / 50_000 {
            peer.announced = desired / 50_000;
            peer.egress.estimator.desire(desired, now);
            self.schedule(id);
        }
    }

    /// Asks again for the key frames that slots wait for.
    pub(super) fn ask_for_waiting(&mut self, id: PeerId, now: Instant) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.connected) else { return };
        let unchosen =
            peer.slots.iter().any(|slot| slot.kind == Kind::Video && slot.track.is_some() && slot.wanted.is_none());
        let waiting: Vec<(TrackId, usize)> = peer
            .slots
            .iter()
            .filter(|slot| slot.kind == Kind::Video && slot.layer != slot.wanted)
            .filter_map(|slot| Some((slot.track?, slot.wanted?)))
            .collect();
        for (track, layer) in waiting {
            self.ask_keyframe(track, layer, now);
        }
        if unchosen {
            self.choose_layers(id, now);
        }
    }

    /// What somebody sends or receives begins anew, pictures with a key frame: after a mute or a hold.
    pub(super) fn restart(&mut self, opening: &OpeningId, user: &UserId, now: Instant) {
        let Some(venue) = self.venues.get(opening) else { return };
        for id in venue.peers.clone() {
            let own = self.peers.get(&id).is_some_and(|peer| peer.ticket.user == *user);
            let theirs = |track: &TrackId| {
                let owner = self.tracks.get(track).and_then(|track| self.peers.get(&track.peer));
                owner.is_some_and(|owner| owner.ticket.user == *user)
            };
            let affected: Vec<bool> = match self.peers.get(&id) {
                Some(peer) => peer.slots.iter().map(|slot| own || slot.track.as_ref().is_some_and(theirs)).collect(),
                None => continue,
            };
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            for (slot, _) in peer.slots.iter_mut().zip(affected).filter(|(_, affected)| *affected) {
                slot.rewriter.interrupt();
                slot.layer = None;
            }
            self.choose_layers(id, now);
        }
    }

    pub(super) fn tell_layer(&mut self, id: PeerId, track_id: TrackId, layer: usize) {
        let Some(track) = self.tracks.get(&track_id) else { return };
        if track.layers.len() > 1 {
            let rid = track.layers[layer].rid.map(|rid| rid.to_string());
            self.say(id, NodeFrame::Layer { track_id, rid });
        }
    }
}

/// The layers of a track that can be sent, least first, with their rates.
fn usable(track: &Track, max_width: Option<u32>, now: Instant) -> Vec<(usize, u64)> {
    let mut usable: Vec<(usize, u64)> =
        track.alive(now).into_iter().map(|index| (index, track.layers[index].rate)).collect();
    // What has not been measured is not risen to.
    if usable.iter().any(|(_, rate)| *rate > 0) {
        usable.retain(|(_, rate)| *rate > 0);
    } else {
        usable.truncate(1);
    }
    let fits = |index: usize| match (track.layers[index].width, max_width) {
        (Some(width), Some(most)) => u32::from(width) <= most,
        _ => true,
    };
    let fitting = usable.iter().take_while(|(index, _)| fits(*index)).count();
    usable.truncate(fitting.max(1));
    usable
}

/// Gives every picture its least layer, then raises one after the other as long as there is room.
/// Without a budget everybody gets the best.
fn allot(choices: &mut [Choice], budget: Option<u64>) {
    let Some(budget) = budget else {
        for choice in choices {
            choice.chosen = choice.layers.len() - 1;
        }
        return;
    };
    let mut used: u64 = choices.iter().map(|choice| choice.cost(0)).sum();
    loop {
        let mut risen = false;
        for choice in choices.iter_mut() {
            let next = choice.chosen + 1;
            if next == choice.layers.len() {
                continue;
            }
            let after = used - choice.cost(choice.chosen) + choice.cost(next);
            if after <= budget {
                used = after;
                choice.chosen = next;
                risen = true;
            }
        }
        if !risen {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(current: Option<usize>, rates: &[u64]) -> Choice {
        let layers = rates.iter().copied().enumerate().collect();
        Choice { slot: 0, track: TrackId(1), priority: 0, current, layers, best: 0, chosen: 0 }
    }

    fn allotted(budget: Option<u64>, mut choices: Vec<Choice>) -> Vec<usize> {
        allot(&mut choices, budget);
        choices.iter().map(|choice| choice.chosen).collect()
    }

    #[test]
    fn pictures_get_what_the_way_bears() {
        let rates = [100, 300, 900];
        assert_eq!(allotted(None, vec![choice(None, &rates)]), [2]);
        assert_eq!(allotted(Some(50), vec![choice(None, &rates)]), [0], "the least is always sent");
        assert_eq!(allotted(Some(400), vec![choice(None, &rates)]), [1]);
        assert_eq!(allotted(Some(650), vec![choice(None, &rates), choice(None, &rates)]), [1, 1], "shared");
        assert_eq!(allotted(Some(450), vec![choice(None, &rates), choice(None, &rates)]), [1, 0], "the first first");
    }

    #[test]
    fn a_layer_is_kept_with_less_room_than_it_takes_to_rise_to_it() {
        let rates = [100, 300];
        assert_eq!(allotted(Some(310), vec![choice(Some(1), &rates)]), [1]);
        assert_eq!(allotted(Some(310), vec![choice(Some(0), &rates)]), [0]);
        assert_eq!(allotted(Some(350), vec![choice(Some(0), &rates)]), [1]);
    }
}
