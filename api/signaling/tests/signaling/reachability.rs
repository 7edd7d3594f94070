//! What reachability says is what an invitation comes to.

use serde_json::json;
use wac_signaling::{Peer, Settings, Transport};

use crate::harness::*;

/// How somebody stands when he is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Absent,
    Listening,
    There,
    Busy,
}

const STANDINGS: [Standing; 4] = [Standing::Absent, Standing::Listening, Standing::There, Standing::Busy];

async fn stands(platform: &Platform, user: &str, standing: Standing) {
    let session = format!("{user}-1");
    match standing {
        Standing::Absent => {}
        Standing::Listening => {
            let peer = platform.session(user, &session).await;
            platform.register(&peer, false).await;
        }
        Standing::There => {
            platform.device(user, &session).await;
        }
        Standing::Busy => {
            let peer = platform.device(user, &session).await;
            platform.room(&peer).await;
        }
    }
}

/// Who rings when `address` is called, and with what it is over at once.
async fn called(platform: &Platform, alice: &Peer, address: &str) -> (Vec<String>, Option<u64>) {
    let room = platform.room(alice).await;
    let before = platform.head().await;
    let answer = platform.ask(alice, "invite", json!({ "to": address, "roomId": room })).await;
    if let Some(code) = answer["errorCode"].as_u64() {
        return (Vec::new(), Some(code));
    }
    let mut rings = Vec::new();
    for user in ["ann", "ben", "bob", "carol"] {
        let peer = platform.peer(user, &format!("{user}-1"));
        if platform.heard(&peer, before).await.contains(&"invite".to_owned()) {
            rings.push(user.to_owned());
        }
    }
    let ended = platform.frames(alice, before).await;
    let ended = ended.iter().find(|frame| frame["payload"]["eventName"] == "inviteEnded");
    (rings, ended.and_then(|frame| frame["payload"]["payload"]["errorCode"].as_u64()))
}

#[tokio::test]
async fn reachability_and_invitations_agree_about_who_rings_and_why_nobody_does() {
    for allowed in [true, false] {
        for (bob, carol) in STANDINGS.iter().flat_map(|bob| STANDINGS.map(|carol| (*bob, carol))) {
            let mut settings = Settings::default();
            settings.invites.allow_while_in_call = allowed;
            let platform = Platform::with(settings).await;
            platform.group("g", &["bob", "carol"]).await;
            platform.user("ann", BASE, &["+c2cagent"]).await;
            let alice = platform.device("alice", "a1").await;
            for (user, standing) in [("bob", bob), ("carol", carol), ("ann", bob)] {
                stands(&platform, user, standing).await;
            }
            for address in ["bob", "wac-group:g", "wac-agent"] {
                let shown = format!("{address}, bob {bob:?}, carol {carol:?}, calls while in call {allowed}");
                let reach = platform.signaling.reachability(&BASE.into(), address).await.unwrap();
                let mut said: Vec<String> = (reach.candidates.iter())
                    .filter(|device| device.transport == Transport::Signaling)
                    .map(|device| device.user_id.to_string())
                    .collect();
                said.sort_unstable();
                let (rings, over) = called(&platform, &alice, address).await;
                assert_eq!((&said, reach.error_code.map(u64::from)), (&rings, over), "{shown}");
                assert_eq!(reach.reachable, !rings.is_empty(), "{shown}");
            }
        }
    }
}
