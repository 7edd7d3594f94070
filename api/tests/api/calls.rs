//! Sessions, presence, contacts, users groups and the conference log.

use serde_json::{Value, json};
use wac_commands::Device;
use wac_commands::invite::{AcceptInvite, SendInvites, Target, TargetedInvite};
use wac_commands::node::StartNode;
use wac_commands::presence::RegisterDevice;
use wac_commands::room::{CloseRoom, CreateRoom, RoomRules};
use wac_events::room::RoomKind;
use wac_events::{InviteKind, MediaTypes, OpeningId, RoomRef};

use crate::harness::World;

impl World {
    /// The id of the session a token belongs to.
    pub(crate) async fn session_of(&self, user: &str, admin: &str) -> String {
        let path = self.up_to_date(&format!("/sapi/sessions?user={user}")).await;
        let sessions = self.get(&path, admin).await.expect(200).json();
        sessions.as_array().unwrap().last().expect("he is logged in")["id"].as_str().unwrap().to_owned()
    }

    /// A path with the position of the log's end.
    pub(crate) async fn up_to_date(&self, path: &str) -> String {
        let head = self.platform.log.head().await.expect("the log answers").position;
        format!("{path}{}min_position={head}", if path.contains('?') { '&' } else { '?' })
    }

    /// A call from one user to another of `demo`; both have a session with a device from then on.
    pub(crate) async fn call_between(&self, from: &Device, to: &Device) -> (RoomRef, String) {
        let env = &self.platform.env;
        let node: wac_events::NodeId = env.new_uuid().into();
        self.execute(&StartNode { id: node.clone(), name: "test".to_owned() }).await;
        for device in [from, to] {
            let (device, node) = (device.clone(), node.clone());
            self.execute(&RegisterDevice { device, node, ringable: true, resumed: false }).await;
        }
        let room = RoomRef { domain: self.demo.as_str().into(), id: env.new_uuid().to_string().into() };
        let mut random = [0; 24];
        env.fill(&mut random);
        let opening = OpeningId::at(env.now(), random).to_string();
        let create = CreateRoom {
            room: room.clone(),
            opening: opening.as_str().into(),
            kind: RoomKind::Call,
            by: from.clone(),
            acl: Vec::new(),
            record: false,
            rules: RoomRules::default(),
            not_in: None,
        };
        self.execute(&create).await;
        let invite: wac_events::InviteId = env.new_uuid().into();
        let send = SendInvites {
            kind: InviteKind::Invite,
            by: from.clone(),
            domain: room.domain.clone(),
            room: Some(room.clone()),
            invites: vec![TargetedInvite { id: invite.clone(), to: Target::User(to.user.clone()) }],
            mediatypes: MediaTypes { audio: true, video: false, screen: false },
            context: None,
            ring_until: env.now().plus(std::time::Duration::from_secs(30)),
            busy: None,
        };
        self.execute(&send).await;
        let (by, room_named) = (to.clone(), Some(room.clone()));
        self.execute(&AcceptInvite { invite, by, room: room_named, not_in: Vec::new(), decline: Vec::new() }).await;
        (room, opening)
    }

    pub(crate) async fn device(&self, user: &str, name: &str, admin: &str) -> Device {
        self.login(name).await;
        Device { user: user.into(), session: self.session_of(user, admin).await.into() }
    }
}

#[tokio::test]
async fn everybody_sees_his_own_sessions_and_administrators_see_all() {
    let world = World::start().await;
    let (alice, admin) = (world.login("alice@demo").await, world.login("admin").await);
    let id = world.session_of(&world.alice, &admin).await;
    let session = world.get(&format!("/sapi/sessions/{id}"), &alice).await.expect(200).json();
    assert_eq!((session["user"].as_str(), session["domain"].as_str()), (Some(world.alice.as_str()), Some("demo")));
    assert_eq!((session["to"].as_i64(), &session["registered"]), (Some(-1), &Value::Null));
    assert_eq!(session["context"]["src"], "127.0.0.1");
    assert_eq!(world.get("/sapi/sessions", &alice).await.expect(200).json().as_array().unwrap().len(), 1);
    assert_eq!(world.get("/sapi/sessions", &admin).await.expect(200).json().as_array().unwrap().len(), 2);
    let of_demo = world.get("/sapi/sessions?domain=demo", &admin).await.expect(200).json();
    assert_eq!(of_demo[0]["id"], id);
    let others = world.get(&format!("/sapi/sessions?user={}", world.admin), &alice).await.expect(200).json();
    assert_eq!(others, json!([]));
}

#[tokio::test]
async fn a_refreshed_session_lasts_longer_and_says_where_it_is_used_from() {
    let world = World::start().await;
    let (alice, admin) = (world.login("alice@demo").await, world.login("admin").await);
    let id = world.session_of(&world.alice, &admin).await;
    let path = format!("/sapi/sessions/{id}");
    let before = world.get(&path, &alice).await.expect(200).json();
    let body = json!({ "context": { "platform": "Linux", "deviceId": "d-1", "src": "ignored" } });
    let after = world.call("PUT", &path, &alice, Some(body)).await.expect(200).json();
    assert!(after["expires"].as_i64() >= before["expires"].as_i64());
    assert_eq!((&after["context"]["platform"], &after["context"]["deviceId"]), (&json!("Linux"), &json!("d-1")));
    assert_eq!(after["context"]["src"], "127.0.0.1");
    let unknown = json!({ "context": { "colour": "red" } });
    world.call("PUT", &path, &alice, Some(unknown)).await.expect_problem(400, "validation_failed");
    let stale = world.with_headers("PUT", &path, Some(&alice), Some("{}"), &[("if-match", "\"1\"")]).await;
    stale.expect_problem(412, "precondition_failed");
}

#[tokio::test]
async fn a_session_that_is_closed_takes_its_tokens_along() {
    let world = World::start().await;
    let (alice, admin) = (world.login("alice@demo").await, world.login("admin").await);
    let id = world.session_of(&world.alice, &admin).await;
    let path = format!("/sapi/sessions/{id}");
    world.call("DELETE", &path, &admin, None).await.expect(204);
    world.get("/sapi/sessions", &alice).await.expect_problem(401, "invalid_token");
    world.get(&world.up_to_date(&path).await, &admin).await.expect_problem(404, "not_found");
    world.call("DELETE", &path, &admin, None).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_push_token_is_never_given_back() {
    let world = World::start().await;
    let alice = world.login("alice@demo").await;
    let body = json!({ "token": "canary-token", "tokenType": "fcm", "deviceId": "d-7" });
    let answer = world.post("/sapi/pushtokens", &alice, body.clone()).await.expect(201);
    let id = answer.id();
    assert_eq!((&answer.json()["tokenType"], &answer.json()["deviceId"]), (&json!("fcm"), &json!("d-7")));
    world.call("PUT", "/sapi/pushtokens", &alice, Some(body)).await.expect(200);
    let list = world.get("/sapi/pushtokens", &alice).await.expect(200);
    assert!(!list.text.contains("canary"), "{list:?}");
    assert_eq!(list.json().as_array().unwrap().len(), 1);
    let wrong = json!({ "token": "t", "tokenType": "pigeon" });
    world.post("/sapi/pushtokens", &alice, wrong).await.expect_problem(400, "validation_failed");
    world.call("DELETE", &format!("/sapi/pushtokens/{id}"), &alice, None).await.expect(204);
    let list = world.get(&world.up_to_date("/sapi/pushtokens").await, &alice).await.expect(200).json();
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn presence_is_seen_in_the_own_domain_and_nowhere_else() {
    let world = World::start().await;
    let (alice, bob, carol) =
        (world.login("alice@demo").await, world.login("bob@demo").await, world.login("carol").await);
    let change = json!({ "activity": "on-the-phone", "note": "back soon", "mood": "happy" });
    let own = world.call("PUT", "/sapi/presence", &alice, Some(change)).await.expect(200).json();
    assert_eq!(
        (&own["userId"], &own["activity"], &own["note"]),
        (&json!(world.alice), &json!("on-the-phone"), &json!("back soon"))
    );
    let kept = world.call("PUT", "/sapi/presence", &alice, Some(json!({ "note": null }))).await.expect(200).json();
    assert_eq!((&kept["activity"], &kept["note"]), (&json!("on-the-phone"), &Value::Null));
    let path = world.up_to_date(&format!("/sapi/presence/{}", world.alice)).await;
    let seen = world.get(&path, &bob).await.expect(200).json();
    assert_eq!((&seen["activity"], &seen["online"]), (&json!("on-the-phone"), &json!(false)));
    world.get(&path, &carol).await.expect_problem(404, "not_found");
    let contacts = world.get("/sapi/contacts", &bob).await.expect(200).json();
    let contacts = contacts.as_array().unwrap();
    assert_eq!(contacts.len(), 2);
    let alice_shown = contacts.iter().find(|contact| contact["id"] == json!(world.alice)).unwrap();
    assert_eq!(alice_shown["presence"]["activity"], "on-the-phone");
    assert_eq!(alice_shown.get("email"), None);
    let unknown = json!({ "activity": "levitating" });
    world.call("PUT", "/sapi/presence", &alice, Some(unknown)).await.expect_problem(400, "validation_failed");
    let elsewhere = world.get("/sapi/contacts?domain=demo", &carol).await.expect(200).json();
    assert_eq!(elsewhere, json!([]));
}

#[tokio::test]
async fn a_group_is_managed_by_its_owner_and_seen_by_its_domain() {
    let world = World::start().await;
    let (alice, bob, carol) =
        (world.login("alice@demo").await, world.login("bob@demo").await, world.login("carol").await);
    let created = world.post("/sapi/usersGroup", &alice, json!({ "name": "Sales" })).await.expect(201);
    let path = format!("/sapi/usersGroup/{}", created.id());
    assert_eq!(created.json()["participants"], json!([world.alice]));
    assert_eq!(created.header("location"), path);
    let participants = format!("{path}/participants");
    let him = json!({ "userId": world.bob });
    world.post(&participants, &bob, him.clone()).await.expect_problem(403, "forbidden");
    world.post(&participants, &alice, him.clone()).await.expect(204);
    let stranger = json!({ "userId": world.carol });
    world.post(&participants, &alice, stranger).await.expect_problem(400, "validation_failed");
    world.call("HEAD", &format!("{participants}/{}", world.bob), &alice, None).await.expect(204);
    world.call("HEAD", &format!("{participants}/{}", world.carol), &alice, None).await.expect(404);
    let renamed = world.call("PUT", &path, &alice, Some(json!({ "name": "Support" }))).await.expect(200).json();
    assert_eq!((&renamed["name"], &renamed["participants"]), (&json!("Support"), &json!([world.alice, world.bob])));
    world.call("PATCH", &path, &bob, Some(json!({ "name": "Mine" }))).await.expect_problem(403, "forbidden");
    world.get(&path, &carol).await.expect_problem(404, "not_found");
    let mine = world.get(&world.up_to_date("/sapi/usersGroup?userIsParticipant=true").await, &bob).await;
    assert_eq!(mine.expect(200).json().as_array().unwrap().len(), 1);
    world.call("DELETE", &participants, &alice, Some(him)).await.expect(204);
    world.call("DELETE", &format!("{path}/leave"), &bob, None).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn an_administrator_takes_somebody_out_of_every_group_and_nobody_else_does() {
    let world = World::start().await;
    let (alice, admin) = (world.login("alice@demo").await, world.login("admin").await);
    let group = world.post("/sapi/usersGroup", &alice, json!({ "name": "sales" })).await.expect(201).id();
    let participants = format!("/sapi/usersGroup/{group}/participants");
    let everywhere = "/sapi/usersGroup/participations";
    let bob = json!({ "userId": world.bob });
    for by_body in [true, false] {
        world.post(&participants, &alice, bob.clone()).await.expect(204);
        let (path, body) = match by_body {
            true => (everywhere.to_owned(), Some(bob.clone())),
            false => (format!("{everywhere}?userId={}", world.bob), None),
        };
        world.call("DELETE", &path, &alice, body.clone()).await.expect_problem(403, "forbidden");
        world.call("DELETE", &path, &admin, body).await.expect(204);
        let now = world.get(&world.up_to_date(&format!("/sapi/usersGroup/{group}")).await, &alice).await.expect(200);
        assert_eq!(now.json()["participants"], json!([world.alice]), "by body: {by_body}");
    }
}

#[tokio::test]
async fn who_leaves_every_group_leaves_them_to_the_others_and_empty_ones_go() {
    let world = World::start().await;
    let (alice, bob) = (world.login("alice@demo").await, world.login("bob@demo").await);
    let kept = world.post("/sapi/usersGroup", &alice, json!({ "name": "kept" })).await.expect(201).id();
    let gone = world.post("/sapi/usersGroup", &alice, json!({ "name": "gone" })).await.expect(201).id();
    let participants = format!("/sapi/usersGroup/{kept}/participants");
    world.post(&participants, &alice, json!({ "userId": world.bob })).await.expect(204);
    world.call("DELETE", "/sapi/usersGroup/participations", &alice, None).await.expect(204);
    let group = world.get(&world.up_to_date(&format!("/sapi/usersGroup/{kept}")).await, &bob).await.expect(200).json();
    assert_eq!((&group["owner"], &group["participants"]), (&json!(world.bob), &json!([world.bob])));
    world.get(&format!("/sapi/usersGroup/{gone}"), &bob).await.expect_problem(404, "not_found");
    world.call("DELETE", &format!("/sapi/usersGroup/{kept}"), &alice, None).await.expect_problem(403, "forbidden");
    world.call("DELETE", &format!("/sapi/usersGroup/{kept}"), &bob, None).await.expect(204);
    world.call("DELETE", &format!("/sapi/usersGroup/{kept}"), &bob, None).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_conference_is_in_the_log_of_everybody_who_had_to_do_with_it() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let alice = world.device(&world.alice, "alice@demo", &admin).await;
    let bob = world.device(&world.bob, "bob@demo", &admin).await;
    let (first, _) = world.call_between(&alice, &bob).await;
    world.execute(&CloseRoom { room: first, by: Some(alice.user.clone()), as_admin: false }).await;
    // The second call is of a later millisecond: `before` and `after` tell them apart.
    let opened = std::time::SystemTime::now();
    while opened.elapsed().is_ok_and(|elapsed| elapsed.as_millis() < 2) {
        tokio::task::yield_now().await;
    }
    let (room, id) = world.call_between(&alice, &bob).await;
    let token = world.login("bob@demo").await;
    let log = world.get(&world.up_to_date("/sapi/conferences").await, &token).await.expect(200).json();
    assert_eq!(log.as_array().unwrap().len(), 2);
    let newest = &log[0];
    assert_eq!((&newest["id"], &newest["roomId"], &newest["state"]), (&json!(id), &json!(room.id), &json!("active")));
    assert_eq!((&log[1]["state"], newest["participants"].as_array().unwrap().len()), (&json!("finished"), 2));
    let invite = &newest["invites"][0];
    assert_eq!(
        (&invite["state"], &invite["error"], &invite["group"]),
        (&json!("ACCEPTED"), &json!(200), &json!(false))
    );
    assert_eq!(invite["candidates"], json!([{ "address": format!("wac-user:{}", world.bob), "endReason": 200 }]));
    assert_eq!(newest["domains"], json!(["demo"]));
    world.get(&format!("/sapi/conferences/{id}"), &token).await.expect(200);
    let page = world.get("/sapi/conferences?limit=1", &token).await.expect(200);
    assert!(page.header("link").contains("rel=\"next\""));
    let link = page.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(world.get(&link, &token).await.expect(200).json()[0]["id"], log[1]["id"]);
    let before = format!("/sapi/conferences?before={}", newest["createdAt"]);
    assert_eq!(world.get(&before, &token).await.expect(200).json().as_array().unwrap().len(), 1);
    let after = format!("/sapi/conferences?after={}", newest["createdAt"]);
    assert_eq!(world.get(&after, &admin).await.expect(200).json(), json!([]));
    let carol = world.login("carol").await;
    assert_eq!(world.get("/sapi/conferences", &carol).await.expect(200).json(), json!([]));
    world.get(&format!("/sapi/conferences/{id}"), &carol).await.expect_problem(404, "not_found");
    let all = world.get("/sapi/conferences?domain=demo", &admin).await.expect(200).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_conference_log_is_newest_first_page_after_page() {
    let world = World::start().await;
    let admin = world.login("admin").await;
    let alice = world.device(&world.alice, "alice@demo", &admin).await;
    let bob = world.device(&world.bob, "bob@demo", &admin).await;
    let mut made = Vec::new();
    for _ in 0..7 {
        let (room, id) = world.call_between(&alice, &bob).await;
        world.execute(&CloseRoom { room, by: Some(alice.user.clone()), as_admin: false }).await;
        made.insert(0, id);
    }
    let bobs = world.login("bob@demo").await;
    for (path, token) in [("/sapi/conferences?limit=3", &bobs), ("/sapi/conferences?limit=3&domain=demo", &admin)] {
        let (mut seen, mut next) = (Vec::new(), Some(world.up_to_date(path).await));
        while let Some(path) = next.take() {
            let page = world.get(&path, token).await.expect(200);
            seen.extend(page.json().as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
            next = page.next();
        }
        assert_eq!(seen, made, "{path}");
    }
}
