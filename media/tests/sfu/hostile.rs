//! Whatever is made of what comes from outside, the node goes on (fuzz targets, CONTRIBUTING.md).

use std::time::Duration;

use wac_media::wire::{ClientFrame, ClientMessage, NodeFrame};

use crate::world::World;

/// So many inputs a run of the tests tries; a fuzzer goes on.
const OFFERS: usize = 200;
const DATAGRAMS: usize = 50;
const CANDIDATES: usize = 50;

/// A node with a client that has made no offer yet, and the offer it would make.
fn before_an_offer() -> (World, String) {
    let mut world = World::new();
    let client = world.join("a");
    world.clients[client].microphone().simulcast().slots(2, 2).channel("wac");
    let (sdp, _) = world.clients[client].offer().unwrap();
    (world, sdp)
}

/// Changes lines of a session description: what is wrong with it is almost right, and gets far.
fn change(sdp: &str, changes: &[(u8, u16, u8)]) -> String {
    let mut lines: Vec<Vec<u8>> = sdp.split("\r\n").map(|line| line.as_bytes().to_vec()).collect();
    for (kind, at, value) in changes {
        let at = usize::from(*at) % lines.len();
        let other = usize::from(*value) % lines.len();
        match kind % 5 {
            0 => lines.swap(at, other),
            1 => lines[at].truncate(usize::from(*value)),
            2 => lines.insert(at, lines[other].clone()),
            3 => lines[at].push(*value),
            _ => {
                let place = usize::from(*value) % lines[at].len().max(1);
                if let Some(byte) = lines[at].get_mut(place) {
                    *byte = byte.wrapping_add(1);
                }
            }
        }
    }
    String::from_utf8_lossy(&lines.join(&b"\r\n"[..])).into_owned()
}

#[test]
fn bytes_of_any_kind_are_a_frame_or_are_not() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let _ = serde_json::from_slice::<ClientMessage>(bytes);
    });
}

#[test]
fn an_offer_with_anything_changed_is_answered_or_refused() {
    bolero::check!().with_iterations(OFFERS).with_type::<Vec<(u8, u16, u8)>>().for_each(|changes| {
        let (mut world, sdp) = before_an_offer();
        let offer = ClientFrame::Offer { sdp: change(&sdp, changes), tracks: Vec::new() };
        let message = ClientMessage { id: Some("1".into()), frame: offer };
        let peer = world.clients[0].peer;
        world.sfu.handle_frame(peer, message, world.now);
        let mut answers = 0;
        while let Some(frame) = world.next_frame() {
            let of_offer = matches!(frame, NodeFrame::Answer { .. } | NodeFrame::Error { code: "bad_offer", .. });
            answers += usize::from(of_offer);
        }
        assert_eq!(answers, 1);
    });
}

#[test]
fn a_candidate_of_any_kind_is_taken_or_named() {
    let parts = ["candidate:1 1 udp 2130706431 ", "192.0.2.7", " 40000 typ host", " tcptype passive", "\r\na=", ""];
    bolero::check!().with_iterations(CANDIDATES).with_type::<(Vec<u8>, Vec<u8>)>().for_each(|(chosen, bytes)| {
        let (mut world, sdp) = before_an_offer();
        world.say(0, ClientFrame::Offer { sdp, tracks: Vec::new() });
        let rubbish = String::from_utf8_lossy(bytes);
        let part = |choice: &u8| parts.get(usize::from(*choice) % 8).copied().unwrap_or(&rubbish);
        let candidate: String = chosen.iter().map(part).collect();
        let before = world.clients[0].frames.len();
        world.say(0, ClientFrame::Candidate { candidate });
        world.run(Duration::from_millis(500));
        let said = &world.clients[0].frames[before..];
        let is_error = |frame: &&NodeFrame| matches!(frame, NodeFrame::Error { .. });
        assert!(said.iter().filter(is_error).all(|it| matches!(it, NodeFrame::Error { code: "bad_candidate", .. })));
        assert!(world.clients[0].connected && world.clients[0].ended.is_none());
    });
}

#[test]
fn datagrams_of_any_kind_leave_the_call_alone() {
    bolero::check!().with_iterations(DATAGRAMS).with_type::<Vec<Vec<u8>>>().for_each(|datagrams| {
        let (mut world, sdp) = before_an_offer();
        let offer = ClientFrame::Offer { sdp, tracks: Vec::new() };
        world.say(0, offer);
        world.run(Duration::from_millis(500));
        assert!(world.clients[0].connected);
        for bytes in datagrams {
            world.inject(world.clients[0].address, bytes);
            world.inject("203.0.113.9:9".parse().unwrap(), bytes);
        }
        assert_eq!(world.clients[0].ended, None);
    });
}
