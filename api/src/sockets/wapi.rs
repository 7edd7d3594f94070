//! WAPI: the resources of SAPI over a socket, and pushes of what changes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tower::ServiceExt;
use wac_events::Position;
use wac_signaling::wire::{WapiAnswer, WapiMethod, WapiRequest};

use super::conversation::{Dialect, Reply};
use super::outbox::Message;
use super::session::Person;
use super::socket::{Follows, Socket};
use super::{Close, presence};
use crate::form::escape;
use crate::idempotency::{IDEMPOTENCY_KEY, bad_key};
use crate::reading::{X_WAC_MIN_POSITION, X_WAC_POSITION};
use crate::{Caller, Listener, Platform, Problem};

/// Largest answer, in bytes: a page of the longest list.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The resource of a socket itself.
const SUBSCRIPTIONS: &str = "/presence/subscriptions";

/// The routes that requests go to.
#[derive(Clone)]
pub(super) struct Inner(pub(super) Router);

/// The resource side of one socket.
pub(super) struct Wapi {
    platform: Platform,
    socket: Arc<Socket>,
    person: Person,
    client: Option<IpAddr>,
    inner: Inner,
    /// The last position this socket has written: what it reads is not older.
    written: AtomicU64,
}

/// What a request came to.
struct Outcome {
    status: StatusCode,
    body: Option<Value>,
    next: Option<String>,
    position: Option<Position>,
}

impl Wapi {
    /// For a socket that is attached.
    pub(super) fn new(
        platform: Platform,
        socket: Arc<Socket>,
        person: Person,
        client: Option<IpAddr>,
        inner: Inner,
    ) -> Self {
        Self { platform, socket, person, client, inner, written: AtomicU64::new(0) }
    }

    async fn answer(&self, text: &str) -> Result<Reply, Close> {
        let request: WapiRequest = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(error) => return Ok(self.malformed(text, &error)),
        };
        let caller = self.person.present(&self.platform).await?;
        let id = request.id.clone();
        let outcome = match self.outcome(request, caller).await {
            Ok(outcome) => outcome,
            Err(problem) => self.refused(&problem),
        };
        if let Some(position) = outcome.position {
            self.written.fetch_max(position.0, Ordering::Relaxed);
        }
        let position = outcome.position;
        Ok(Reply::Answer { text: text_of(id, outcome), position })
    }

    fn malformed(&self, text: &str, error: &serde_json::Error) -> Reply {
        let detail = format!(
            "The frame is no request ({error}): {{\"id\", \"method\", \"url\", \"qs\"?, \"body\"?, \"idempotencyKey\"?}}."
        );
        let outcome = self.refused(&Problem::invalid("malformed_json", detail));
        let frame: Option<Value> = serde_json::from_str(text).ok();
        let id = frame.as_ref().and_then(|frame| frame["id"].as_str()).unwrap_or_default();
        Reply::Malformed { text: text_of(id.to_owned(), outcome) }
    }

    fn refused(&self, problem: &Problem) -> Outcome {
        let body = problem.to_json(&self.platform.config.public_url, None);
        Outcome { status: problem.status, body: Some(body), next: None, position: None }
    }

    async fn outcome(&self, request: WapiRequest, caller: Arc<Caller>) -> Result<Outcome, Problem> {
        if request.url.trim_end_matches('/') == SUBSCRIPTIONS {
            return self.subscribe(&request, &caller).await;
        }
        let request = self.http(request, caller)?;
        let response = match self.inner.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        read(response).await
    }

    async fn subscribe(&self, request: &WapiRequest, caller: &Caller) -> Result<Outcome, Problem> {
        let follows = match request.method {
            WapiMethod::Put => presence::follows(request.body.as_ref())?,
            WapiMethod::Delete => Follows::default(),
            WapiMethod::Get | WapiMethod::Post | WapiMethod::Patch => {
                let detail = format!("{SUBSCRIPTIONS} takes PUT and DELETE.");
                return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail));
            }
        };
        let follows = presence::allowed(caller, follows);
        // First this: what changes while the answer is made is told, too.
        self.socket.follow(follows.clone());
        let followed = presence::of(&self.platform, caller, &follows).await?;
        Ok(Outcome { status: StatusCode::OK, body: Some(followed), next: None, position: None })
    }

    /// The push of a conference with its whole entry, as `GET /conferences/<id>` shows it to the caller;
    /// `None` if he may not see it, or it cannot be read in time.
    async fn with_entry(&self, message: &Message) -> Option<Utf8Bytes> {
        let id = message.conference.as_ref()?;
        let caller = self.person.present(&self.platform).await.ok()?;
        let entry = self.platform.conference_shown(&caller, id, message.position).await.ok()?;
        let mut frame: Value = serde_json::from_str(message.text.as_str()).ok()?;
        let body = frame.get_mut("body")?.as_object_mut()?;
        // What the push says itself, such as the room's name outside its domain, stays.
        for (name, value) in entry.as_object()? {
            body.entry(name.as_str()).or_insert_with(|| value.clone());
        }
        Some(frame.to_string().into())
    }

    /// The request as the routes take it, in the caller's name.
    fn http(&self, request: WapiRequest, caller: Arc<Caller>) -> Result<Request, Problem> {
        let uri = uri(&request.url, request.qs.as_ref())?;
        let body = request.body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut http = Request::new(body);
        *http.method_mut() = match request.method {
            WapiMethod::Get => Method::GET,
            WapiMethod::Post => Method::POST,
            WapiMethod::Put => Method::PUT,
            WapiMethod::Patch => Method::PATCH,
            WapiMethod::Delete => Method::DELETE,
        };
        let written = self.written.load(Ordering::Relaxed);
        let headers: &mut HeaderMap = http.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &request.idempotency_key {
            headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key).map_err(|_| bad_key().at("/idempotencyKey"))?);
        }
        if written > 0 && !uri.query().unwrap_or_default().contains("min_position=") {
            headers.insert(X_WAC_MIN_POSITION, written.into());
        }
        *http.uri_mut() = uri;
        let address = self.client.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let extensions = http.extensions_mut();
        extensions.insert(caller);
        extensions.insert(ConnectInfo(SocketAddr::new(address, 0)));
        // The socket was let in: what it carries has not crossed a network in clear.
        extensions.insert(Listener { tls: true });
        Ok(http)
    }
}

fn text_of(id: String, outcome: Outcome) -> String {
    let Outcome { status, body, next, position } = outcome;
    let answer = WapiAnswer { id, status: status.as_u16(), body, next, position };
    serde_json::to_string(&answer).expect("an answer is plain JSON")
}

fn uri(url: &str, qs: Option<&Map<String, Value>>) -> Result<Uri, Problem> {
    let wrong = || Problem::invalid("validation_failed", "`url` is the path of a resource, such as /users.").at("/url");
    if !url.starts_with('/') || url.starts_with("//") {
        return Err(wrong());
    }
    let mut text = format!("/sapi{url}");
    for (name, value) in qs.into_iter().flatten() {
        let value = match value {
            Value::Null => continue,
            Value::String(value) => value.clone(),
            value => value.to_string(),
        };
        text.push(if text.contains('?') { '&' } else { '?' });
        text.push_str(&format!("{}={}", escape(name), escape(&value)));
    }
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    // Dots would lead elsewhere.
    if uri.path().split('/').any(|part| part == "." || part == "..") { Err(wrong()) } else { Ok(uri) }
}

/// Where a list goes on: the target of its `Link: <…>; rel="next"`, as a `url` of WAPI.
fn next_of(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links.into_iter().find_map(|link| link.strip_suffix(">; rel=\"next\"")?.strip_prefix("</sapi"));
    next.map(str::to_owned)
}

async fn read(response: Response) -> Result<Outcome, Problem> {
    let (parts, body) = response.into_parts();
    let media = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media.starts_with("text/event-stream") {
        let detail = "Streams have no end; read them over HTTP.";
        return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "no_streams_here", detail));
    }
    let position = parts.headers.get(X_WAC_POSITION).and_then(|value| value.to_str().ok());
    let position = position.and_then(|text| text.parse().ok()).map(Position);
    let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|error| Problem::internal(&error))?;
    let body = if bytes.is_empty() {
        None
    } else {
        Some(serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into()))
    };
    Ok(Outcome { status: parts.status, body, next: next_of(&parts.headers), position })
}

impl Dialect for Wapi {
    fn begin(&self) -> BoxFuture<'_, Result<(), Close>> {
        async {
            let caller = self.person.present(&self.platform).await?;
            if presence::comes_unasked(&self.platform, &self.socket.domain).await {
                self.socket.follow(presence::allowed(&caller, Follows { domain: true, ..Follows::default() }));
            }
            Ok(())
        }
        .boxed()
    }

    fn receive(self: Arc<Self>, text: Utf8Bytes) -> BoxFuture<'static, Reply> {
        async move { self.answer(&text).await.unwrap_or_else(Reply::End) }.boxed()
    }

    fn whole<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Option<Utf8Bytes>> {
        self.with_entry(message).boxed()
    }

    /// Resources are read again: their present state says more than what happened to them.
    fn missed(&self, _: Position, _: Position) -> BoxFuture<'_, Result<Option<Vec<Message>>, Close>> {
        async { Ok(None) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_url_and_its_query_become_a_path_below_sapi() {
        let Value::Object(qs) = json!({ "limit": 10, "name": "a b", "none": null, "flag": true }) else { panic!() };
        assert_eq!(uri("/users", Some(&qs)).unwrap().to_string(), "/sapi/users?flag=true&limit=10&name=a%20b");
        assert_eq!(uri("/users?limit=1", None).unwrap().to_string(), "/sapi/users?limit=1");
    }

    #[test]
    fn the_next_page_of_a_list_is_named_without_sapi() {
        let mut headers = HeaderMap::new();
        assert_eq!(next_of(&headers), None);
        headers.insert(LINK, HeaderValue::from_static("</sapi/users?limit=2&cursor=YQ>; rel=\"next\""));
        assert_eq!(next_of(&headers).as_deref(), Some("/users?limit=2&cursor=YQ"));
    }

    #[test]
    fn a_url_leads_nowhere_else() {
        for url in ["users", "//host/users", "/../metrics", "/users/./x", "http://host/", ""] {
            assert!(uri(url, None).is_err(), "{url}");
        }
    }
}
