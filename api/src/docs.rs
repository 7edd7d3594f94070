//! Pages for people: the browsable API description, and what every problem means.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem::{CATALOGUE, kind};
use crate::{Platform, Problem};

/// The browsable page loads its own scripts and styles, and nothing from elsewhere.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'",
);

/// `/sapi/openapi.json`, `/docs/api`, `/docs/problems[/{code}]`.
pub(crate) fn routes(document: Value) -> Router<Platform> {
    let document: Arc<str> = document.to_string().into();
    let json = HeaderValue::from_static("application/json");
    let serve =
        move || async move { ([(axum::http::header::CONTENT_TYPE, json)], document.to_string()).into_response() };
    let page: Router<Platform> = SwaggerUi::new("/docs/api").config(Config::from("/sapi/openapi.json")).into();
    let page = page.layer(axum::middleware::map_response(with_policy));
    Router::new()
        .route("/sapi/openapi.json", get(serve))
        .route("/docs/problems", get(problems))
        .route("/docs/problems/{code}", get(problem))
        .merge(page)
}

async fn with_policy(mut response: Response) -> Response {
    let name: HeaderName = CONTENT_SECURITY_POLICY;
    response.headers_mut().insert(name, PAGE_POLICY);
    response
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n<body>\n{body}\n</body></html>\n"
    ))
}

async fn problems() -> Html<String> {
    let entries: String = CATALOGUE
        .iter()
        .map(|kind| {
            format!("<li><a href=\"/docs/problems/{0}\"><code>{0}</code></a>: {1}</li>\n", kind.code, kind.title)
        })
        .collect();
    page("Problems", &format!("<h1>Problems</h1>\n<ul>\n{entries}</ul>"))
}

async fn problem(Path(code): Path<String>) -> Result<Response, Problem> {
    let Some(kind) = kind(&code) else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no problem of this code."));
    };
    let body = format!("<h1>{}</h1>\n<p><code>{}</code></p>\n<p>{}</p>", kind.title, kind.code, kind.explanation);
    Ok(page(kind.title, &body).into_response())
}
