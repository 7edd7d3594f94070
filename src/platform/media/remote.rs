//! The deployment, to a media node without a database: one of its command endpoints, over HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::{Client, Response, StatusCode};
use serde::Serialize;
use wac_commands::{Context, ReportMedia};
use wac_events::{NodeId, OpeningId, StreamId};
use wac_media_io::{ReportError, ReportSink};

use super::link::{Beat, MediaLink, OfRoom, Offer, Report, RoomFact, Standing, Welcome};
use crate::config::SharedSecret;

/// How long an endpoint may take to answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take to accept a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// In the path of what is not about the node itself.
const ANY_NODE: &str = "any";

/// The command endpoints of the deployment; the one that answered last is asked first.
pub(crate) struct RemoteLink {
    client: Client,
    endpoints: Vec<String>,
    secret: SharedSecret,
    present: AtomicUsize,
}

impl RemoteLink {
    /// Of these endpoints, at least one.
    pub(crate) fn new(endpoints: &[String], secret: SharedSecret) -> Result<Self> {
        let client = Client::builder()
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(ANSWER_PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("cannot make an HTTP client")?;
        let endpoints = endpoints.iter().map(|endpoint| endpoint.trim_end_matches('/').to_owned()).collect();
        Ok(Self { client, endpoints, secret, present: AtomicUsize::new(0) })
    }

    /// Whether an endpoint answers and knows the secret. Nothing is changed by it.
    pub(crate) async fn probe(&self) -> Result<()> {
        self.post::<[Report; 0]>(ANY_NODE, "reports", &[]).await.map(drop)
    }

    /// What has happened in one opening of a room.
    pub(crate) async fn room(&self, stream: &StreamId, opening: &OpeningId) -> Result<Vec<RoomFact>> {
        let of = OfRoom { stream: stream.clone(), opening: opening.clone() };
        Ok(self.post(ANY_NODE, "room", &of).await?.json().await?)
    }

    /// Posts to the first endpoint that answers with anything but trouble of its own.
    async fn post<T: Serialize + Sync>(&self, node: &str, what: &str, body: &T) -> Result<Response> {
        let (first, count) = (self.present.load(Ordering::Relaxed), self.endpoints.len());
        let mut trouble = None;
        for turn in 0..count {
            let index = (first + turn) % count;
            let url = format!("{}/media-nodes/{node}/{what}", self.endpoints[index]);
            let asked = self.client.post(&url).bearer_auth(self.secret.reveal()).json(body).send().await;
            match asked {
                Ok(response) if !response.status().is_server_error() => {
                    self.present.store(index, Ordering::Relaxed);
                    return accepted(response).await;
                }
                Ok(response) => trouble = Some(anyhow::anyhow!("{url} answers {}", response.status())),
                Err(error) => trouble = Some(anyhow::Error::new(error).context(format!("{url} does not answer"))),
            }
        }
        Err(trouble.unwrap_or_else(|| anyhow::anyhow!("no command endpoint is named")))
    }
}

/// An endpoint refuses, and will always.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    code: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the command endpoint answers {} {}", self.status, self.code)
    }
}

impl std::error::Error for Refused {}

async fn accepted(response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status == StatusCode::UNAUTHORIZED {
        bail!("the command endpoint does not know this media.secret");
    }
    let body: serde_json::Value = response.json().await.unwrap_or_default();
    let code = body["code"].as_str().unwrap_or_default().to_owned();
    Err(Refused { status, code }.into())
}

impl MediaLink for RemoteLink {
    fn offer<'a>(&'a self, node: &'a NodeId, offer: &'a Offer) -> BoxFuture<'a, Result<Welcome>> {
        async move { Ok(self.post(node.as_str(), "offer", offer).await?.json().await?) }.boxed()
    }

    fn beat<'a>(&'a self, node: &'a NodeId, beat: Beat) -> BoxFuture<'a, Result<Standing>> {
        async move { Ok(self.post(node.as_str(), "beat", &beat).await?.json().await?) }.boxed()
    }

    fn withdraw<'a>(&'a self, node: &'a NodeId) -> BoxFuture<'a, Result<()>> {
        async move { self.post(node.as_str(), "withdraw", &()).await.map(drop) }.boxed()
    }
}

impl ReportSink for RemoteLink {
    fn report<'a>(&'a self, report: &'a ReportMedia, ctx: Context) -> BoxFuture<'a, Result<(), ReportError>> {
        async move {
            let sent = Report { command_id: ctx.command_id, at: ctx.now, report: report.clone() };
            match self.post(ANY_NODE, "reports", &[sent]).await {
                Ok(_) => Ok(()),
                Err(error) if error.is::<Refused>() => Err(ReportError::Refused(error.to_string())),
                Err(error) => Err(ReportError::Away(crate::sentence(&error))),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::http::HeaderMap;
    use axum::routing::post;
    use axum::{Json, Router};
    use serde_json::json;

    use super::*;

    fn secret() -> SharedSecret {
        SharedSecret::new("media.secret", &"s".repeat(32)).unwrap()
    }

    async fn endpoint(status: StatusCode, asked: Arc<AtomicUsize>) -> String {
        let answer = move |headers: HeaderMap| async move {
            assert_eq!(headers["authorization"], format!("Bearer {}", "s".repeat(32)));
            asked.fetch_add(1, Ordering::SeqCst);
            (status, Json(json!({ "serving": true, "keys": ["k"], "code": "node_stopped" })))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/media-nodes/{id}/beat", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/")
    }

    async fn beat(link: &RemoteLink) -> Result<Standing> {
        link.beat(&"n".into(), Beat { sessions: 3 }).await
    }

    #[tokio::test]
    async fn when_one_endpoint_is_away_or_in_trouble_the_next_is_asked_and_stays_the_first_to_be() {
        crate::tls::install_provider();
        let (troubled, well) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let endpoints = [
            "http://127.0.0.1:9/".to_owned(),
            endpoint(StatusCode::SERVICE_UNAVAILABLE, troubled.clone()).await,
            endpoint(StatusCode::OK, well.clone()).await,
        ];
        let link = RemoteLink::new(&endpoints, secret()).unwrap();
        assert!(beat(&link).await.unwrap().serving);
        assert!(beat(&link).await.unwrap().serving);
        assert_eq!((troubled.load(Ordering::SeqCst), well.load(Ordering::SeqCst)), (1, 2));
    }

    #[tokio::test]
    async fn a_refusal_is_told_from_an_absence() {
        crate::tls::install_provider();
        let refusing = [endpoint(StatusCode::CONFLICT, Arc::default()).await];
        let error = beat(&RemoteLink::new(&refusing, secret()).unwrap()).await.unwrap_err();
        assert!(error.is::<Refused>() && error.to_string().contains("node_stopped"), "{error:#}");
        let away = RemoteLink::new(&["http://127.0.0.1:9".to_owned()], secret()).unwrap();
        assert!(!beat(&away).await.unwrap_err().is::<Refused>());
    }
}
