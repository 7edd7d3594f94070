//! Every query with every kind of token, against an explicit table.

use serde_json::{Value, json};

use crate::harness::World;

/// Kinds of token, in the order of the table's columns. All but `stranger` and `admin` belong to
/// the domain `demo`, as does what the queries are aimed at.
const KINDS: [&str; 5] = ["guest", "member", "stranger", "client", "admin"];

/// What a query shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sees {
    /// All of it.
    All,
    /// Only what concerns others: `email`, `origins` … are null.
    Part,
    /// `null`, as if there were nothing.
    Nothing,
    /// An error with status 403.
    Forbidden,
}

use Sees::{All, Forbidden, Nothing, Part};

/// A query, where its object is, a field that only those see who see all of it, and what each kind sees.
type Line = (&'static str, &'static str, &'static str, [Sees; 5]);

const TABLE: &[Line] = &[
    ("user(by: {id: $bob}) { id email }", "/user", "email", [Nothing, Part, Nothing, Part, All]),
    ("user(by: {username: \"bob@demo\"}) { id email }", "/user", "email", [Nothing, Part, Nothing, Part, All]),
    ("domain(by: {id: $demo}) { id origins }", "/domain", "origins", [Part, All, Nothing, All, All]),
    ("domain(by: {name: \"demo\"}) { id origins }", "/domain", "origins", [Part, All, Nothing, All, All]),
    ("domains { nodes { id origins } }", "/domains/nodes#demo", "origins", [Part, All, Nothing, All, All]),
    ("users { nodes { id email } }", "/users/nodes#bob", "email", [Nothing, Part, Nothing, Part, All]),
    (
        "users(filter: {domain: \"demo\"}) { nodes { id email } }",
        "/users/nodes#bob",
        "email",
        [Nothing, Part, Nothing, Part, All],
    ),
    (
        "domain(by: {id: $demo}) { users { nodes { id email } } }",
        "/domain/users/nodes#bob",
        "email",
        [Nothing, Part, Nothing, Part, All],
    ),
    ("credential(id: $credential) { id source }", "/credential", "source", [Nothing, Nothing, Nothing, Nothing, All]),
    (
        "credentials { nodes { id source } }",
        "/credentials/nodes#credential",
        "source",
        [Nothing, Nothing, Nothing, Nothing, All],
    ),
    (
        "credentials(filter: {user: $bob}) { nodes { id source } }",
        "/credentials/nodes#credential",
        "source",
        [Nothing, Nothing, Nothing, Nothing, All],
    ),
    (
        "user(by: {id: $bob}) { credentials { nodes { id source } } }",
        "/user/credentials/nodes#credential",
        "source",
        [Nothing, Nothing, Nothing, Nothing, All],
    ),
    ("client(id: $client) { id name }", "/client", "name", [Nothing, Nothing, Nothing, Nothing, All]),
    (
        "clients { nodes { id name } }",
        "/clients/nodes#client",
        "name",
        [Forbidden, Forbidden, Forbidden, Forbidden, All],
    ),
    (
        "events(stream: $stream) { events { stream } }",
        "/events/events/0",
        "stream",
        [Forbidden, Forbidden, Forbidden, Forbidden, All],
    ),
    (
        "events(domain: \"demo\", type: [\"domain.*\"]) { events { stream } }",
        "/events/events/0",
        "stream",
        [Forbidden, Nothing, Nothing, Forbidden, All],
    ),
    (
        "history(of: {kind: USER, id: $bob}) { stream }",
        "/history",
        "stream",
        [Forbidden, Forbidden, Forbidden, Forbidden, All],
    ),
    (
        "history(of: {kind: DOMAIN, id: $demo}) { stream }",
        "/history",
        "stream",
        [Forbidden, Forbidden, Forbidden, Forbidden, All],
    ),
    ("me { role }", "/me", "role", [All; 5]),
    ("capabilities { effective }", "/capabilities", "effective", [All; 5]),
    ("head { position }", "/head", "position", [All; 5]),
    ("eventTypes", "/eventTypes/0", "type", [All; 5]),
];

async fn client_of(world: &World, admin: &str) -> (String, String) {
    let body = json!({ "name": "app", "grants": ["client_credentials"], "domain": "demo", "confidential": true });
    let client = world.post("/sapi/clients", admin, body).await.expect(201).json();
    let grant =
        json!({ "grant_type": "client_credentials", "client_id": client["id"], "client_secret": client["secret"] });
    let token =
        world.token_request(grant).await.expect(200).json()["access_token"].as_str().expect("a token").to_owned();
    (client["id"].as_str().expect("an id").to_owned(), token)
}

/// What `line` shows in an answer.
fn seen(answer: &Value, line: &Line, ids: &Value) -> Sees {
    if let Some(errors) = answer["errors"].as_array() {
        assert!(errors.iter().all(|error| error["extensions"]["status"] == 403), "{answer:#}");
        return Forbidden;
    }
    let (place, wanted) = line.1.split_once('#').unwrap_or((line.1, ""));
    let found = answer["data"].pointer(place).cloned().unwrap_or_default();
    let object = if wanted.is_empty() {
        found
    } else {
        let list = found.as_array().cloned().unwrap_or_default();
        list.into_iter().find(|object| object["id"] == ids[wanted]).unwrap_or_default()
    };
    match (object.is_null(), object[line.2].is_null()) {
        (true, _) => Nothing,
        (false, true) => Part,
        (false, false) => All,
    }
}

#[tokio::test]
async fn every_query_shows_each_kind_of_token_what_the_table_says_at_present_and_in_the_past() {
    let world = World::start().await;
    let admin = world.login("admin@quobis").await;
    let (client, client_token) = client_of(&world, &admin).await;
    let credentials = world.get(&format!("/sapi/credentials?user={}", world.bob), &admin).await.expect(200).json();
    let ids = json!({
        "bob": world.bob, "demo": world.demo, "credential": credentials[0]["id"], "client": client,
        "stream": format!("user-{}", world.bob),
    });
    let tokens = [
        world.guest("demo").await,
        world.login("alice@demo").await,
        world.login("carol@quobis").await,
        client_token,
        admin,
    ];
    let head = world.head().await;
    let mut wrong = Vec::new();
    for line in TABLE {
        let past = as_of(line.0, head);
        for query in [Some(line.0.to_owned()), past].into_iter().flatten() {
            for ((kind, token), expected) in KINDS.iter().zip(&tokens).zip(line.3) {
                let declared: Vec<String> = ["bob", "demo", "credential", "client", "stream"]
                    .into_iter()
                    .filter(|name| query.contains(&format!("${name}")))
                    .map(|name| format!("${name}: {}!", if name == "stream" { "String" } else { "ID" }))
                    .collect();
                let head = if declared.is_empty() { String::new() } else { format!("query({})", declared.join(", ")) };
                let answer = world.gql_answer(token, &format!("{head}{{ {query} }}"), ids.clone()).await.json();
                let sees = seen(&answer, line, &ids);
                if sees != expected {
                    wrong.push(format!("{kind} asking {query} sees {sees:?}, not {expected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same query asked as of a position; `None` for what has no past.
fn as_of(query: &str, position: u64) -> Option<String> {
    let argument = format!("asOf: {{position: {position}}}");
    let end = query.find(['(', ' ']).filter(|_| query.contains('{'))?;
    let (name, rest) = query.split_at(end);
    Some(match rest.strip_prefix('(') {
        Some(rest) => format!("{name}({argument}, {rest}"),
        None => format!("{name}({argument}){rest}"),
    })
}

#[tokio::test]
async fn every_mutation_is_refused_to_those_rest_refuses_it_to() {
    let world = World::start().await;
    let tokens = [world.guest("demo").await, world.login("alice@demo").await, world.login("carol@quobis").await];
    let before = world.head().await;
    let mutations = [
        ("createDomain(input: {name: \"x\"}) { position }", [403, 403, 403]),
        ("updateDomain(id: $demo, input: {name: \"x\"}) { position }", [403, 403, 404]),
        ("deleteDomain(id: $demo) { position }", [403, 403, 404]),
        ("createUser(input: {username: \"x\"}) { position }", [403, 403, 403]),
        ("updateUser(id: $bob, input: {displayName: \"x\"}) { position }", [404, 403, 404]),
        ("deleteUser(id: $bob) { position }", [404, 403, 404]),
        (
            "createCredential(input: {type: BASIC, user: $bobText, data: {password: \"x\"}}) { position }",
            [403, 403, 403],
        ),
        ("createClient(input: {name: \"x\", grants: [PASSWORD]}) { position }", [403, 403, 403]),
        ("deleteClient(id: $bob) { position }", [403, 403, 403]),
        ("rotateClientSecret(id: $bob) { position }", [403, 403, 403]),
        ("revokeToken(id: $bob) { position }", [404, 404, 404]),
    ];
    for (mutation, expected) in mutations {
        for (token, status) in tokens.iter().zip(expected) {
            let mutation = mutation.replace("$bobText", &json!(world.bob).to_string());
            let mutation = mutation.replace("$bob", &json!(world.bob).to_string());
            let mutation = mutation.replace("$demo", &json!(world.demo).to_string());
            let refused = world.gql_refused(token, &format!("mutation {{ {mutation} }}"), json!({})).await;
            assert_eq!(refused["status"], status, "{mutation}: {refused}");
        }
    }
    assert_eq!(world.head().await, before, "nothing was written");
    let own = format!(
        "mutation {{ updateUser(id: {}, input: {{displayName: \"Al\"}}) {{ user {{ displayName }} }} }}",
        json!(world.alice)
    );
    assert_eq!(world.gql(&tokens[1], &own).await["updateUser"]["user"]["displayName"], "Al");
}
