//! Queries of the present.

use serde_json::{Value, json};

use crate::harness::World;

#[tokio::test]
async fn an_administrator_finds_domains_and_users_by_id_and_by_name() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let query = "query($id: ID!) {
        me { role user { username } domain { name } grant }
        byId: user(by: {id: $id}) { id uri username email role domainName domain { name parent { name } } }
        byUri: user(by: {id: \"wac-user:nobody\"}) { id }
        byName: user(by: {username: \"Alice@demo\"}) { id }
        domain(by: {name: \"DEMO\"}) { name parentName enableAnonymous effectiveServices }
        users(filter: {domain: \"demo\"}) { nodes { username } pageInfo { hasNextPage } }
        capabilities { effective }
        head { position }
    }";
    let data = world.gql_with(&admin, query, json!({ "id": world.alice })).await;
    assert_eq!(data["me"]["role"], "ADMIN");
    assert_eq!(data["me"]["user"]["username"], "admin");
    assert_eq!(data["me"]["grant"], "PASSWORD");
    assert_eq!(data["byId"]["uri"], format!("wac-user:{}", world.alice));
    assert_eq!(data["byId"]["email"], "alice@example.test");
    assert_eq!(data["byId"]["domain"], json!({ "name": "demo", "parent": { "name": "quobis" } }));
    assert_eq!(data["byUri"], Value::Null);
    assert_eq!(data["byName"]["id"], world.alice);
    assert_eq!(data["domain"]["enableAnonymous"], true);
    assert_eq!(data["users"]["nodes"].as_array().map(Vec::len), Some(2));
    assert!(data["capabilities"]["effective"].as_array().is_some_and(|list| list.contains(&json!("sessions"))));
    assert_eq!(data["head"]["position"], world.head().await);
}

#[tokio::test]
async fn an_answer_has_the_order_of_its_question() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let query = "query { me { user { username id ...more } role } head { position } z: capabilities { user effective } } \
        fragment more on User { domain { name id } alias }";
    let text = world.gql_answer(&admin, query, json!({})).await.text;
    let names =
        ["me", "user", "username", "id", "domain", "name", "alias", "role", "head", "position", "z", "effective"];
    let mut from = 0;
    for name in names {
        let at = text[from..].find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} is out of order: {text}"));
        from += at;
    }
}

#[tokio::test]
async fn pages_follow_one_another_without_loss_or_doubling() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let query = "query($after: String) { users(first: 1, after: $after) {
            edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }";
        let data = world.gql_with(&admin, query, json!({ "after": after })).await;
        for edge in data["users"]["edges"].as_array().expect("a list") {
            seen.push(edge["node"]["id"].as_str().expect("an id").to_owned());
        }
        after = data["users"]["pageInfo"]["endCursor"].clone();
        if data["users"]["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    let mut expected = vec![world.admin.clone(), world.alice.clone(), world.bob.clone(), world.carol.clone()];
    expected.sort();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_read_waits_for_the_position_its_header_names() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    world.rows.held.send_replace(true);
    let create = "mutation { createUser(input: {username: \"dora\", domain: \"demo\"}) { position user { id } } }";
    let created = world.gql(&admin, create).await;
    let position = created["createUser"]["position"].to_string();
    let body = json!({ "query": "{ users(filter: {domain: \"demo\"}) { nodes { username } } }" }).to_string();
    let held = world.rows.held.clone();
    tokio::spawn(async move {
        tokio::task::yield_now().await;
        held.send_replace(false);
    });
    let answer = world
        .with_headers("POST", "/graphql", Some(&admin), Some(&body), &[("x-wac-min-position", &position)])
        .await
        .expect(200);
    assert!(answer.text.contains("dora"), "{answer:?}");
    let beyond = (world.head().await + 1000).to_string();
    world
        .with_headers("POST", "/graphql", Some(&admin), Some(&body), &[("x-wac-min-position", &beyond)])
        .await
        .expect_problem(400, "position_unknown");
}

#[tokio::test]
async fn queries_may_come_by_get_and_mutations_may_not() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let answer = world.get("/graphql?query=query($n:String!)%7Bdomain(by:%7Bname:$n%7D)%7Bname%7D%7D&variables=%7B%22n%22:%22demo%22%7D", &admin).await.expect(200);
    assert_eq!(answer.json()["data"]["domain"]["name"], "demo");
    let path = "/graphql?query=mutation%7BrevokeToken%7Bid%7D%7D";
    let refused = world.get(path, &admin).await.expect_problem(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), "POST");
    world.get("/graphql?query=%7Bme%7Brole%7D%7D&x=1", &admin).await.expect_problem(400, "validation_failed");
    world.gql(&admin, "{ me { role } }").await;
}

#[tokio::test]
async fn the_page_for_people_needs_nothing_from_elsewhere() {
    let world = World::start().await;
    let page = world.with_headers("GET", "/graphql", None, None, &[("accept", "text/html")]).await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert!(!page.text.contains("//"), "the page names no other address");
    let named = page.text.split('"').filter(|part| part.starts_with("/graphql/assets/"));
    let mut count = 0;
    for path in named {
        let asset = world.with_headers("GET", path, None, None, &[]).await.expect(200);
        assert!(asset.text.len() > 100, "{path}");
        count += 1;
    }
    assert_eq!(count, 7);
    world.with_headers("GET", "/graphql/assets/..%2Fx", None, None, &[]).await.expect(404);
}
