//! The external agent assigner, asked over HTTP (guide 6.3.1).

mod addresses;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wac_events::UserId;
use wac_signaling::{AgentSettings, AssignerError, Assignment, ExternalAssigner};

use addresses::{PublicOnly, is_public};

/// Largest answer taken, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Questions under way at once; one more is told that nobody is there.
const QUESTIONS_PARALLEL_MAX: usize = 64;

/// Why an assigner cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssignerSetupError {
    /// The URL is none.
    #[error("agentassigner.externalAssignerUrl is no http or https URL")]
    Url,
    /// It leads into a private network.
    #[error(
        "agentassigner.externalAssignerUrl leads to a private address; agentassigner.allowPrivateAddresses allows that"
    )]
    Private,
    /// The HTTP client cannot be made.
    #[error("the client of the agent assigner cannot be made")]
    Client(#[from] reqwest::Error),
}

/// Asks `externalAssignerUrl` with `POST {channelId, channelType, context}`; the answer is `{agentId}`.
pub struct HttpAssigner {
    client: Client,
    url: Url,
    timeout: Duration,
    places: tokio::sync::Semaphore,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    channel_id: &'a str,
    channel_type: &'a str,
    context: &'a Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    agent_id: Option<String>,
}

fn failed(what: impl std::fmt::Display) -> AssignerError {
    AssignerError(what.to_string())
}

impl HttpAssigner {
    /// As configured; `None`: the platform picks agents itself.
    pub fn configured(settings: &AgentSettings) -> Result<Option<Arc<dyn ExternalAssigner>>, AssignerSetupError> {
        let Some(url) = settings.external_assigner_url.as_deref().filter(|_| settings.enabled) else {
            tracing::debug!(enabled = settings.enabled, "Agent assigner will use system assigner");
            return Ok(None);
        };
        let url: Url = url.parse().map_err(|_| AssignerSetupError::Url)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(AssignerSetupError::Url);
        }
        // A redirect would lead past the check of addresses, a proxy too.
        let mut client = Client::builder().redirect(Policy::none()).no_proxy().timeout(settings.timeout);
        if !settings.allow_private_addresses {
            // An address in place of a name never passes the resolver.
            let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            if host.parse().is_ok_and(|address| !is_public(address)) {
                return Err(AssignerSetupError::Private);
            }
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        // Not the whole URL: it may carry a password.
        let host = url.host_str().unwrap_or_default();
        tracing::info!(server.address = host, "Agent assigner configured with external assigner");
        let places = tokio::sync::Semaphore::new(QUESTIONS_PARALLEL_MAX);
        Ok(Some(Arc::new(Self { client: client.build()?, url, timeout: settings.timeout, places })))
    }

    async fn ask(&self, contact: &Assignment) -> Result<Option<UserId>, AssignerError> {
        let _place = self.places.try_acquire().map_err(|_| failed("too many questions at once"))?;
        let Assignment { channel_id, channel_type, context } = contact;
        let question = Question { channel_id, channel_type, context };
        let response = self.client.post(self.url.clone()).json(&question).send().await;
        let response = response.map_err(|error| failed(error.without_url()))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(failed(format_args!("the assigner answered {}", response.status())));
        }
        let answer: Answer = serde_json::from_slice(&bounded(response).await?)
            .map_err(|error| failed(format_args!("the assigner's answer is not {{\"agentId\"}}: {error}")))?;
        let id = answer.agent_id.filter(|id| !id.is_empty());
        Ok(id.map(|id| UserId::from(id.strip_prefix("wac-user:").unwrap_or(&id))))
    }
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, AssignerError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(error.without_url()))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(failed("the assigner's answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl ExternalAssigner for HttpAssigner {
    fn assign<'a>(&'a self, contact: &'a Assignment) -> BoxFuture<'a, Result<Option<UserId>, AssignerError>> {
        async move {
            let answered = tokio::time::timeout(self.timeout, self.ask(contact)).await;
            answered.unwrap_or_else(|_| Err(failed("the assigner did not answer in time")))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
