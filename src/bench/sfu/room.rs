//! One row: people go into rooms, some send, and what arrives is counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use wac_media_load::{Arrivals, Media, Participant, Slots};

use super::delay::Forwarded;
use super::floor::Floor;
use super::{AUDIO_BYTES, AUDIO_PER_SECOND, Row, Shape, VIDEO_BYTES};
use crate::bench::signaling::client::{Client, Entry};
use crate::bench::signaling::place::Person;
use crate::bench::signaling::server::{Cores, Server};
use crate::output::progress;

/// Joins under way at once.
const JOINING: usize = 8;
/// After that long everybody's keys, estimates and buffers are as they stay.
const WARM_UP: Duration = Duration::from_secs(3);
/// Memory is looked at when nothing has happened for so long: by then the allocator has given back what it holds.
const CALM: Duration = Duration::from_secs(12);
/// A key frame every so many pictures.
const PICTURES_A_KEYFRAME: u64 = 60;

/// Somebody in a room: his signaling socket and his media.
struct Member {
    _signaling: Client,
    media: Arc<Participant>,
}

/// Measures one row on a server that has done nothing yet.
pub(super) async fn measure(
    server: &Server,
    people: &[Person],
    shape: &Shape,
    floor: Floor,
    time: Duration,
) -> Result<Row> {
    let arrivals = Arc::<Arrivals>::default();
    tokio::time::sleep(CALM).await;
    let before = server.own_bytes()?;
    let rooms = enter(server, people, shape, &arrivals).await?;
    tokio::time::sleep(CALM).await;
    let idle = server.own_bytes()?;
    let ending = CancellationToken::new();
    for room in &rooms {
        for (place, member) in room.iter().enumerate() {
            if place < shape.showing {
                tokio::spawn(show(member.media.clone(), shape.picture, ending.clone()));
            }
            if place < shape.speaking {
                tokio::spawn(speak(member.media.clone(), ending.clone()));
            }
        }
    }
    tokio::time::sleep(WARM_UP).await;
    let forwarded = Forwarded::read(&server.metrics().await?)?;
    let (cores, cpu, earlier, began) = (Cores::start(server)?, server.cpu_s()?, arrivals.read(), Instant::now());
    tokio::time::sleep(time).await;
    let counted = arrivals.read().since(&earlier);
    let (elapsed_s, cpu_s) = (began.elapsed().as_secs_f64(), server.cpu_s()? - cpu);
    let forwarded = Forwarded::read(&server.metrics().await?)?.since(&forwarded);
    let (cores, active) = (cores.used(server)?, server.own_bytes()?);
    ending.cancel();
    let receivers = shape.receivers();
    let packets = counted.packets().max(1) as f64;
    let micros_per_packet = cpu_s * 1e6 / packets;
    let kb = |bytes: u64| bytes.saturating_sub(before) as f64 / 1_000.0 / (shape.rooms * shape.members) as f64;
    Ok(Row {
        shape: *shape,
        receivers,
        offered_per_second: shape.per_second(),
        arrived_per_second: packets / elapsed_s,
        micros_per_packet,
        floors: micros_per_packet / floor.micros_per_packet.max(f64::EPSILON),
        floor,
        packets_per_core_second: 1e6 / micros_per_packet,
        idle_kb: kb(idle),
        active_kb: kb(active),
        forward_p50_ms: forwarded.millis(500).unwrap_or_default(),
        forward_p99_ms: forwarded.millis(990).unwrap_or_default(),
        delay_p50_ms: counted.delay_ms(500).unwrap_or_default(),
        delay_p99_ms: counted.delay_ms(990).unwrap_or_default(),
        cores,
    })
}

/// Everybody goes into his room.
async fn enter(
    server: &Server,
    people: &[Person],
    shape: &Shape,
    arrivals: &Arc<Arrivals>,
) -> Result<Vec<Vec<Member>>> {
    let bar = progress((shape.rooms * shape.members) as u64, shape.name);
    let mut rooms = Vec::with_capacity(shape.rooms);
    for (number, members) in people.chunks(shape.members).take(shape.rooms).enumerate() {
        let first = number * shape.members;
        let host = Client::connect(Entry::qss(server.qss, &members[0].token, first)).await?;
        let acl: Vec<&str> = members.iter().map(|person| person.user.as_str()).collect();
        let opened = host.ask("createRoom", json!({ "acl": acl })).await?.frame;
        let room = opened.id.clone().context("a room without an id")?;
        let mut entered = vec![member(server, host, opened.token, shape, 0, arrivals).await?];
        bar.inc(1);
        let others = members.iter().enumerate().skip(1).map(|(place, person)| {
            let (room, bar) = (&room, &bar);
            async move {
                let client = Client::connect(Entry::qss(server.qss, &person.token, first + place)).await?;
                let joined = client.ask("joinRoom", json!({ "roomId": room })).await?.frame;
                let member = member(server, client, joined.token, shape, place, arrivals).await;
                bar.inc(1);
                member
            }
        });
        let others: Vec<Result<Member>> = futures::stream::iter(others).buffered(JOINING).collect().await;
        for other in others {
            entered.push(other?);
        }
        rooms.push(entered);
    }
    bar.finish_and_clear();
    Ok(rooms)
}

async fn member(
    server: &Server,
    signaling: Client,
    token: Option<String>,
    shape: &Shape,
    place: usize,
    arrivals: &Arc<Arrivals>,
) -> Result<Member> {
    let token = token.context("the room's answer has no media token")?;
    let url = format!("ws://{}/media", server.qss);
    let media = Media { audio: place < shape.speaking, video: place < shape.showing };
    let others = |sending: usize| sending - usize::from(place < sending);
    let slots = Slots { audio: others(shape.speaking), video: others(shape.showing) };
    let media = Participant::join(&url, &token, media, slots, arrivals.clone()).await;
    Ok(Member { _signaling: signaling, media: Arc::new(media.context("joining the room's media")?) })
}

async fn show(participant: Arc<Participant>, (packets, per_second): (usize, u32), ending: CancellationToken) {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / per_second.max(1));
    let mut pictures = 0_u64;
    loop {
        tokio::select! {
            () = ending.cancelled() => return,
            _ = clock.tick() => {}
        }
        let key = pictures.is_multiple_of(PICTURES_A_KEYFRAME);
        if participant.show(packets, VIDEO_BYTES, per_second, key).await.is_err() {
            return;
        }
        pictures += 1;
    }
}

async fn speak(participant: Arc<Participant>, ending: CancellationToken) {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / AUDIO_PER_SECOND);
    loop {
        tokio::select! {
            () = ending.cancelled() => return,
            _ = clock.tick() => {}
        }
        if participant.speak(AUDIO_BYTES).await.is_err() {
            return;
        }
    }
}
