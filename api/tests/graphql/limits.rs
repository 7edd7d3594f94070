//! What is refused because it is too much, or not for everybody.

use serde_json::{Value, json};
use wac_api::graphql::{BATCH_MAX, COMPLEXITY_MAX, DEPTH_MAX, FIRST_MAX};

use crate::harness::World;

#[tokio::test]
async fn a_query_nested_too_deep_is_refused_and_the_deepest_allowed_is_not() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    // `domain` and `name` are two levels.
    let nested = |parents: usize| {
        format!(
            "{{ domain(by: {{name: \"demo\"}}) {{ {} name {} }} }}",
            "parent { ".repeat(parents),
            "} ".repeat(parents)
        )
    };
    world.gql(&admin, &nested(DEPTH_MAX - 2)).await;
    let refused = world.gql_refused(&admin, &nested(DEPTH_MAX - 1), json!({})).await;
    assert_eq!(refused["code"], "query_too_deep");
    assert_eq!(refused["status"], 400);
}

#[tokio::test]
async fn a_query_that_costs_too_much_is_refused_before_it_runs() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let wide = |first: usize| {
        format!("{{ users(first: {first}) {{ nodes {{ credentials(first: 100) {{ nodes {{ id }} }} }} }} }}")
    };
    world.gql(&admin, &wide(20)).await;
    let refused = world.gql_refused(&admin, &wide(FIRST_MAX), json!({})).await;
    assert_eq!(refused["code"], "query_too_complex");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains(&COMPLEXITY_MAX.to_string())));
}

#[tokio::test]
async fn a_batch_has_a_bounded_length() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let batch = |length: usize| Value::from(vec![json!({ "query": "{ me { role } }" }); length]);
    let answers = world.post("/graphql", &admin, batch(BATCH_MAX)).await.expect(200).json();
    assert_eq!(answers.as_array().map(Vec::len), Some(BATCH_MAX));
    world.post("/graphql", &admin, batch(BATCH_MAX + 1)).await.expect_problem(400, "batch_size");
    world.post("/graphql", &admin, json!([])).await.expect_problem(400, "batch_size");
}

#[tokio::test]
async fn nobody_learns_the_schema_without_a_token() {
    let world = World::start().await;
    let body = json!({ "query": "{ __schema { queryType { name } } }" }).to_string();
    world.with_headers("POST", "/graphql", None, Some(&body), &[]).await.expect_problem(401, "unauthenticated");
    world
        .with_headers("GET", "/graphql?query=%7B__typename%7D", None, None, &[])
        .await
        .expect_problem(401, "unauthenticated");
    let alice = world.login("alice@demo").await;
    assert_eq!(
        world.gql(&alice, "{ __schema { queryType { name } } }").await["__schema"]["queryType"]["name"],
        "Query"
    );
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_wrong_with_it() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    for query in
        ["{ nothing }", "{ me { ", "query($x: Int!) { me { role } }", "{ users(first: \"x\") { nodes { id } } }"]
    {
        let refused = world.gql_refused(&admin, query, json!({})).await;
        assert_eq!(refused["code"], "graphql_invalid", "{query}: {refused}");
        assert!(refused["requestId"].is_string());
    }
    for query in [
        "{ users(first: 0) { nodes { id } } }",
        "{ users(first: 501) { nodes { id } } }",
        "{ users(after: \"?\") { nodes { id } } }",
        "{ events(limit: 1001) { scannedTo } }",
        "{ events(before: 0) { scannedTo } }",
        "{ events(type: [\"user.flown\"]) { scannedTo } }",
    ] {
        let refused = world.gql_refused(&admin, query, json!({})).await;
        assert_eq!(refused["code"], "validation_failed", "{query}: {refused}");
    }
    world.with_headers("POST", "/graphql", Some(&admin), Some("{"), &[]).await.expect_problem(400, "malformed_json");
    world.post("/graphql", &admin, json!({ "question": 1 })).await.expect_problem(400, "graphql_invalid");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    world
        .with_headers("POST", "/graphql", Some(&admin), Some("query=x"), &form)
        .await
        .expect_problem(415, "unsupported_media_type");
    let body = json!({ "query": "{ nothing }" }).to_string();
    let strict = [("accept", "application/graphql-response+json")];
    let answer = world.with_headers("POST", "/graphql", Some(&admin), Some(&body), &strict).await.expect(400);
    assert_eq!(answer.header("content-type"), "application/graphql-response+json");
}
