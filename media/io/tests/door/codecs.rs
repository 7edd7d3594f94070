//! Which codecs reach whom, between clients of another WebRTC stack.

use std::sync::Arc;
use std::time::Duration;

use wac_media_io::VideoCodec;
use wac_media_load::{Arrivals, Media, Participant, Picture, Slots, Sound, Stack};

use crate::node::{Node, joined};

const PATIENCE: Duration = Duration::from_secs(20);
const SOUND: Media = Media { audio: true, video: false };
const PICTURE: Media = Media { audio: false, video: true };

fn only(sound: Sound) -> Stack {
    Stack { sound: Some(sound), ..Stack::default() }
}

fn of_picture(picture: Picture) -> Stack {
    Stack { picture: Some(picture), ..Stack::default() }
}

struct Person {
    client: Participant,
    arrivals: Arc<Arrivals>,
}

async fn enter(node: &Node, name: &str, stack: Stack, wanted: (Media, Slots)) -> Person {
    node.tell(joined(name)).await;
    let arrivals = Arc::new(Arrivals::of_pictures());
    let (url, token) = (node.media_url(), node.token(name, name, 60));
    let client = Participant::join_with(stack, &url, &token, wanted, arrivals.clone()).await.unwrap();
    Person { client, arrivals }
}

/// Somebody with a microphone, who can hear two others.
async fn voice(node: &Node, name: &str, sound: Sound) -> Person {
    enter(node, name, only(sound), (SOUND, Slots { audio: 2, video: 0 })).await
}

/// All speak until each of these has heard so much.
async fn speak_until(people: &[&Person], listeners: &[&Person], packets: u64) {
    let enough = async {
        while listeners.iter().any(|person| person.arrivals.read().audio < packets) {
            for person in people {
                person.client.speak(80).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, enough).await;
    assert!(came.is_ok(), "{:?}", listeners.iter().map(|person| person.arrivals.read().audio).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_room_of_h264_pictures_arrive_whole() {
    let node = Node::start_with(|config| config.video = VideoCodec::H264).await;
    let bob = enter(&node, "bob", of_picture(Picture::H264), (Media::default(), Slots { audio: 0, video: 1 })).await;
    let alice = enter(&node, "alice", of_picture(Picture::H264), (PICTURE, Slots::default())).await;
    let enough = async {
        for picture in 0_u32.. {
            alice.client.show(3, 1_100, 25, picture.is_multiple_of(25)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            if bob.arrivals.shown().len() >= 60 {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE, enough).await.is_ok(), "{} pictures", bob.arrivals.shown().len());
    assert!(bob.arrivals.read().delay_ms(500).is_some(), "what arrives is what was sent");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_room_of_h264_nobody_is_sent_vp8() {
    let node = Node::start_with(|config| config.video = VideoCodec::H264).await;
    let both = |slots| (Media { audio: true, video: true }, slots);
    let bob = enter(&node, "bob", of_picture(Picture::Vp8), both(Slots { audio: 1, video: 1 })).await;
    let alice = enter(&node, "alice", of_picture(Picture::H264), both(Slots { audio: 1, video: 1 })).await;
    let enough = async {
        for picture in 0_u32.. {
            for person in [&alice, &bob] {
                person.client.speak(80).await.unwrap();
            }
            alice.client.show(3, 1_100, 25, picture.is_multiple_of(25)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            if [&alice, &bob].iter().all(|person| person.arrivals.read().audio >= 50) {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE, enough).await.is_ok(), "they hear one another");
    assert_eq!((alice.arrivals.read().video, bob.arrivals.read().video), (0, 0));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_only_one_law_of_g711_is_heard_by_those_who_have_it() {
    for sound in [Sound::Pcmu, Sound::Pcma] {
        let node = Node::start().await;
        let (alice, bob) = (voice(&node, "alice", sound).await, voice(&node, "bob", sound).await);
        speak_until(&[&alice, &bob], &[&alice, &bob], 50).await;
        assert!(bob.arrivals.read().delay_ms(500).is_some(), "what arrives is what was sent");
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_is_not_converted_and_who_has_no_codec_in_common_is_sent_nothing_he_cannot_play() {
    let node = Node::start().await;
    let opus = [voice(&node, "alice", Sound::Opus).await, voice(&node, "bob", Sound::Opus).await];
    let g711 = [voice(&node, "carol", Sound::Pcma).await, voice(&node, "dora", Sound::Pcma).await];
    let everybody: Vec<&Person> = opus.iter().chain(&g711).collect();
    speak_until(&everybody, &everybody, 100).await;
    // Had the two others been sent on as well, everybody would have three times as much as of the one he can play.
    let before: Vec<u64> = everybody.iter().map(|person| person.arrivals.read().audio).collect();
    for _ in 0..50 {
        for person in &everybody {
            person.client.speak(80).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (person, before) in everybody.iter().zip(before) {
        let heard = person.arrivals.read().audio - before;
        assert!(heard > 25 && heard <= 60, "of one other, not of three: {heard}");
    }
    node.stop().await;
}
