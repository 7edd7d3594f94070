//! GraphQL over HTTP.

use std::sync::Arc;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Request as GqlRequest, Response as GqlResponse, Variables};
use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, State};
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, UPGRADE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::errors::{REFUSED, explain, refused};
use super::session::Session;
use super::{ApiSchema, BATCH_MAX, order, page, socket};
use crate::body::JsonBody;
use crate::edge::RequestInfo;
use crate::idempotency::IDEMPOTENCY_KEY;
use crate::reading::{Query, X_WAC_POSITION};
use crate::{Caller, Platform, Problem};

/// Media type of an answer whose status tells, too (GraphQL over HTTP §6.4).
const GRAPHQL_JSON: &str = "application/graphql-response+json";
/// Every read model a query may read.
pub(super) const TABLES: [&str; 18] = [
    "domains",
    "users",
    "credentials",
    "clients",
    "sessions",
    "presence",
    "groups",
    "group_users",
    "rooms",
    "participants",
    "invites",
    "candidates",
    "transfers",
    "conference_users",
    "agents",
    "media_sessions",
    "login_alarms",
    "call_alarms",
];

/// Who sends a request, and how.
pub(super) struct Sender {
    caller: Arc<Caller>,
    info: RequestInfo,
    headers: HeaderMap,
}

impl FromRequestParts<Platform> for Sender {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let caller = Arc::new(Caller::from_request_parts(parts, platform).await?);
        let info = request_info(parts)?;
        Ok(Self { caller, info, headers: parts.headers.clone() })
    }
}

fn request_info(parts: &Parts) -> Result<RequestInfo, Problem> {
    parts.extensions.get::<RequestInfo>().cloned().ok_or_else(|| Problem::internal(&"a request without the edge"))
}

/// `POST /graphql`: one operation, or a batch of them.
pub(super) async fn post(
    State(platform): State<Platform>,
    Extension(schema): Extension<ApiSchema>,
    sender: Sender,
    query: Query,
    body: JsonBody,
) -> Result<Response, Problem> {
    query.settle(&platform, &TABLES).await?;
    let (batched, requests) = match body.value {
        Value::Array(requests) => (true, requests),
        request => (false, vec![request]),
    };
    if requests.is_empty() || requests.len() > BATCH_MAX {
        return Err(Problem::invalid("batch_size", format!("A batch has 1 to {BATCH_MAX} operations.")));
    }
    let requests = requests.into_iter().map(read_request).collect::<Result<Vec<_>, _>>()?;
    let mut responses = Vec::with_capacity(requests.len());
    let mut reached = 0;
    for (index, request) in requests.into_iter().enumerate() {
        let (response, position) = run(&platform, &schema, &sender, request, index).await;
        reached = reached.max(position);
        responses.push(response);
    }
    Ok(answer(&sender.headers, responses, batched, reached))
}

fn read_request(value: Value) -> Result<GqlRequest, Problem> {
    let shape = "send {\"query\": \"…\", \"variables\": {…}}";
    if !value["query"].is_string() {
        return Err(Problem::invalid("graphql_invalid", format!("The body is no GraphQL request; {shape}.")));
    }
    serde_json::from_value(value).map_err(|error| {
        Problem::invalid("graphql_invalid", format!("The body is no GraphQL request ({error}); {shape}."))
    })
}

/// `GET /graphql`: a query, an upgrade to WebSocket, or the page for people.
pub(super) async fn get(
    State(platform): State<Platform>,
    Extension(schema): Extension<ApiSchema>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    query: Query,
    request: axum::extract::Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    if parts.headers.contains_key(UPGRADE) {
        let upgrade = upgrade.map_err(|error| Problem::invalid("graphql_invalid", format!("{error}")))?;
        let info = request_info(&parts)?;
        let authorized = parts.headers.contains_key(axum::http::header::AUTHORIZATION);
        let caller =
            if authorized { Some(Arc::new(Caller::from_request_parts(&mut parts, &platform).await?)) } else { None };
        return socket::upgrade(upgrade, platform, schema, info, caller);
    }
    if parts.uri.query().is_none_or(str::is_empty) && wants_html(&parts.headers) {
        return Ok(page::page());
    }
    let sender = Sender::from_request_parts(&mut parts, &platform).await?;
    let request = from_query(&platform, query).await?;
    let (response, reached) = run(&platform, &schema, &sender, request, 0).await;
    Ok(answer(&sender.headers, vec![response], false, reached))
}

async fn from_query(platform: &Platform, mut query: Query) -> Result<GqlRequest, Problem> {
    let missing = || Problem::parameter("query", "required", "`query` is required.");
    let mut request = GqlRequest::new(query.take("query")?.ok_or_else(missing)?);
    if let Some(variables) = query.take("variables")?.filter(|variables| !variables.is_empty()) {
        let wrong = |error| Problem::parameter("variables", "type", format!("`variables` is a JSON object: {error}."));
        let json: serde_json::Map<_, _> = serde_json::from_str(&variables).map_err(wrong)?;
        request = request.variables(Variables::from_json(json.into()));
    }
    if let Some(name) = query.take("operationName")?.filter(|name| !name.is_empty()) {
        request = request.operation_name(name);
    }
    query.take("extensions")?;
    query.settle(platform, &TABLES).await?;
    let name = request.operation_name.clone();
    // What does not parse is told by the engine.
    if let Ok(document) = request.parsed_query()
        && !is_query(document, name.as_deref())
    {
        let detail = "GET is for queries; send mutations with POST, subscriptions over WebSocket.";
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        return Err(problem.with_header(ALLOW, HeaderValue::from_static("POST")));
    }
    Ok(request)
}

fn is_query(document: &ExecutableDocument, name: Option<&str>) -> bool {
    let query = |ty: OperationType| ty == OperationType::Query;
    match &document.operations {
        DocumentOperations::Single(operation) => query(operation.node.ty),
        DocumentOperations::Multiple(operations) => operations
            .iter()
            .filter(|(operation, _)| name.is_none_or(|name| operation.as_str() == name))
            .all(|(_, operation)| query(operation.node.ty)),
    }
}

async fn run(
    platform: &Platform,
    schema: &ApiSchema,
    sender: &Sender,
    mut request: GqlRequest,
    index: usize,
) -> (GqlResponse, u64) {
    let key = sender.headers.get(IDEMPOTENCY_KEY).cloned();
    let session = Arc::new(Session::new(sender.caller.clone(), sender.info.clone(), key, index));
    let (document, operation) = (order::document(&mut request), request.operation_name.clone());
    let mut response = schema.execute(request.data(session.clone())).await;
    if response.data != async_graphql::Value::Null {
        order::restore(&mut response, document.as_ref(), operation.as_deref());
    }
    explain(&mut response, &platform.config.public_url, &sender.info.request_id);
    (response, session.reached())
}

fn answer(headers: &HeaderMap, mut responses: Vec<GqlResponse>, batched: bool, reached: u64) -> Response {
    let strict = accepts(headers, GRAPHQL_JSON);
    let status = if strict && responses.iter().all(refused) { REFUSED } else { StatusCode::OK };
    let body = match responses.pop() {
        Some(response) if !batched => serde_json::to_string(&response),
        last => {
            responses.extend(last);
            serde_json::to_string(&responses)
        }
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let media = HeaderValue::from_static(if strict { GRAPHQL_JSON } else { "application/json" });
    let mut response =
        (status, [(CONTENT_TYPE, media), (VARY, HeaderValue::from_static("accept"))], body).into_response();
    if reached > 0 {
        response.headers_mut().insert(X_WAC_POSITION, reached.into());
    }
    response
}

fn accepts(headers: &HeaderMap, media: &str) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|part| part.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media))
}

fn wants_html(headers: &HeaderMap) -> bool {
    accepts(headers, "text/html") && !accepts(headers, GRAPHQL_JSON)
}
