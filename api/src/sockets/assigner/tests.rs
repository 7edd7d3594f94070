use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;

use super::*;

/// Serves one route on loopback; its URL.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/")
}

fn assigner(url: String, timeout_ms: u64) -> Arc<dyn ExternalAssigner> {
    let settings = AgentSettings {
        external_assigner_url: Some(url),
        allow_private_addresses: true,
        timeout: Duration::from_millis(timeout_ms),
        ..AgentSettings::default()
    };
    let _ = rustls_provider();
    HttpAssigner::configured(&settings).expect("a good URL").expect("it is on")
}

/// The TLS client wants a provider even where it is not used.
fn rustls_provider() -> Result<(), Arc<rustls::crypto::CryptoProvider>> {
    rustls::crypto::aws_lc_rs::default_provider().install_default()
}

fn contact() -> Assignment {
    let context = json!({ "topic": "sales" }).as_object().cloned().unwrap_or_default();
    Assignment { channel_id: "room-1".to_owned(), channel_type: "voice", context }
}

#[tokio::test]
async fn the_assigner_is_told_of_the_contact_and_names_an_agent() {
    let answer = |Json(question): Json<Value>| async move {
        assert_eq!(question, json!({ "channelId": "room-1", "channelType": "voice", "context": { "topic": "sales" } }));
        Json(json!({ "agentId": "wac-user:a1" }))
    };
    let url = serve(Router::new().route("/", post(answer))).await;
    assert_eq!(assigner(url, 3_000).assign(&contact()).await, Ok(Some("a1".into())));
}

#[tokio::test]
async fn nobody_is_an_answer_too() {
    let url = serve(Router::new().route("/", post(|| async { Json(json!({ "agentId": null })) }))).await;
    assert_eq!(assigner(url, 3_000).assign(&contact()).await, Ok(None));
}

#[tokio::test]
async fn an_answer_of_another_shape_is_refused() {
    for body in ["[]".to_owned(), "{\"agentId\": 7}".to_owned(), "x".repeat(ANSWER_BYTES_MAX + 1)] {
        let url = serve(Router::new().route("/", post(move || async move { body }))).await;
        assert!(assigner(url, 3_000).assign(&contact()).await.is_err());
    }
    let moved = || async { axum::response::Redirect::temporary("http://127.0.0.1:1/") };
    let url = serve(Router::new().route("/", post(moved))).await;
    assert!(assigner(url, 3_000).assign(&contact()).await.is_err(), "redirects are not followed");
}

#[tokio::test]
async fn an_assigner_that_is_silent_is_given_up() {
    let url = serve(Router::new().route("/", post(|| async { std::future::pending::<()>().await }))).await;
    let started = std::time::Instant::now();
    assert!(assigner(url, 100).assign(&contact()).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn private_addresses_are_not_asked_unless_allowed() {
    let of = |url: &str| AgentSettings { external_assigner_url: Some(url.to_owned()), ..AgentSettings::default() };
    let _ = rustls_provider();
    for url in ["http://127.0.0.1:9/", "http://[::1]/", "http://10.0.0.1/assign"] {
        assert!(matches!(HttpAssigner::configured(&of(url)), Err(AssignerSetupError::Private)), "{url}");
    }
    assert!(matches!(HttpAssigner::configured(&of("ftp://x/")), Err(AssignerSetupError::Url)));
    let named =
        HttpAssigner::configured(&of("http://localhost:9/")).expect("a name is looked at later").expect("it is on");
    assert!(named.assign(&contact()).await.is_err());
}
