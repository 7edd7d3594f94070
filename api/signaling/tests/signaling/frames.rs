use serde_json::{Value, json};
use wac_signaling::wire::Request;
use wac_signaling::{Peer, Received};

use crate::harness::*;

async fn receive(platform: &Platform, peer: &Peer, frame: &str) -> (bool, Value) {
    let received = platform.signaling.receive(peer, frame).await;
    (matches!(received, Received::Malformed { .. }), serde_json::from_str(received.text()).unwrap())
}

#[tokio::test]
async fn what_is_no_frame_is_answered_and_counted() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let deep = format!(r#"{{"request":"invite","requestID":"1","payload":{{"context":{}}}}}"#, "[".repeat(50_000));
    let nested = format!(
        r#"{{"request":"inviteRequest","requestID":"1","payload":{{"to":"bob","context":{{"a":{}1{}}}}}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    let huge = format!(r#"{{"request":"createRoom","requestID":"{}"}}"#, "x".repeat(1_000_000));
    let frames = [
        "",
        "null",
        "[]",
        "1e999",
        "\u{0}",
        "{}",
        r#"{"request":1,"requestID":"1"}"#,
        r#"{"request":"createRoom"}"#,
        r#"{"request":"createRoom","requestID":""}"#,
        r#"["createRoom","1",{}]"#,
        r#"{"request":"createRoom","requestID":"1","payload":[1]}"#,
        r#"{"request":"createRoom","requestID":"1","payload":[]}"#,
        r#"{"request":"joinRoom","requestID":"1","payload":["room"]}"#,
        r#"{"request":"inviteRequest","requestID":"1","payload":{"to":"bob","mediatypes":[true,true]}}"#,
        r#"{"request":"createRoom","requestID":"1","payload":{"record":"yes"}}"#,
        r#"{"request":"decline","requestID":"1","payload":{"inviteId":"i","errorCode":-1}}"#,
        r#"{"request":"mute","requestID":"1","payload":{"roomId":"r","media":"smell","muted":true}}"#,
        &deep,
        &nested,
        &huge,
    ];
    let head = platform.head().await;
    for frame in frames {
        let (malformed, answer) = receive(&platform, &alice, frame).await;
        let shown: String = frame.chars().take(80).collect();
        assert!(malformed, "{shown}");
        assert_eq!(answer["errorCode"], 400, "{shown}");
        assert!(answer["error"]["detail"].as_str().unwrap().len() < 400, "{shown}");
    }
    assert_eq!(platform.head().await, head);
}

#[tokio::test]
async fn a_field_nobody_knows_is_refused_by_name_but_not_counted() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let head = platform.head().await;
    for name in Request::NAMES {
        let frame = format!(r#"{{"request":"{name}","requestID":"2","payload":{{"rekord":true}}}}"#);
        let (malformed, answer) = receive(&platform, &alice, &frame).await;
        assert!(!malformed, "{frame}");
        assert_eq!((&answer["errorCode"], &answer["error"]["code"]), (&json!(400), &json!("unknown_field")), "{frame}");
        assert!(answer["error"]["detail"].as_str().unwrap().contains("rekord"), "{answer}");
    }
    assert_eq!(platform.head().await, head);
}

#[tokio::test]
async fn what_is_no_request_is_answered_under_its_id_if_it_has_one() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    for (frame, request, id) in [
        (r#"{"requestID":"z1"}"#, "", "z1"),
        (r#"{"request":"createRoom","requestID":7}"#, "createRoom", ""),
        (r#"{"request":7,"requestID":"z2","payload":{}}"#, "", "z2"),
        (r#"{"request":"createRoom","requestID":"z3","payload":[]}"#, "createRoom", "z3"),
        (r#"{"request":"createRoom","requestID":""}"#, "createRoom", ""),
        (r#"{"requestID":"z4""#, "", ""),
    ] {
        let (malformed, answer) = receive(&platform, &alice, frame).await;
        assert!(malformed, "{frame}");
        assert_eq!((&answer["answer"], &answer["requestID"]), (&json!(request), &json!(id)), "{frame}");
    }
}

#[tokio::test]
async fn a_request_nobody_knows_is_refused_but_not_counted() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let (malformed, answer) = receive(&platform, &alice, r#"{"request":"fly","requestID":"7"}"#).await;
    assert!(!malformed);
    assert_eq!((&answer["answer"], &answer["requestID"]), (&json!("fly"), &json!("7")));
    assert_eq!(answer["error"]["code"], "request_unknown");
    assert_eq!(answer["error"]["type"], "/docs/problems/request_unknown");
}

#[tokio::test]
async fn nothing_that_cannot_be_an_id_reaches_the_log() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let head = platform.head().await;
    for id in ["", "\0", "a\u{0}b", "\n", &"x".repeat(10_000), "@", "x@", "x@\0"] {
        for (request, payload) in [
            ("joinRoom", json!({ "roomId": id })),
            ("accept", json!({ "inviteId": id })),
            ("cancel", json!({ "inviteId": id })),
            ("acceptTransfer", json!({ "callTransferId": id })),
            ("joinQuickConference", json!({ "uri": id })),
            ("inviteRequest", json!({ "to": format!("wac-user:{id}") })),
        ] {
            assert_eq!(platform.refused(&alice, request, payload).await.0, 404, "{request} {id:?}");
        }
    }
    assert_eq!(platform.head().await, head);
}

#[tokio::test]
async fn a_context_is_bounded() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let payload = json!({ "to": "bob", "context": { "a": "x".repeat(9_000) } });
    assert_eq!(platform.refused(&alice, "inviteRequest", payload).await, (400, "context_invalid".to_owned()));
    platform.device("bob", "b1").await;
    let payload = json!({ "to": "bob", "context": { "a": "\u{0}" } });
    platform.done(&alice, "inviteRequest", payload).await;
}

/// Bytes that look more and more like frames, thrown at the whole of it.
#[tokio::test]
async fn whatever_is_sent_is_answered() {
    let platform = Platform::new().await;
    let alice = platform.device("alice", "a1").await;
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\u0000",
        "\u{0}",
        "null",
        "true",
        "-1",
        "1e400",
        "\"request\":",
        "\"requestID\":\"1\"",
        "\"payload\":",
        "\"roomId\":\"x\"",
        "\"to\":",
        "\"inviteId\":",
        "\"context\":",
        "é",
        "😀",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(bound).unwrap()).unwrap()
    };
    for round in 0..3_000 {
        let name = Request::NAMES[next(Request::NAMES.len())];
        let noise: String = (0..next(12)).map(|_| words[next(words.len())]).collect();
        let frame = match round % 3 {
            0 => noise,
            1 => format!(r#"{{"request":"{name}","requestID":"{round}","payload":{noise}}}"#),
            _ => {
                let field = ["roomId", "to", "inviteId", "uri", "callTransferId"][next(5)];
                format!(r#"{{"request":"{name}","requestID":"{round}","payload":{{"{field}":"x",{noise}}}}}"#)
            }
        };
        let (_, answer) = receive(&platform, &alice, &frame).await;
        assert!(answer.get("answer").is_some(), "{frame}");
        assert_ne!(answer["errorCode"], 500, "{frame}");
    }
}
