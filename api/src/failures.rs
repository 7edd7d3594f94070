//! Everything that can go wrong below, as the [`Problem`] its caller sees. The one place.

use std::time::Duration;

use axum::http::StatusCode;
use wac_commands::{CommandError, Rejection, RejectionKind};
use wac_events::StoreError;

use crate::Problem;
use crate::problem::FieldError;
use crate::reads::ReadError;

/// What `Retry-After` says when the store does not answer.
pub(crate) const STORE_RETRY: Duration = Duration::from_secs(1);
/// What `Retry-After` says when nothing is free.
pub(crate) const POOL_RETRY: Duration = Duration::from_secs(30);

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store failed");
        Problem::unavailable("store_unavailable", "The database did not answer.", STORE_RETRY)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            error => Problem::internal(&error),
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let detail = sentence(&rejection.to_string());
        if rejection.kind() == RejectionKind::Invalid {
            let errors = rejection.fields().iter().map(|field| FieldError {
                pointer: field.pointer.clone(),
                code: field.code.into(),
                detail: sentence(&field.detail),
            });
            return Problem::fields(errors.collect());
        }
        let code = rejection.code();
        let problem = match rejection.kind() {
            RejectionKind::Invalid => Problem::invalid(code, detail),
            RejectionKind::NotFound => Problem::new(StatusCode::NOT_FOUND, code, detail),
            RejectionKind::Conflict => Problem::new(StatusCode::CONFLICT, code, detail),
            RejectionKind::Forbidden => Problem::new(StatusCode::FORBIDDEN, code, detail),
            RejectionKind::PreconditionFailed => {
                Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail)
            }
            RejectionKind::Unavailable => Problem::unavailable(code, detail, POOL_RETRY),
        };
        match rejection.pointer() {
            Some(pointer) => problem.at(pointer),
            None => problem,
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Rejected(rejection) => rejection.into(),
            CommandError::Contention => {
                let detail = "Others change the same objects at the same time; send the request again.";
                Problem::new(StatusCode::CONFLICT, "contention", detail)
            }
            CommandError::InProgress => {
                let detail = "The request with this Idempotency-Key is still running.";
                Problem::new(StatusCode::CONFLICT, "idempotency_in_progress", detail)
            }
            CommandError::IdempotencyMismatch => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_mismatch",
                "The Idempotency-Key was used for another request.",
            ),
            CommandError::Unavailable { retry_after, cause } => {
                if let Some(error) = cause {
                    tracing::warn!(%error, "the log cannot be written");
                }
                Problem::unavailable("store_unavailable", "The log cannot be written at the moment.", retry_after)
            }
            CommandError::OutcomeUnknown(command) => {
                let detail = format!("The outcome of command {command} is not known yet.");
                Problem::unavailable("outcome_unknown", detail, STORE_RETRY)
            }
            CommandError::Internal(error) => Problem::internal(&error),
        }
    }
}

/// The code a failed command is counted under.
pub(crate) fn outcome_code(error: &CommandError) -> &'static str {
    match error {
        CommandError::Rejected(rejection) => rejection.code(),
        CommandError::Contention => "contention",
        CommandError::IdempotencyMismatch => "idempotency_mismatch",
        CommandError::Unavailable { .. } => "unavailable",
        CommandError::OutcomeUnknown(_) => "outcome_unknown",
        CommandError::InProgress => "in_progress",
        CommandError::Internal(_) => "internal",
    }
}

/// A refusal's text as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map_or_else(String::new, |first| first.to_uppercase().collect());
    let rest = chars.as_str();
    if rest.ends_with('.') { format!("{first}{rest}") } else { format!("{first}{rest}.") }
}
