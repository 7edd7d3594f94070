//! Tokens that let nobody in, at every door: each is refused and counted, and who is in goes on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::{join, join_all};
use wac_media_load::request;

use crate::company::Company;
use crate::node::{Node, joined};
use crate::whip::offer;

/// By which way a token comes.
#[derive(Clone, Copy, Debug)]
enum Door {
    /// The media socket, `Authorization`.
    Header,
    /// The media socket, as from a browser.
    Subprotocol,
    Whip,
    Whep,
}

const DOORS: [Door; 4] = [Door::Header, Door::Subprotocol, Door::Whip, Door::Whep];

async fn refusal((node, offer): (&Node, &str), door: Door, token: &str) -> (u16, String) {
    let bearer = format!("Bearer {token}");
    let path = match door {
        Door::Header => return node.refusal(Some(token)).await,
        Door::Subprotocol => {
            let protocols = ("sec-websocket-protocol", format!("media, bearer.{token}"));
            return node.refusal_of(&[protocols]).await;
        }
        Door::Whip => "/whip/opening",
        Door::Whep => "/whep/opening",
    };
    let headers = [("content-type", "application/sdp"), ("authorization", bearer.as_str())];
    let answer = request("POST", &node.http_url(path), &headers, offer).await.unwrap();
    let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, problem["code"].as_str().unwrap().to_owned())
}

/// With other claims than were signed.
fn changed(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let body = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert!(body.contains("mallory"));
    let body = URL_SAFE_NO_PAD.encode(body.replace("mallory", "alice"));
    [parts[0], &body, parts[2]].join(".")
}

/// Signed by nobody, and saying so (RFC 7519 §6).
fn unsigned(token: &str) -> String {
    let body = token.split('.').nth(1).unwrap();
    format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_wrong_expired_foreign_or_used_lets_nobody_in_by_any_door_and_is_counted() {
    let company = Company::meet(Node::start().await, &["alice", "bob"]).await;
    let (node, offer) = (&company.node, offer().await);
    let at = (node, offer.as_str());
    assert_eq!(node.bad_tokens(), [0; 5]);
    let own = node.token("mallory", "own", 60);
    let forged = [
        "rubbish".to_owned(),
        node.token_by(b"of another deployment", "alice", "t", 60),
        changed(&own),
        unsigned(&own),
        own[..own.len() - 4].to_owned(),
    ];
    for door in DOORS {
        for token in &forged {
            assert_eq!(refusal(at, door, token).await, (401, "invalid_token".to_owned()), "{door:?} {token}");
        }
        let expired = node.token("alice", &format!("old-{door:?}"), -60);
        assert_eq!(refusal(at, door, &expired).await, (401, "invalid_token".to_owned()), "{door:?}");
    }
    // The log might still tell of a seat or of a room; all wait for that together.
    let strangers = DOORS.map(|door| async move {
        let token = node.token("mallory", &format!("stranger-{door:?}"), 60);
        assert_eq!(refusal(at, door, &token).await, (403, "not_a_participant".to_owned()), "{door:?}");
    });
    let elsewhere = DOORS.map(|door| async move {
        let token = node.token_for("elsewhere", "alice", &format!("elsewhere-{door:?}"));
        let (status, code) = refusal(at, door, &token).await;
        match door {
            Door::Header | Door::Subprotocol => assert_eq!((status, code.as_str()), (404, "room_not_found")),
            Door::Whip | Door::Whep => assert_eq!((status, code.as_str()), (403, "another_room")),
        }
    });
    join(join_all(strangers), join_all(elsewhere)).await;
    assert_eq!(node.refusal(None).await, (401, "token_missing".to_owned()));
    // One that has begun a session that is over.
    node.tell(joined("mallory")).await;
    let mut socket = node.enter(&own).await.unwrap();
    socket.say(r#"{"type":"bye"}"#).await;
    assert_eq!(socket.close().await, 1000);
    for door in DOORS {
        assert_eq!(refusal(at, door, &own).await, (401, "invalid_token".to_owned()), "{door:?}");
    }
    // None, malformed or of another key, too old, used, of somebody or something else.
    assert_eq!(node.bad_tokens(), [1, 20, 4, 4, 8]);
    company.goes_on_while(async || true).await;
    company.hear_and_see_one_another().await;
    company.end().await;
}
