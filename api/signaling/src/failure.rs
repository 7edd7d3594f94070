//! Why a request came to nothing, as its sender sees it. The one place that maps refusals to codes.

use std::borrow::Cow;

use wac_commands::invite::CODE_UNAVAILABLE;
use wac_commands::{CommandError, Rejection, RejectionKind};
use wac_events::StoreError;

use crate::wire::ErrorBody;

/// A refusal, ready to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// A call code, or the HTTP status of the like.
    pub error_code: u16,
    /// Stable; for programs.
    pub code: Cow<'static, str>,
    /// A sentence about this occurrence.
    pub detail: String,
    /// JSON pointer (RFC 6901) into the payload, if one field is wrong.
    pub pointer: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

impl Refusal {
    pub(crate) fn new(error_code: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { error_code, code: code.into(), detail: detail.into(), pointer: None, retryable: false }
    }

    pub(crate) fn at(mut self, pointer: &str) -> Self {
        self.pointer = Some(pointer.to_owned());
        self
    }

    pub(crate) fn later(mut self) -> Self {
        self.retryable = true;
        self
    }

    pub(crate) fn room_not_found() -> Self {
        Self::new(404, "room_not_found", "There is no such room.")
    }

    pub(crate) fn callee_unknown() -> Self {
        Self::from(&Rejection::CalleeUnknown)
    }

    pub(crate) fn body(&self) -> ErrorBody {
        ErrorBody {
            kind: format!("/docs/problems/{}", self.code),
            title: title(&self.code),
            detail: self.detail.clone(),
            code: self.code.clone().into_owned(),
            pointer: self.pointer.clone(),
            retryable: self.retryable,
        }
    }
}

/// The code in words.
fn title(code: &str) -> String {
    let words = code.to_lowercase().replace('_', " ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A refusal's text as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.next().map_or_else(String::new, |first| first.to_uppercase().collect());
    let rest = chars.as_str();
    if rest.ends_with('.') { format!("{start}{rest}") } else { format!("{start}{rest}.") }
}

impl From<&Rejection> for Refusal {
    fn from(rejection: &Rejection) -> Self {
        let error_code = match (rejection, rejection.kind()) {
            (Rejection::AgentBusy, _) => CODE_UNAVAILABLE,
            (_, RejectionKind::Invalid) => 400,
            (_, RejectionKind::NotFound) => 404,
            (_, RejectionKind::Conflict) => 409,
            (_, RejectionKind::Forbidden) => 403,
            (_, RejectionKind::PreconditionFailed) => 412,
            (_, RejectionKind::Unavailable) => 503,
        };
        Self {
            error_code,
            code: rejection.code().into(),
            detail: sentence(&rejection.to_string()),
            pointer: rejection.pointer().map(str::to_owned),
            retryable: error_code == 503,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store failed");
        Self::new(503, "store_unavailable", "The database did not answer.").later()
    }
}

impl From<&CommandError> for Refusal {
    fn from(error: &CommandError) -> Self {
        match error {
            CommandError::Rejected(rejection) => rejection.into(),
            CommandError::Contention => {
                let detail = "Others change the same objects at the same time; send the request again.";
                Self::new(409, "contention", detail).later()
            }
            CommandError::InProgress => {
                Self::new(409, "idempotency_in_progress", "The request with this requestID is still running.").later()
            }
            CommandError::IdempotencyMismatch => {
                Self::new(422, "idempotency_mismatch", "The requestID was used for another request.")
            }
            CommandError::Unavailable { cause, .. } => {
                if let Some(error) = cause {
                    tracing::warn!(%error, "the log cannot be written");
                }
                Self::new(503, "store_unavailable", "The log cannot be written at the moment.").later()
            }
            CommandError::OutcomeUnknown(_) => {
                let detail = "Whether it has happened is not known yet; send the request again.";
                Self::new(503, "outcome_unknown", detail).later()
            }
            CommandError::Internal(error) => {
                tracing::error!(%error, "a request failed");
                Self::new(500, "internal", "The server made a mistake; its log has the cause.")
            }
        }
    }
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was refused before anything was decided; an earlier attempt may have been accepted.
    Early(Refusal),
    /// It was decided, or nothing can be.
    Command(CommandError),
}

impl Failure {
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Failure::Early(refusal) => refusal.clone(),
            Failure::Command(error) => error.into(),
        }
    }

    /// The rule that refused it.
    pub(crate) fn rejection(&self) -> Option<&Rejection> {
        match self {
            Failure::Command(CommandError::Rejected(rejection)) => Some(rejection),
            Failure::Early(_) | Failure::Command(_) => None,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Early(refusal)
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Failure::Command(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Early(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_the_protocol_are_kept() {
        let code = |rejection: Rejection| {
            let refusal = Refusal::from(&rejection);
            (refusal.error_code, refusal.code.into_owned())
        };
        assert_eq!(code(Rejection::CalleeUnknown).0, 404);
        assert_eq!(code(Rejection::AgentBusy).0, 480);
        assert_eq!(code(Rejection::AlreadyJoined), (409, "ALREADY_JOINED".to_owned()));
        assert_eq!(code(Rejection::ParticipantsLimit { limit: 2 }), (403, "participants_limit".to_owned()));
        assert_eq!(Refusal::from(&CommandError::IdempotencyMismatch).error_code, 422);
        assert_eq!(Refusal::from(&Rejection::AlreadyJoined).body().title, "Already joined");
    }
}
