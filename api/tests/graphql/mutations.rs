//! Mutations: the writes of SAPI.

use serde_json::{Value, json};

use crate::harness::World;

const CREATE: &str = "mutation($input: CreateUserInput!, $key: String) {
    createUser(input: $input, idempotencyKey: $key) { position replayed user { id username email version } } }";

#[tokio::test]
async fn a_user_is_created_changed_and_deleted() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let input = json!({ "username": "dora", "domain": "demo", "role": "USER", "email": "d@example.test" });
    let answer = world.gql_answer(&admin, CREATE, json!({ "input": input })).await;
    let created = answer.json()["data"]["createUser"].clone();
    assert_eq!(created["position"], answer.position());
    assert_eq!((&created["replayed"], &created["user"]["email"]), (&json!(false), &json!("d@example.test")));
    let id = &created["user"]["id"];
    let update = "mutation($id: ID!, $v: Long) { updateUser(id: $id, input: {email: null, mobilePhone: [\"+34\"]}, ifVersion: $v) {
        user { username email mobilePhone version } } }";
    let updated = world.gql_with(&admin, update, json!({ "id": id, "v": 1 })).await["updateUser"]["user"].clone();
    assert_eq!(updated, json!({ "username": "dora", "email": null, "mobilePhone": ["+34"], "version": 2 }));
    let stale = world.gql_refused(&admin, update, json!({ "id": id, "v": 1 })).await;
    assert_eq!((&stale["code"], &stale["status"]), (&json!("precondition_failed"), &json!(412)));
    let delete = "mutation($id: ID!) { deleteUser(id: $id, erase: true) { id closing } }";
    assert_eq!(world.gql_with(&admin, delete, json!({ "id": id })).await["deleteUser"]["id"], *id);
    let gone = world.gql_refused(&admin, update, json!({ "id": id })).await;
    assert_eq!(gone["status"], 404);
}

#[tokio::test]
async fn a_refusal_names_the_fields_as_rest_does() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let refused = world.gql_refused(&admin, CREATE, json!({ "input": { "username": "a@b" } })).await;
    assert_eq!(refused["status"], 400);
    assert_eq!(refused["errors"][0]["pointer"], "/username");
    let taken = world.gql_refused(&admin, CREATE, json!({ "input": { "username": "ALICE", "domain": "demo" } })).await;
    assert_eq!(taken["status"], 409, "{taken}");
    let domain = "mutation { createDomain(input: {name: \"not a name\"}) { position } }";
    let refused = world.gql_refused(&admin, domain, json!({})).await;
    assert_eq!(refused["errors"][0]["pointer"], "/name", "{refused}");
    let rest = world.post("/sapi/domains", &admin, json!({ "domain": "not a name" })).await.expect(400).json();
    assert_eq!((&refused["code"], &refused["type"]), (&rest["code"], &rest["type"]));
}

#[tokio::test]
async fn the_same_mutation_under_one_key_happens_once() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let variables = json!({ "input": { "username": "dora" }, "key": "k1" });
    let first = world.gql_with(&admin, CREATE, variables.clone()).await["createUser"].clone();
    let again = world.gql_with(&admin, CREATE, variables).await["createUser"].clone();
    assert_eq!((&again["replayed"], &again["user"]["id"]), (&json!(true), &first["user"]["id"]));
    assert_eq!(again["position"], first["position"]);
    let other = json!({ "input": { "username": "emil" }, "key": "k1" });
    assert_eq!(world.gql_refused(&admin, CREATE, other).await["code"], "idempotency_mismatch");
    // The header's key counts for each mutation of a request by itself.
    let two = "mutation { a: createUser(input: {username: \"fay\"}) { replayed user { id } }
        b: createUser(input: {username: \"gus\"}) { replayed user { id } } }";
    let body = json!({ "query": two }).to_string();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let sent =
            world.with_headers("POST", "/graphql", Some(&admin), Some(&body), &[("idempotency-key", "k2")]).await;
        let json = sent.expect(200).json();
        assert!(json["errors"].is_null(), "{json}");
        answers.push(json["data"].clone());
    }
    assert_eq!(answers[0]["a"]["user"], answers[1]["a"]["user"]);
    assert_ne!(answers[0]["a"]["user"], answers[0]["b"]["user"]);
    assert_eq!(answers[1]["b"]["replayed"], true);
}

#[tokio::test]
async fn domains_credentials_and_clients_have_their_mutations() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let create = "mutation { createDomain(input: {name: \"shop\", parent: \"demo\", services: {chat: []}}) { domain { id name parentName services } } }";
    let domain = world.gql(&admin, create).await["createDomain"]["domain"].clone();
    assert_eq!(
        (&domain["name"], &domain["parentName"], &domain["services"]),
        (&json!("shop"), &json!("demo"), &json!({ "chat": [] }))
    );
    let rename = "mutation($id: ID!) { updateDomain(id: $id, input: {name: \"store\", services: null}) { domain { name services version } } }";
    let renamed = world.gql_with(&admin, rename, json!({ "id": domain["id"] })).await["updateDomain"]["domain"].clone();
    assert_eq!((&renamed["name"], &renamed["services"]), (&json!("store"), &Value::Null));
    let delete = "mutation($id: ID!) { deleteDomain(id: $id) { closing } }";
    assert_eq!(world.gql_with(&admin, delete, json!({ "id": domain["id"] })).await["deleteDomain"]["closing"], false);
    let credential = "mutation($user: String!) { createCredential(input: {type: SIP_MAPPING, user: $user,
        data: {username: \"+3411\", password: \"x\"}}) { credential { id type data user { username } } } }";
    let made = world.gql_answer(&admin, credential, json!({ "user": world.alice })).await.json();
    if made["errors"].is_null() {
        let made = &made["data"]["createCredential"]["credential"];
        assert_eq!((&made["type"], &made["user"]["username"]), (&json!("SIP_MAPPING"), &json!("alice")));
        assert_eq!(made["data"], Value::Null, "the secret is its owner's");
        let delete = "mutation($id: ID!) { deleteCredential(id: $id) { id } }";
        world.gql_with(&admin, delete, json!({ "id": made["id"] })).await;
    } else {
        panic!("{made:#}");
    }
    let client = "mutation { createClient(input: {name: \"app\", grants: [CLIENT_CREDENTIALS], domain: \"demo\"}) { secret client { id name confidential grants } } }";
    let client = world.gql(&admin, client).await["createClient"].clone();
    assert!(client["secret"].is_string() && client["client"]["confidential"] == true, "{client}");
    let id = &client["client"]["id"];
    let rotate = "mutation($id: ID!) { rotateClientSecret(id: $id) { secret } }";
    assert_ne!(
        world.gql_with(&admin, rotate, json!({ "id": id })).await["rotateClientSecret"]["secret"],
        client["secret"]
    );
    let rename = "mutation($id: ID!) { updateClient(id: $id, input: {name: \"other\"}) { client { name grants } } }";
    let renamed = world.gql_with(&admin, rename, json!({ "id": id })).await["updateClient"]["client"].clone();
    assert_eq!(renamed, json!({ "name": "other", "grants": ["CLIENT_CREDENTIALS"] }));
    world.gql_with(&admin, "mutation($id: ID!) { deleteClient(id: $id) { id } }", json!({ "id": id })).await;
}

#[tokio::test]
async fn a_token_is_revoked_by_its_owner_or_an_administrator_and_by_nobody_else() {
    let world = World::start().await;
    let (alice, bob, admin) =
        (world.login("alice@demo").await, world.login("bob@demo").await, world.login("admin@quobis").await);
    let revoke = "mutation($token: String) { revokeToken(token: $token) { id } }";
    let refused = world.gql_refused(&bob, revoke, json!({ "token": alice })).await;
    assert_eq!(refused["status"], 404);
    world.gql(&alice, "{ me { role } }").await;
    world.gql_with(&admin, revoke, json!({ "token": alice })).await;
    world.get("/sapi/users", &alice).await.expect_problem(401, "invalid_token");
    world.gql(&bob, "mutation { revokeToken { id } }").await;
    world.get("/sapi/users", &bob).await.expect_problem(401, "invalid_token");
}
