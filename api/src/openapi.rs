//! The OpenAPI document: generated from the handlers, completed by the rules every operation
//! follows.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// Media types.
const PROBLEM: &str = "application/problem+json";

/// Completes the document: security, the headers every operation takes and gives, and every answer
/// the general rules allow. Written over the document's JSON, so that it holds for operations of
/// every author alike.
pub(crate) fn complete(generated: &OpenApi, public_url: &str) -> Value {
    let mut document = serde_json::to_value(generated).expect("an OpenAPI document is plain JSON");
    document["openapi"] = "3.1.0".into();
    document["info"] = json!({
        "title": "SAPI",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "The REST interface of the platform. Every path exists below `/wac` too, and a slash at \
            its end means nothing. Errors are problem details (RFC 9457).",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["servers"] = json!([{ "url": public_url }, { "url": "/" }]);
    document["security"] = json!([{ "bearer": [] }]);
    let components = document["components"].as_object_mut();
    if let Some(components) = components {
        components.insert("securitySchemes".into(), json!({ "bearer": { "type": "http", "scheme": "bearer" } }));
        components.insert("headers".into(), headers());
        components.insert("parameters".into(), parameters());
        components.insert("responses".into(), responses());
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        if name.ends_with("Input") {
            // Unknown fields are refused by name.
            schema["additionalProperties"] = false.into();
        }
    }
    let paths = document["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete_operation(path, method, operation);
        }
    }
    document
}

fn header(description: &str, schema: Value) -> Value {
    json!({ "description": description, "schema": schema })
}

fn headers() -> Value {
    json!({
        "X-Request-Id": header("The request's id", json!({ "type": "string" })),
        "X-Wac-Position": header("The log position this write has reached", json!({ "type": "integer" })),
        "ETag": header("The object's version, for `If-Match`", json!({ "type": "string" })),
        "Location": header("Where the object is", json!({ "type": "string" })),
        "Link": header("The next page, `rel=\"next\"`", json!({ "type": "string" })),
        "Idempotent-Replayed": header("`true` if this answer was given before", json!({ "type": "string" })),
        "Retry-After": header("Seconds to wait", json!({ "type": "integer", "minimum": 1 })),
        "WWW-Authenticate": header("How to authenticate", json!({ "type": "string" })),
    })
}

fn parameters() -> Value {
    let parameter = |place: &str, name: &str, description: &str, schema: Value| json!({ "name": name, "in": place, "required": false, "description": description, "schema": schema });
    let text = |max: u64| json!({ "type": "string", "minLength": 1, "maxLength": max, "pattern": "^[A-Za-z0-9._-]+$" });
    json!({
        "min_position": parameter("query", "min_position",
            "Answer from read models that have reached this log position", json!({ "type": "integer", "minimum": 0 })),
        "X-Wac-Min-Position": parameter("header", "X-Wac-Min-Position",
            "The same as `min_position`", json!({ "type": "integer", "minimum": 0 })),
        "X-Request-Id": parameter("header", "X-Request-Id", "Id of the request; made by the server if it is left out", text(128)),
        "traceparent": parameter("header", "traceparent", "W3C trace context", json!({ "type": "string" })),
        "Idempotency-Key": parameter("header", "Idempotency-Key",
            "The same request under the same key happens once", text(255)),
        "If-Match": parameter("header", "If-Match",
            "The version (`ETag`) the object must be at, or several of which it must be at one", json!({ "type": "string", "pattern": "^(\\*|\"[0-9]+\"( ?, ?\"[0-9]+\")*)$" })),
    })
}

fn responses() -> Value {
    let problem = |description: &str, more: &[&str]| {
        let mut headers = Map::new();
        for name in ["X-Request-Id"].iter().chain(more) {
            headers.insert((*name).into(), json!({ "$ref": format!("#/components/headers/{name}") }));
        }
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        json!({ "description": description, "headers": headers, "content": { PROBLEM: { "schema": schema } } })
    };
    json!({
        "400": problem("The request is malformed or its content invalid", &[]),
        "401": problem("No access token, or one that does not work", &["WWW-Authenticate"]),
        "403": problem("The caller's role does not allow this, or tokens came over plain HTTP", &[]),
        "404": problem("It is not there, or not for this caller", &[]),
        "409": problem("It contradicts the present state", &[]),
        "412": problem("`If-Match` no longer holds", &[]),
        "413": problem("The body is too large", &[]),
        "415": problem("The body's media type is not accepted", &[]),
        "422": problem("The idempotency key was used for another request", &[]),
        "429": problem("Too much; try again later", &["Retry-After"]),
        "503": problem("Not possible at the moment; try again later", &["Retry-After"]),
    })
}

/// Whether a method changes nothing.
fn reads(method: &str) -> bool {
    matches!(method, "get" | "head")
}

/// Statuses an operation may answer with besides its successes.
fn statuses(path: &str, method: &str, has_body: bool) -> Vec<&'static str> {
    let mut statuses = vec!["400", "401", "403", "429", "503"];
    let about_one = ["/capabilities", "/sipMappings", "/presence", "/pushtokens"];
    if path.contains('{') || about_one.iter().any(|end| path.ends_with(end)) {
        statuses.push("404");
    }
    if has_body {
        statuses.extend(["413", "415"]);
    }
    if !reads(method) {
        statuses.extend(["409", "412", "422"]);
    }
    statuses
}

fn complete_operation(path: &str, method: &str, operation: &mut Value) {
    let has_body = operation.get("requestBody").is_some();
    let oauth = path.contains("/o/");
    let public = oauth || operation.get("security").is_some_and(|security| *security == json!([{}]));
    if let Some(body) = operation.get_mut("requestBody") {
        body["required"] = true.into();
    }
    let parameters: &[&str] = match (oauth, method) {
        (true, _) => &["X-Request-Id", "traceparent"],
        (false, "get" | "head") => &["min_position", "X-Wac-Min-Position", "X-Request-Id", "traceparent"],
        (false, "post") if !path.contains('{') => &["Idempotency-Key", "X-Request-Id", "traceparent"],
        (false, _) => &["Idempotency-Key", "If-Match", "X-Request-Id", "traceparent"],
    };
    let references = parameters.iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }));
    match operation.get_mut("parameters").and_then(Value::as_array_mut) {
        Some(list) => list.extend(references),
        None => operation["parameters"] = references.collect(),
    }
    let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, answer) in answers.iter_mut() {
        dress_success(status, method, answer);
    }
    let oauth_statuses = ["400", "401", "413", "415", "429", "503"];
    let general = statuses(path, method, has_body);
    let more = if oauth { oauth_statuses.to_vec() } else { general };
    for status in more.into_iter().filter(|status| !(public && !oauth && matches!(*status, "401" | "403"))) {
        let reference =
            if oauth { oauth_answer(status) } else { json!({ "$ref": format!("#/components/responses/{status}") }) };
        answers.entry(status).or_insert(reference);
    }
}

fn oauth_answer(status: &str) -> Value {
    let description = match status {
        "401" => "The client is unknown, or its secret is wrong",
        "413" => "The body is too large",
        "415" => "The body's media type is not accepted",
        "429" => "Log-ins have failed too often",
        "503" => "Not possible at the moment; try again later",
        _ => "Refused",
    };
    json!({
        "description": description,
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/OauthError" } } },
    })
}

fn dress_success(status: &str, method: &str, answer: &mut Value) {
    if !status.starts_with('2') || answer.get("$ref").is_some() {
        return;
    }
    let mut names = vec!["X-Request-Id"];
    if !reads(method) {
        names.extend(["X-Wac-Position", "Idempotent-Replayed"]);
    }
    if status == "201" {
        names.push("Location");
    }
    if answer.get("content").is_some() && !reads(method) {
        names.push("ETag");
    }
    for name in names {
        answer["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}
