//! One command tells a call's whole story.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::caller::{Caller, media};
use super::support::{Dev, PATIENCE, block_on, directory, json_lines, lines_of, refusal, succeed, text, wac};

/// Makes a third person; a token of theirs.
fn carol(dev: &Dev) -> String {
    let admin = dev.token("admin@quobis");
    let user =
        dev.post("/sapi/users", Some(&admin), &json!({ "username": "carol", "domain": "demo", "role": "user" })).1;
    let credential = json!({ "type": "basic", "source": "wac", "domain": "demo", "user": user["id"],
        "data": { "password": "carol's own" }, "lease": 0 });
    assert_eq!(dev.post("/sapi/credentials", Some(&admin), &credential).0, 201);
    carols(dev)
}

/// A token of Carol's, for one more device.
fn carols(dev: &Dev) -> String {
    dev.log_in("carol@demo", "carol's own").1["access_token"].as_str().unwrap().to_owned()
}

/// What a call left behind that can be asked for.
struct Call {
    room: String,
    invite: String,
}

/// Alice calls Bob, who accepts.
async fn call(alice: &mut Caller, bob: &mut Caller) -> Call {
    let room = alice.done("createRoom", json!({})).await["id"].as_str().unwrap().to_owned();
    let invite = json!({ "to": "bob", "roomId": room, "mediatypes": media(), "context": {} });
    let invite = alice.done("invite", invite).await["inviteId"].as_str().unwrap().to_owned();
    bob.notice("invite").await;
    bob.done("accept", json!({ "inviteId": invite })).await;
    alice.notice("inviteAccepted").await;
    Call { room, invite }
}

/// Alice transfers Bob to Carol; the transfer.
async fn transfer(alice: &mut Caller, bob: &mut Caller, carol: &mut Caller, room: &str) -> String {
    let asked = json!({ "to": "carol", "roomId": room, "mediaTypes": media() });
    let transfer = alice.done("callTransfer", asked).await["callTransferId"].as_str().unwrap().to_owned();
    bob.notice("callTransferStart").await;
    bob.done("acceptTransfer", json!({ "callTransferId": transfer })).await;
    let ring = carol.notice("invite").await;
    carol.done("accept", json!({ "inviteId": ring["inviteId"] })).await;
    alice.notice("callTransferCompleted").await;
    transfer
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[test]
fn one_command_tells_a_calls_whole_story_and_no_other_calls() {
    let directory = directory();
    let data = directory.path().join("data");
    let dev = Dev::start(&data);
    let tokens = [dev.token("alice@demo"), dev.token("bob@demo"), carol(&dev), carols(&dev)];
    let (first, transferred, second) = block_on(async {
        let mut alice = Caller::on(&dev, &tokens[0]).await;
        let mut bob = Caller::on(&dev, &tokens[1]).await;
        let mut carol = Caller::on(&dev, &tokens[2]).await;
        let first = call(&mut alice, &mut bob).await;
        let transferred = transfer(&mut alice, &mut bob, &mut carol, &first.room).await;
        // Carol's second device comes while the call lasts.
        let mut second_device = Caller::on(&dev, &tokens[3]).await;
        second_device.done("currentInvitations", json!({})).await;
        bob.done("closeRoom", json!({ "roomId": first.room })).await;
        let second = call(&mut alice, &mut bob).await;
        alice.done("closeRoom", json!({ "roomId": second.room })).await;
        (first, transferred, second)
    });
    let data = text(&data);
    let story = |more: &[&str]| json_lines(&succeed(&[&["events", "--data", data, "-o", "json"], more].concat()));

    let told = story(&["--call", &first.room]);
    let positions: Vec<u64> = told.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert!(
        positions.is_sorted() && positions.iter().collect::<BTreeSet<_>>().len() == positions.len(),
        "{positions:?}"
    );
    let wanted = [
        "room.created",
        "room.participant_joined",
        "invite.created",
        "invite.accepted",
        "transfer.created",
        "transfer.accepted",
        "invite.created",
        "transfer.completed",
        "presence.device_registered",
        "room.closed",
    ];
    let mut rest = types(&told).into_iter();
    for event in wanted {
        assert!(rest.any(|told| told == event), "{event} is missing or in another place: {:?}", types(&told));
    }
    assert!(told.iter().all(|event| !event.to_string().contains(&second.room)), "nothing of the other call");

    // Whichever part one starts from, it is the same story.
    let stream = told[0]["stream"].as_str().unwrap();
    let opening = told[0]["correlationId"].as_str().unwrap();
    for start in [&first.invite, &transferred, opening, stream] {
        assert_eq!(story(&["--call", start]), told, "{start}");
    }
    assert_eq!(story(&["--stream", stream, "--related"]), told);
    assert_eq!(story(&["--stream", &format!("transfer-{transferred}"), "--related"]), told);
    let invitations = story(&["--call", &first.room, "--type", "invite.*", "--limit", "3"]);
    assert_eq!(types(&invitations), ["invite.created", "invite.accepted", "invite.created"]);
    let table = succeed(&["events", "--data", data, "--call", &first.room]);
    assert_eq!(table.lines().count(), told.len() + 1, "a title and a line for each: {table}");

    assert!(refusal(&["events", "--data", data, "--call", "nothing"]).contains("there is no call"));
    assert!(refusal(&["events", "--data", data, "--stream", "user-1", "--related"]).contains("--related goes with"));
    dev.end(Signal::TERM);
}

#[test]
fn a_calls_story_is_told_while_it_goes_on() {
    let directory = directory();
    let data = directory.path().join("data");
    let dev = Dev::start(&data);
    let tokens = [dev.token("alice@demo"), dev.token("bob@demo")];
    block_on(async {
        let mut alice = Caller::on(&dev, &tokens[0]).await;
        let mut bob = Caller::on(&dev, &tokens[1]).await;
        let room = alice.done("createRoom", json!({})).await["id"].as_str().unwrap().to_owned();
        let mut following = wac()
            .args(["events", "--data", text(&data), "--call", &room, "--follow", "-o", "json"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines_of(&mut following);
        let next = || serde_json::from_str::<Value>(&lines.recv_timeout(PATIENCE).unwrap()).unwrap()["type"].clone();
        assert_eq!([next(), next(), next()], ["room.created", "room.participant_joined", "room.media_assigned"]);
        let invite = json!({ "to": "bob", "roomId": room, "mediatypes": media(), "context": {} });
        let invite = alice.done("invite", invite).await["inviteId"].clone();
        bob.notice("invite").await;
        assert_eq!(next(), "invite.created");
        bob.done("decline", json!({ "inviteId": invite })).await;
        assert_eq!(next(), "invite.declined");
        // Another call of the same people is another story.
        call(&mut alice, &mut bob).await;
        alice.done("closeRoom", json!({ "roomId": room })).await;
        assert_eq!([next(), next()], ["room.participant_left", "room.closed"]);
        assert!(lines.recv_timeout(Duration::from_millis(200)).is_err(), "it is over");
        following.kill().unwrap();
        following.wait().unwrap();
    });
}

#[test]
fn a_call_is_told_step_by_step_with_what_was_refused() {
    let directory = directory();
    let data = directory.path().join("data");
    let dev = Dev::start(&data);
    let tokens = [dev.token("alice@demo"), dev.token("bob@demo")];
    let first = block_on(async {
        let mut alice = Caller::on(&dev, &tokens[0]).await;
        let mut bob = Caller::on(&dev, &tokens[1]).await;
        let first = call(&mut alice, &mut bob).await;
        bob.refused("decline", json!({ "inviteId": first.invite })).await;
        alice.done("closeRoom", json!({ "roomId": first.room })).await;
        first
    });
    let data = text(&data);
    let story = json_lines(&succeed(&["events", "--data", data, "-o", "json", "--call", &first.room]));
    let refusals = || {
        let told = json_lines(&succeed(&["replay", "--data", data, "-o", "json", "--call", &first.room]));
        let refused = told.iter().filter(|step| !step["refused"].is_null()).cloned().collect::<Vec<_>>();
        (told, refused)
    };
    // A refusal is written beside the log, a moment later.
    let deadline = std::time::Instant::now() + PATIENCE;
    while refusals().1.is_empty() {
        assert!(std::time::Instant::now() < deadline, "the refusal is kept");
    }
    let (told, refused) = refusals();
    let positions = |steps: &[Value]| steps.iter().filter_map(|step| step["position"].as_u64()).collect::<Vec<_>>();
    assert_eq!(positions(&told), positions(&story), "the same events as `wac events --call`");
    assert_eq!((refused.len(), &refused[0]["refused"]["command"]), (1, &json!("decline_invite")));
    assert_eq!(refused[0]["by"], "bob");
    let place = told.iter().position(|step| !step["refused"].is_null()).unwrap();
    let accepted = told.iter().position(|step| step["event"] == "invite.accepted").unwrap();
    let closed = told.iter().position(|step| step["event"] == "room.closed").unwrap();
    assert!(accepted < place && place < closed, "it stands where it happened");
    assert_eq!((&told[accepted]["text"], &told[accepted]["by"]), (&json!("bob accepts"), &json!("bob")));
    assert!(told[accepted]["node"].is_string(), "{}", told[accepted]);

    let table = succeed(&["replay", "--data", data, "--call", &first.invite]);
    assert!(table.contains("alice calls bob") && table.contains("is refused to decline invite"), "{table}");
    assert!(refusal(&["replay", "--data", data, "--call", "nothing"]).contains("there is no call"));
    dev.end(Signal::TERM);
}
