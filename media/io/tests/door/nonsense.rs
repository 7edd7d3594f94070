//! What is no offer, or one that cannot be meant: it is named, and who is on another WebRTC stack goes on.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::company::Company;
use crate::node::{Node, joined};
use crate::socket::Socket;
use crate::whip::offer;

const NAMES: [&str; 2] = ["alice", "bob"];
/// Longest frame that is taken (docs/media.md).
const FRAME_BYTES_MAX: usize = 256 * 1024;

/// What the node has to say of something that is said to be an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Says {
    /// `bad_offer`.
    Bad,
    /// An answer: what is wrong with it harms nobody.
    Answer,
    /// Either.
    Anything,
}

/// A node where two people talk, and a third one has a seat.
async fn company() -> Company {
    let company = Company::meet(Node::start().await, &NAMES).await;
    company.node.tell(joined("mallory")).await;
    company
}

async fn mallory(company: &Company, token: &str) -> Socket {
    let mut socket = company.node.enter(&company.node.token("mallory", token, 60)).await.unwrap();
    assert_eq!(socket.frame().await["type"], "hello");
    socket
}

fn of_sdp(sdp: &str) -> Value {
    json!({ "id": "nonsense", "type": "offer", "sdp": sdp, "tracks": [{ "mid": "0", "source": "microphone" }] })
}

/// A section that is there many times.
fn sections(offer: &str, count: usize) -> String {
    let section = |number| format!("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:x{number}\r\na=recvonly\r\n");
    (0..count).fold(offer.to_owned(), |text, number| text + &section(number))
}

/// With every line that begins like this replaced.
fn with(offer: &str, begins: &str, line: &str) -> String {
    let lines = offer.lines().map(|it| if it.starts_with(begins) { line } else { it });
    lines.filter(|line| !line.is_empty()).map(|line| format!("{line}\r\n")).collect()
}

fn nonsense(offer: &str) -> Vec<(String, Says)> {
    let bad = |text: &str| (text.to_owned(), Says::Bad);
    let mut all: Vec<(String, Says)> =
        ["", "v=0", "v=0\r\n", "hello", "\u{1f600}", "\0\0\0\0", "m=audio", "\r\n\r\n\r\n"].map(bad).into();
    // Cut off, in the middle of a line and after one.
    let lines: Vec<&str> = offer.split_inclusive('\n').collect();
    for place in (1..lines.len()).step_by(5) {
        let whole = lines[..place].concat();
        all.push((whole.clone() + &lines[place][..lines[place].len() / 2], Says::Bad));
        all.push((whole, Says::Bad));
    }
    // Too many of everything.
    all.push((sections(offer, 300), Says::Bad));
    all.push((sections(offer, 3_000), Says::Bad));
    all.push((offer.repeat(20), Says::Anything));
    all.push(("a=x:y\r\n".repeat(20_000), Says::Bad));
    let candidate = |port| format!("a=candidate:{port} 1 udp 1 192.0.2.1 {port} typ host\r\n");
    all.push(((1..=4_000).fold(offer.to_owned(), |text, port| text + &candidate(port)), Says::Answer));
    // Not in any order, and with parts that contradict one another.
    all.push((offer.lines().rev().map(|line| format!("{line}\r\n")).collect(), Says::Bad));
    all.push((with(offer, "a=mid:", "a=mid:0"), Says::Bad));
    all.push((with(offer, "a=mid:", ""), Says::Bad));
    all.push((with(offer, "a=mid:", &format!("a=mid:{}", "m".repeat(10_000))), Says::Anything));
    all.push((with(offer, "a=ice-ufrag:", ""), Says::Bad));
    all.push((with(offer, "a=ice-pwd:", "a=ice-pwd:short"), Says::Anything));
    all.push((with(offer, "a=fingerprint:", ""), Says::Bad));
    all.push((with(offer, "a=fingerprint:", "a=fingerprint:sha-256 00"), Says::Anything));
    all.push((with(offer, "a=setup:", "a=setup:holdconn"), Says::Anything));
    all.push((with(offer, "a=group:", "a=group:BUNDLE 7 8 9"), Says::Anything));
    all.push((with(offer, "a=rtpmap:", "a=rtpmap:999 opus/0/99999999999"), Says::Anything));
    all.push((with(offer, "a=extmap:", "a=extmap:99999 urn:ietf:params:rtp-hdrext:sdes:mid"), Says::Anything));
    all.push((with(offer, "m=", "m=audio 99999 UDP/TLS/RTP/SAVPF 111 111 300"), Says::Anything));
    all.push((with(offer, "a=ssrc:", "a=ssrc:4294967296 cname:x"), Says::Anything));
    all
}

/// What the node says of one of them, to somebody whose socket is new; and what of a good offer after that.
async fn said_of(company: &Company, number: usize, frame: &Value, good: &str) -> (Value, Option<Value>) {
    let mut socket = mallory(company, &format!("mallory-{number}")).await;
    socket.say(&frame.to_string()).await;
    let said = socket.answer("nonsense").await;
    let mut afterwards = None;
    if said["type"] == "error" {
        socket.say(&json!({ "id": "good", "type": "offer", "sdp": good }).to_string()).await;
        afterwards = Some(socket.answer("good").await);
    }
    socket.say(r#"{"type":"bye"}"#).await;
    assert_eq!(socket.close().await, 1000);
    (said, afterwards)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_as_an_offer_is_named_and_the_socket_and_the_others_go_on() {
    let (company, good) = (company().await, offer().await);
    let cases = nonsense(&good);
    let mut number = 0;
    let enough = async || {
        let Some((sdp, says)) = cases.get(number) else { return true };
        let (said, afterwards) = said_of(&company, number, &of_sdp(sdp), &good).await;
        let start: String = sdp.chars().take(300).collect();
        match said["type"].as_str() {
            Some("error") => {
                assert_eq!(said["code"], "bad_offer", "{start}");
                assert!(!said["title"].as_str().unwrap().contains("0x"), "no address of the node's memory: {said}");
                assert_ne!(*says, Says::Answer, "{said} of {start}");
                assert_eq!(afterwards.unwrap()["type"], "answer", "after {start}");
            }
            Some("answer") => assert_ne!(*says, Says::Bad, "{start}"),
            _ => panic!("{said} of {start}"),
        }
        number += 1;
        false
    };
    company.goes_on_while(enough).await;
    company.hear_and_see_one_another().await;
    company.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_place_of_an_offer_is_refused() {
    let (company, good) = (company().await, offer().await);
    let (said, _) = said_of(&company, 0, &of_sdp(&good), &good).await;
    let answer = said["sdp"].as_str().expect("a good offer is answered").to_owned();
    let (said, afterwards) = said_of(&company, 1, &of_sdp(&answer), &good).await;
    assert_eq!((said["code"].as_str(), afterwards.unwrap()["type"].as_str()), (Some("bad_offer"), Some("answer")));
    let mut socket = mallory(&company, "mallory-2").await;
    socket.say(&json!({ "id": "nonsense", "type": "answer", "sdp": answer }).to_string()).await;
    assert_eq!(socket.error().await, "malformed", "clients offer");
    company.hear_and_see_one_another().await;
    company.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_the_wrong_shape_are_named_and_those_that_are_none_end_the_socket() {
    let company = company().await;
    let deep = format!(r#"{{"type":"offer","sdp":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let shapes = [
        r#"{"type":"offer","sdp":"\ud800"}"#,
        r#"{"type":"offer","sdp":7}"#,
        r#"{"type":"offer","sdp":"v=0","tracks":[{"mid":"0","source":"nose"}]}"#,
        r#"{"type":"subscribe","trackId":"-1","on":true}"#,
        r#"{"type":"subscribe","trackId":7,"on":true}"#,
        r#"[{"type":"offer"}]"#,
        &deep,
        "",
    ];
    let mut socket = mallory(&company, "mallory-0").await;
    for shape in shapes {
        socket.say(shape).await;
        assert_eq!(socket.error().await, "malformed", "{shape}");
    }
    // What nobody has, and candidates that are none.
    for candidate in ["candidate:", "candidate:1 1 udp 1 999.0.0.1 9 typ host", &"c".repeat(100_000)] {
        socket.say(&json!({ "id": "c", "type": "candidate", "candidate": candidate }).to_string()).await;
        assert_eq!(socket.answer("c").await["code"], "bad_candidate");
    }
    socket.say(r#"{"type":"subscribe","trackId":"12345678","on":true,"maxWidth":0,"priority":255}"#).await;
    // As long as a frame may be, and of no more use.
    let mut long = of_sdp(&"a".repeat(FRAME_BYTES_MAX - 200));
    socket.say(&long.to_string()).await;
    assert_eq!(socket.answer("nonsense").await["code"], "bad_offer");
    long["sdp"] = "a".repeat(FRAME_BYTES_MAX).into();
    socket.say(&long.to_string()).await;
    assert_eq!(socket.close().await, 4413, "longer than a frame may be");
    let not_text = Frame::message(vec![b'"', 0xff, 0xfe, b'"'], OpCode::Data(Data::Text), true);
    for (number, message) in [Message::Frame(not_text), Message::binary(vec![1, 2, 3])].into_iter().enumerate() {
        let mut socket = mallory(&company, &format!("ended-{number}")).await;
        socket.send(message).await;
        assert_eq!(socket.close().await, 4400);
    }
    company.goes_on_while(async || true).await;
    company.hear_and_see_one_another().await;
    company.end().await;
}
