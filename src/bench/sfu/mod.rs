//! `wac bench sfu`: what it costs the media node to send a packet on, beside a bare encrypted send of the same packets
//! in the same run. The clients are of another WebRTC stack (`wac-media-load`); server and clients share the machine.

mod delay;
mod floor;
mod print;
mod room;

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::bench::signaling::memory::raise_files;
use crate::bench::signaling::place::Place;
use crate::bench::signaling::server::{CoresUsed, Server};
use crate::cli::{SfuBenchArgs, SfuPart};
use floor::Floor;

/// What the server that is measured does.
const ROLES: &str = "api,signaling,media,projector,processes";
/// Payload of a packet of pictures, and of one of sound, in bytes.
const VIDEO_BYTES: usize = 1_180;
const AUDIO_BYTES: usize = 80;
/// Packets of sound a second: 20 ms each.
const AUDIO_PER_SECOND: u32 = 50;

/// Who sends what to whom.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    name: &'static str,
    #[serde(skip)]
    part: SfuPart,
    rooms: usize,
    members: usize,
    /// Of each room, so many show themselves.
    showing: usize,
    /// Packets of each picture, and pictures a second.
    picture: (usize, u32),
    /// Of each room, so many speak.
    speaking: usize,
}

const SHAPES: [Shape; 4] = [
    Shape {
        name: "one picture to 100",
        part: SfuPart::One,
        rooms: 1,
        members: 101,
        showing: 1,
        picture: (6, 30),
        speaking: 0,
    },
    Shape {
        name: "one picture to 100, half the rate",
        part: SfuPart::One,
        rooms: 1,
        members: 101,
        showing: 1,
        picture: (3, 30),
        speaking: 0,
    },
    Shape {
        name: "10 rooms of 10, all seen, two speak",
        part: SfuPart::Rooms,
        rooms: 10,
        members: 10,
        showing: 10,
        picture: (1, 15),
        speaking: 2,
    },
    Shape {
        name: "one voice to 300",
        part: SfuPart::Audio,
        rooms: 1,
        members: 301,
        showing: 0,
        picture: (0, 1),
        speaking: 1,
    },
];

impl Shape {
    /// Packets a second that are to be sent on.
    fn per_second(&self) -> f64 {
        let others = (self.members - 1) as f64;
        let pictures = self.showing as f64 * self.picture.0 as f64 * f64::from(self.picture.1);
        let sound = self.speaking as f64 * f64::from(AUDIO_PER_SECOND);
        self.rooms as f64 * others * (pictures + sound)
    }

    /// Who receives something.
    fn receivers(&self) -> usize {
        self.rooms * if self.showing.max(self.speaking) > 1 { self.members } else { self.members - 1 }
    }

    /// Payload of its packets, in bytes, on average.
    fn payload_bytes(&self) -> usize {
        let pictures = self.showing * self.picture.0 * self.picture.1 as usize;
        let sound = self.speaking * AUDIO_PER_SECOND as usize;
        (pictures * VIDEO_BYTES + sound * AUDIO_BYTES) / (pictures + sound).max(1)
    }
}

/// What one row came to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(flatten)]
    shape: Shape,
    receivers: usize,
    /// Packets a second that should have arrived, and that did.
    offered_per_second: f64,
    arrived_per_second: f64,
    /// Processor time of the whole server for each packet that arrived, in microseconds.
    micros_per_packet: f64,
    /// The same packets, only encrypted and sent.
    floor: Floor,
    floors: f64,
    packets_per_core_second: f64,
    /// Memory for each who receives, in kB, before anything is sent and after it.
    idle_kb: f64,
    active_kb: f64,
    /// From the kernel's receipt of a packet to the sending of all that came of it, as the node itself tells.
    forward_p50_ms: f64,
    forward_p99_ms: f64,
    /// From a client's send to another's receive, both stacks included.
    delay_p50_ms: f64,
    delay_p99_ms: f64,
    cores: CoresUsed,
}

/// Measures on a scratch database beside the one that is named, else on one in a fresh directory.
pub(super) async fn run(args: &SfuBenchArgs) -> Result<()> {
    raise_files()?;
    let mut place = Place::make(&args.source, "wac bench sfu", ROLES).await?;
    let own = [("media.port", "0"), ("media.address", "127.0.0.1"), ("rooms.participantsLimit", "900")];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
    place.settings.splice(0..0, own);
    let rows = measure(&place, args).await;
    place.remove().await?;
    print::print(&rows?, args)
}

async fn measure(place: &Place, args: &SfuBenchArgs) -> Result<Vec<Row>> {
    let shapes = SHAPES.iter().filter(|shape| args.only.is_empty() || args.only.contains(&shape.part));
    let shapes: Vec<&Shape> = shapes.collect();
    let most = shapes.iter().map(|shape| shape.rooms * shape.members).max().unwrap_or(0);
    let people = place.people(&[most], "media").await?;
    let people = people.into_iter().flatten().collect::<Vec<_>>();
    let mut rows = Vec::new();
    for shape in shapes {
        let time = Duration::from_secs(args.seconds);
        let (bytes, receivers, pace) = (shape.payload_bytes(), shape.receivers(), shape.per_second());
        let floor = tokio::task::spawn_blocking(move || floor::measure(bytes, receivers, pace, time / 2)).await??;
        let server = Server::start(place).await?;
        rows.push(room::measure(&server, &people, shape, floor, time).await?);
        server.stop().await?;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_follows_from_the_shape() {
        let figures = SHAPES.map(|shape| (shape.per_second(), shape.receivers(), shape.payload_bytes()));
        assert_eq!(figures[0], (18_000.0, 100, VIDEO_BYTES));
        assert_eq!(figures[1], (9_000.0, 100, VIDEO_BYTES));
        assert_eq!((figures[2].0, figures[2].1), (22_500.0, 100));
        assert_eq!(figures[3], (15_000.0, 300, AUDIO_BYTES));
    }
}
