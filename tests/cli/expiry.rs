//! An invitation that nobody answers ends by itself.

use std::time::{Duration, Instant};

use serde_json::json;

use super::caller::{Caller, media};
use super::support::{Dev, block_on, directory};

/// How long it rings here.
const EXPIRATION: Duration = Duration::from_secs(2);
/// How often the clock is looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// What a busy machine may take besides.
const SLACK: Duration = Duration::from_secs(3);

#[test]
fn an_invitation_nobody_answers_expires_in_time_on_both_sides() {
    let directory = directory();
    let expiration = format!("watchdog.invites.expiration={}", EXPIRATION.as_millis());
    let period = format!("watchdog.invites.period={}", PERIOD.as_millis());
    let dev = Dev::start_with(&directory.path().join("data"), &["--set", &expiration, "--set", &period]);
    let tokens = [dev.token("alice@demo"), dev.token("bob@demo")];
    block_on(async {
        let mut alice = Caller::on(&dev, &tokens[0]).await;
        let mut bob = Caller::on(&dev, &tokens[1]).await;
        let room = alice.done("createRoom", json!({})).await["id"].clone();
        let invite = json!({ "to": "bob", "roomId": room, "mediatypes": media(), "context": {} });
        let asked = Instant::now();
        let invite = alice.done("invite", invite).await["inviteId"].clone();
        let ring = bob.notice("invite").await;
        assert_eq!(ring["inviteId"], invite);
        for caller in [&mut alice, &mut bob] {
            let expired = caller.notice("inviteExpired").await;
            assert_eq!((&expired["inviteId"], &expired["errorCode"]), (&invite, &json!(408)));
            let took = asked.elapsed();
            assert!(took >= EXPIRATION, "it rings until its time is up: {took:?}");
            assert!(took <= EXPIRATION + PERIOD + SLACK, "{took:?}");
        }
        bob.refused("accept", json!({ "inviteId": invite })).await;
        let rings = bob.done("currentInvitations", json!({})).await;
        assert_eq!(rings["payload"]["currentInvitations"], json!([]));
    });
}
