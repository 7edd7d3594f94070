//! WHIP and WHEP, with clients on another WebRTC stack than the node's.

use std::sync::Arc;
use std::time::Duration;

use wac_media_load::{Arrivals, HttpAnswer, HttpSession, LoadError, Media, Participant, Sending, Slots, request};

use crate::node::{Node, joined};

const PATIENCE: Duration = Duration::from_secs(20);
const BOTH: Media = Media { audio: true, video: true };
const NOTHING: Media = Media { audio: false, video: false };
const ONE_EACH: Slots = Slots { audio: 1, video: 1 };
const SDP: (&str, &str) = ("content-type", "application/sdp");
const FRAGMENT: (&str, &str) = ("content-type", "application/trickle-ice-sdpfrag");

/// A node with these people in its room.
async fn node_with(people: &[&str]) -> Node {
    let node = Node::start().await;
    for name in people {
        node.tell(joined(name)).await;
    }
    node
}

async fn publisher(node: &Node, name: &str) -> HttpSession {
    let token = node.token(name, &format!("{name}-whip"), 60);
    HttpSession::publish(&node.http_url("/whip/opening"), &token, BOTH).await.unwrap()
}

async fn listener(node: &Node, name: &str, arrivals: &Arc<Arrivals>) -> Participant {
    let token = node.token(name, &format!("{name}-socket"), 60);
    Participant::join(&node.media_url(), &token, NOTHING, ONE_EACH, arrivals.clone()).await.unwrap()
}

async fn show(sender: &Sending, picture: u32) {
    sender.speak(80).await.unwrap();
    sender.show(2, 1_100, 50, picture.is_multiple_of(25)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Sends until so much more has arrived.
async fn sends_until(sender: &Sending, arrivals: &Arrivals, (audio, video): (u64, u64)) {
    let before = arrivals.read();
    let enough = async {
        for picture in 0_u32.. {
            show(sender, picture).await;
            let counted = arrivals.read().since(&before);
            if counted.audio >= audio && counted.video >= video {
                return;
            }
        }
    };
    let came = tokio::time::timeout(PATIENCE, enough).await;
    assert!(came.is_ok(), "too little has arrived: {:?}", arrivals.read());
}

/// Waits for something that the node does.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A `POST` with this token.
async fn post(node: &Node, path: &str, token: &str, (content_type, body): (&str, &str)) -> HttpAnswer {
    let bearer = format!("Bearer {token}");
    let headers = [("content-type", content_type), ("authorization", bearer.as_str())];
    request("POST", &node.http_url(path), &headers, body).await.unwrap()
}

fn code(answer: &HttpAnswer) -> (u16, String) {
    let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    (answer.status, problem["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_publishes_by_whip_is_heard_and_seen_by_a_participant_until_he_deletes_his_session() {
    let node = node_with(&["alice", "bob"]).await;
    let at_bob = Arc::<Arrivals>::default();
    let bob = listener(&node, "bob", &at_bob).await;
    let alice = publisher(&node, "alice").await;
    sends_until(alice.sending(), &at_bob, (50, 80)).await;
    let created = alice.created().clone();
    assert_eq!(created.header("location"), Some("/whip/opening/session/alice-whip"));
    assert_eq!(created.header("content-type"), Some("application/sdp"));
    assert_eq!(created.header("link"), Some("<stun:stun.example:3478>; rel=\"ice-server\""));
    assert!(created.header("etag").is_some_and(|tag| tag.starts_with('"')));
    assert!(created.body.contains("a=recvonly") && created.body.contains("a=candidate:"));
    let resource = alice.resource().to_owned();
    assert_eq!(alice.end().await.unwrap(), 200);
    until("the end of the session", || node.sessions() == 1).await;
    let token = format!("Bearer {}", node.token("alice", "alice-whip", 60));
    let again = request("DELETE", &resource, &[("authorization", &token)], "").await.unwrap();
    assert_eq!(code(&again), (404, "session_not_found".to_owned()));
    bob.leave().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_by_whep_gets_the_one_he_asked_for_and_one_who_asked_for_nobody_gets_whoever_is_there() {
    let node = node_with(&["alice", "bob", "carol", "dora"]).await;
    let (at_carol, at_dora) = (Arc::<Arrivals>::default(), Arc::<Arrivals>::default());
    let view = async |name: &str, path: &str, arrivals: &Arc<Arrivals>| {
        let token = node.token(name, &format!("{name}-whep"), 60);
        HttpSession::view(&node.http_url(path), &token, arrivals.clone()).await.unwrap()
    };
    let carol = view("carol", "/whep/opening/bob", &at_carol).await;
    assert_eq!(carol.created().header("location"), Some("/whep/opening/bob/session/carol-whep"));
    let dora = view("dora", "/whep/opening", &at_dora).await;
    let alice = publisher(&node, "alice").await;
    sends_until(alice.sending(), &at_dora, (20, 30)).await;
    assert_eq!(at_carol.read().packets(), 0, "bob is not there yet");
    let bob = publisher(&node, "bob").await;
    sends_until(bob.sending(), &at_carol, (50, 80)).await;
    for session in [alice, bob, carol, dora] {
        assert_eq!(session.end().await.unwrap(), 200);
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_whip_once_in_time_and_for_its_room_and_rights() {
    let node = node_with(&["alice"]).await;
    let offer = offer().await;
    let ask = async |path: &str, token: &str| code(&post(&node, path, token, (SDP.1, &offer)).await);
    let of = |code: &str, status: u16| (status, code.to_owned());
    let without = request("POST", &node.http_url("/whip/opening"), &[SDP], &offer).await.unwrap();
    assert_eq!(code(&without), of("token_missing", 401));
    assert_eq!(without.header("www-authenticate"), Some("Bearer"));
    assert_eq!(ask("/whip/opening", "rubbish").await, of("invalid_token", 401));
    let forged = node.token_by(b"another secret", "alice", "t1", 60);
    assert_eq!(ask("/whip/opening", &forged).await, of("invalid_token", 401));
    assert_eq!(ask("/whip/opening", &node.token("alice", "t2", -60)).await, of("invalid_token", 401));
    assert_eq!(ask("/whip/other", &node.token("alice", "t3", 60)).await, of("another_room", 403));
    assert_eq!(ask("/whip/other", &node.token_for("other", "alice", "t4")).await, of("room_not_found", 404));
    assert_eq!(ask("/whip/opening", &node.token("mallory", "t5", 60)).await, of("not_a_participant", 403));
    let deaf = node.token_with("publish", "alice", "t6");
    assert_eq!(ask("/whep/opening", &deaf).await, of("not_granted", 403));
    let dumb = node.token_with("subscribe", "alice", "t7");
    assert_eq!(ask("/whip/opening", &dumb).await, of("not_granted", 403));
    let token = node.token("alice", "t8", 60);
    assert_eq!(ask("/whip/opening", &token).await.0, 201);
    assert_eq!(ask("/whip/opening", &token).await, of("invalid_token", 401), "it has begun a session");
    assert_eq!(node.refusal(Some(&token)).await, of("invalid_token", 401), "the media socket does not take it up");
    node.stop().await;
}

/// An offer of another stack, as text.
pub(crate) async fn offer() -> String {
    let node = node_with(&["offerer"]).await;
    let session = publisher(&node, "offerer").await;
    let offer = session.offered().await;
    node.stop().await;
    offer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_offer_or_none_that_can_be_taken_is_told_apart_and_costs_no_token() {
    let node = node_with(&["alice", "bob"]).await;
    let (offer, token) = (offer().await, node.token("alice", "t1", 60));
    let ask = async |content_type: &str, body: &str| {
        let answer = post(&node, "/whip/opening", &token, (content_type, body)).await;
        (code(&answer), answer)
    };
    let of = |code: &str, status: u16| (status, code.to_owned());
    assert_eq!(ask("application/json", &offer).await.0, of("wrong_content_type", 415));
    assert_eq!(ask(SDP.1, "hello").await.0, of("malformed", 400));
    assert_eq!(ask(SDP.1, &"a".repeat(64 * 1024 + 1)).await.0, of("body_too_long", 413));
    let received = offer.replace("a=sendrecv", "a=recvonly").replace("a=sendonly", "a=recvonly");
    assert_eq!(ask(SDP.1, &received).await.0, of("unusable_offer", 422));
    let bearer = format!("Bearer {token}");
    let headers = [SDP, ("authorization", bearer.as_str()), ("accept", "text/html")];
    let answer = request("POST", &node.http_url("/whip/opening"), &headers, &offer).await.unwrap();
    assert_eq!(code(&answer), of("not_acceptable", 406));
    assert_eq!(ask("Application/SDP; charset=utf-8", &offer).await.0.0, 201, "the token has not been spent");
    let unspoken: Vec<String> = offer.lines().map(in_another_codec).collect();
    let answer = post(&node, "/whip/opening", &node.token("bob", "t2", 60), (SDP.1, &unspoken.join("\r\n"))).await;
    assert_eq!(code(&answer), of("unusable_offer", 422), "{}", answer.body);
    until("only the one session", || node.sessions() == 1).await;
    node.stop().await;
}

/// A line of an offer, with a codec that nobody speaks in place of its own.
fn in_another_codec(line: &str) -> String {
    match line.strip_prefix("a=rtpmap:").and_then(|map| map.split_once([' ', '/'])?.1.split_once('/')) {
        Some((_, clock)) => format!("{} unspoken/{clock}", line.split(' ').next().unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_page_may_ask_what_an_endpoint_takes_and_is_told_what_it_does_not() {
    let node = node_with(&["alice"]).await;
    let ask = async |method: &str, path: &str| request(method, &node.http_url(path), &[], "").await.unwrap();
    for path in ["/whip/opening", "/whep/opening", "/whep/opening/bob"] {
        let asked = ask("OPTIONS", path).await;
        assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, Some("*")), "{path}");
        assert_eq!(asked.header("access-control-allow-methods"), Some("POST"));
        assert_eq!(asked.header("accept-post"), Some("application/sdp"));
        assert!(asked.header("access-control-allow-headers").unwrap().contains("authorization"));
        let refused = ask("PUT", path).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("POST,OPTIONS")), "{path}");
    }
    let asked = ask("OPTIONS", "/whip/opening/session/x").await;
    assert_eq!(asked.header("accept-patch"), Some("application/trickle-ice-sdpfrag"));
    let refused = ask("POST", "/whip/opening").await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, Some("*")));
    assert!(refused.header("access-control-expose-headers").unwrap().contains("location"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_says_which_state_it_is_meant_for() {
    let node = node_with(&["alice"]).await;
    let alice = publisher(&node, "alice").await;
    let tag = alice.created().header("etag").unwrap().to_owned();
    let candidate = "a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host\r\na=end-of-candidates\r\n";
    let ask = async |headers: &[(&str, &str)], body: &str| code(&alice.ask("PATCH", headers, body).await.unwrap());
    let of = |code: &str, status: u16| (status, code.to_owned());
    assert_eq!(ask(&[FRAGMENT], candidate).await, of("if_match_missing", 428));
    assert_eq!(ask(&[FRAGMENT, ("if-match", "\"old\"")], candidate).await, of("if_match_failed", 412));
    assert_eq!(ask(&[SDP, ("if-match", &tag)], candidate).await, of("wrong_content_type", 415));
    assert_eq!(ask(&[FRAGMENT, ("if-match", &tag)], "hello").await, of("malformed", 400));
    assert_eq!(ask(&[FRAGMENT, ("if-match", &tag)], candidate).await, of("", 204));
    let new = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n";
    assert_eq!(ask(&[FRAGMENT, ("if-match", &tag)], new).await, of("if_match_failed", 412));
    let restarted = alice.ask("PATCH", &[FRAGMENT, ("if-match", "\"*\"")], new).await.unwrap();
    assert_eq!((restarted.status, restarted.header("content-type")), (200, Some(FRAGMENT.1)));
    assert!(restarted.header("etag").is_some_and(|new| new != tag));
    assert!(restarted.body.contains("a=ice-ufrag:") && restarted.body.contains("a=candidate:"));
    assert_eq!(ask(&[FRAGMENT, ("if-match", &tag)], candidate).await, of("if_match_failed", 412), "by now");
    node.tell(joined("bob")).await;
    let foreign = format!("Bearer {}", node.token("bob", "t2", 60));
    let headers = [FRAGMENT, ("if-match", "*"), ("authorization", foreign.as_str())];
    let answer = request("PATCH", alice.resource(), &headers, candidate).await.unwrap();
    assert_eq!(code(&answer), of("another_session", 403));
    let answer = request("DELETE", alice.resource(), &headers, "").await.unwrap();
    assert_eq!(code(&answer), of("another_session", 403));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_restarts_ice_is_heard_again() {
    let node = node_with(&["alice", "bob"]).await;
    let at_bob = Arc::<Arrivals>::default();
    let bob = listener(&node, "bob", &at_bob).await;
    let alice = publisher(&node, "alice").await;
    sends_until(alice.sending(), &at_bob, (20, 30)).await;
    let answer = alice.restart().await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    sends_until(alice.sending(), &at_bob, (100, 150)).await;
    drop(bob);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_begin_in_a_second_and_who_has_to_wait_keeps_his_token() {
    let node = node_with(&["alice"]).await;
    let offer = offer().await;
    let mut refused = None;
    for number in 0..100 {
        let token = node.token("alice", &format!("t{number}"), 60);
        let answer = post(&node, "/whip/opening", &token, (SDP.1, &offer)).await;
        if answer.status == 429 {
            assert_eq!((code(&answer).1.as_str(), answer.header("retry-after")), ("joins_limit", Some("1")));
            refused = Some(token);
            break;
        }
    }
    let token = refused.expect("one was refused");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(post(&node, "/whip/opening", &token, (SDP.1, &offer)).await.status, 201);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_publishes_by_whip_beside_its_media_socket_and_leaves_with_its_seat() {
    let node = node_with(&["alice", "bob"]).await;
    let (at_alice, at_bob) = (Arc::<Arrivals>::default(), Arc::<Arrivals>::default());
    let (bob, at_socket) = (listener(&node, "bob", &at_bob).await, listener(&node, "alice", &at_alice).await);
    let by_whip = publisher(&node, "alice").await;
    sends_until(by_whip.sending(), &at_bob, (50, 80)).await;
    assert!(at_socket.is_there() && by_whip.is_there());
    assert_eq!(at_alice.read().packets(), 0, "a device does not hear itself");
    node.tell(crate::node::left("alice", wac_events::room::LeaveReason::Expelled)).await;
    until("the end of both", || node.sessions() == 1).await;
    let gone = HttpSession::publish(&node.http_url("/whip/opening"), &node.token("alice", "t9", 60), BOTH).await;
    assert!(matches!(gone, Err(LoadError::Answered(403, _))), "{gone:?}");
    drop(bob);
    node.stop().await;
}
