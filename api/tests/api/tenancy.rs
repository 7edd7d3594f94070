//! Nothing crosses domains, and nobody changes what is not his.

use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn a_user_sees_the_public_fields_of_his_own_domain_and_nothing_of_another() {
    let world = World::start().await;
    let alice = world.login("alice@demo").await;
    let own = world.get(&format!("/sapi/users/{}", world.alice), &alice).await.expect(200).json();
    assert_eq!(own["email"], "alice@example.test");
    let bob = world.get(&format!("/sapi/users/{}", world.bob), &alice).await.expect(200).json();
    let mut fields: Vec<&str> = bob.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["alias", "displayName", "domain", "id", "uri", "username"]);
    world.get(&format!("/sapi/users/{}", world.carol), &alice).await.expect_problem(404, "not_found");
    let list = world.get("/sapi/users", &alice).await.expect(200).json();
    let ids: Vec<&str> = list.as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect();
    // By id; which of two of the same millisecond is first is left to chance.
    let mut both = [world.alice.as_str(), world.bob.as_str()];
    both.sort_unstable();
    assert_eq!(ids, both);
    let other = world.get("/sapi/users?domain=quobis", &alice).await.expect(200);
    assert_eq!(other.json(), json!([]));
    let domains = world.get("/sapi/domains", &alice).await.expect(200).json();
    assert_eq!(domains.as_array().unwrap().len(), 1);
    world.get(&format!("/sapi/domains/{}", world.base), &alice).await.expect_problem(404, "not_found");
    let credentials = world.get(&format!("/sapi/credentials?user={}", world.bob), &alice).await.expect(200);
    assert_eq!(credentials.json(), json!([]));
}

#[tokio::test]
async fn a_user_changes_of_his_own_record_what_is_his() {
    let world = World::start().await;
    let alice = world.login("alice@demo").await;
    let path = format!("/sapi/users/{}", world.alice);
    let mine = json!({ "email": "new@example.test", "mobilePhone": ["600"], "displayName": "Alice" });
    world.call("PATCH", &path, &alice, Some(mine)).await.expect(200);
    for (field, value) in [
        ("role", json!("admin")),
        ("username", json!("root")),
        ("capabilities", json!(["+x"])),
        ("alias", json!("other")),
        ("domain", json!("quobis")),
    ] {
        let answer = world.call("PATCH", &path, &alice, Some(json!({ field: value }))).await;
        let answer = answer.expect_problem(403, "forbidden").json();
        assert_eq!(answer["errors"][0]["pointer"], format!("/{field}"));
    }
    let whole = json!({ "username": "alice", "domain": "demo", "email": "third@example.test" });
    let user = world.call("PUT", &path, &alice, Some(whole)).await.expect(200).json();
    assert_eq!((user["role"].as_str(), user["email"].as_str()), (Some("user"), Some("third@example.test")));
    world
        .call("PATCH", &format!("/sapi/users/{}", world.bob), &alice, Some(json!({})))
        .await
        .expect_problem(403, "forbidden");
    world
        .call("PATCH", &format!("/sapi/users/{}", world.carol), &alice, Some(json!({})))
        .await
        .expect_problem(404, "not_found");
    world.call("DELETE", &path, &alice, None).await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn a_guest_sees_himself_and_the_name_and_services_of_his_domain() {
    let world = World::start().await;
    let guest = world.guest("demo").await;
    let head = world.platform.log.head().await.expect("the log answers").position;
    let list = world.get(&format!("/sapi/users?min_position={head}"), &guest).await.expect(200).json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["role"], "anonymous");
    world.get(&format!("/sapi/users/{}", world.alice), &guest).await.expect_problem(404, "not_found");
    let domain = world.get(&format!("/sapi/domains/{}", world.demo), &guest).await.expect(200).json();
    let mut fields: Vec<&str> = domain.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["domain", "effectiveServices", "id", "services"]);
}
