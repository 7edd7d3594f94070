//! Errors of GraphQL: `extensions` holds the same problem a REST answer would be.

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};
use axum::http::StatusCode;

use super::{COMPLEXITY_MAX, DEPTH_MAX};
use crate::Problem;

/// Gives every error of an answer its problem.
pub(super) fn explain(response: &mut Response, base: &str, request_id: &str) {
    for error in &mut response.errors {
        let problem = match error.source::<Problem>() {
            Some(problem) => problem.clone(),
            None => of_engine(error),
        };
        error.message.clone_from(&problem.detail);
        error.extensions = Some(extensions(&problem, base, request_id));
    }
}

/// The problem behind an error the engine itself makes: the document, its variables, its limits.
fn of_engine(error: &ServerError) -> Problem {
    match error.message.as_str() {
        "Query is too complex." => {
            let detail =
                format!("The query costs more than {COMPLEXITY_MAX}; ask for fewer objects or fields at once.");
            Problem::invalid("query_too_complex", detail)
        }
        "Query is nested too deep." | "The recursion depth of the query cannot be greater than `32`" => {
            Problem::invalid("query_too_deep", format!("The query is nested deeper than {DEPTH_MAX} fields."))
        }
        message => Problem::invalid("graphql_invalid", message.to_owned()),
    }
}

fn extensions(problem: &Problem, base: &str, request_id: &str) -> ErrorExtensionValues {
    let mut values = ErrorExtensionValues::default();
    if let serde_json::Value::Object(fields) = problem.to_json(base, None) {
        for (name, value) in fields {
            values.set(name, Value::from_json(value).unwrap_or_default());
        }
    }
    values.set("requestId", request_id);
    if let Some(wait) = problem.retry_after_s() {
        values.set("retryAfter", wait);
    }
    values
}

/// Whether the request as a whole was refused, before anything was executed.
pub(super) fn refused(response: &Response) -> bool {
    response.data == Value::Null
        && response.errors.iter().all(|error| error.path.is_empty())
        && !response.errors.is_empty()
}

/// The status of an answer that is refused as a whole.
pub(super) const REFUSED: StatusCode = StatusCode::BAD_REQUEST;
