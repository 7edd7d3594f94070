//! What the tests ask with.

use std::net::SocketAddr;

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{Answer, World};

impl World {
    /// A GraphQL operation as `token`.
    pub(crate) async fn gql_answer(&self, token: &str, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables });
        self.post("/graphql", token, body).await.expect(200)
    }

    /// The data of an operation that has no errors.
    #[track_caller]
    pub(crate) fn gql<'a>(&'a self, token: &'a str, query: &'a str) -> impl Future<Output = Value> + 'a {
        self.gql_with(token, query, json!({}))
    }

    /// The data of an operation that has no errors.
    pub(crate) async fn gql_with(&self, token: &str, query: &str, variables: Value) -> Value {
        let mut json = self.gql_answer(token, query, variables).await.json();
        assert!(json["errors"].is_null(), "{json:#}");
        json["data"].take()
    }

    /// The extensions of an operation's error.
    pub(crate) async fn gql_refused(&self, token: &str, query: &str, variables: Value) -> Value {
        let json = self.gql_answer(token, query, variables).await.json();
        let errors = json["errors"].as_array().unwrap_or_else(|| panic!("no errors: {json:#}"));
        let code = |error: &Value| error["extensions"]["code"].clone();
        assert!(errors.iter().all(|error| code(error) == code(&errors[0])), "{json:#}");
        errors[0]["extensions"].clone()
    }

    /// Where the log ends.
    pub(crate) async fn head(&self) -> u64 {
        self.platform.log.head().await.expect("the store answers").position.0
    }

    /// Serves the platform on a loopback port until the test ends.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let app: Router = self.app.clone();
        tokio::spawn(async move {
            let service = app.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.expect("it serves");
        });
        address
    }
}
