use std::sync::Arc;

use wac_commands::{Calls, CommandHandler};
use wac_events::Position;
use wac_projections::Rows;

use crate::agents::ExternalAssigner;
use crate::ask::{Ask, Reply};
use crate::failure::{Failure, Refusal};
use crate::media::{MediaNodes, NoMedia};
use crate::pending::Pending;
use crate::wire::{RefusalFrame, Request, RequestFrame};
use crate::{Peer, Settings};

/// Longest `requestID`, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// Answers what devices ask. Cheap to clone.
#[derive(Clone)]
pub struct Signaling {
    pub(crate) handler: CommandHandler,
    pub(crate) calls: Arc<dyn Calls>,
    pub(crate) rows: Arc<dyn Rows>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) assigner: Option<Arc<dyn ExternalAssigner>>,
    pub(crate) pending: Pending,
    pub(crate) media: Arc<dyn MediaNodes>,
}

/// What came of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    /// The answer, or the refusal.
    Answer {
        /// The frame to send.
        text: String,
        /// Where the change stands in the log, if there was one. Notices up to there go out before
        /// the answer or not at all, so that positions on a socket never fall.
        position: Option<Position>,
    },
    /// The frame is none of this protocol's. A client that goes on like this is closed (4400).
    Malformed {
        /// The frame to send.
        text: String,
    },
}

impl Received {
    /// The frame to send.
    pub fn text(&self) -> &str {
        match self {
            Received::Answer { text, .. } | Received::Malformed { text } => text,
        }
    }
}

impl Signaling {
    /// Signaling over a handler; `calls` and `rows` tell who is where.
    pub fn new(handler: CommandHandler, calls: Arc<dyn Calls>, rows: Arc<dyn Rows>, settings: Arc<Settings>) -> Self {
        Self { handler, calls, rows, settings, assigner: None, pending: Pending::default(), media: Arc::new(NoMedia) }
    }

    /// Lets somebody else pick the agents (`agentassigner.externalAssignerUrl`).
    #[must_use]
    pub fn with_assigner(mut self, assigner: Arc<dyn ExternalAssigner>) -> Self {
        self.assigner = Some(assigner);
        self
    }

    /// Knows where the media of rooms is.
    #[must_use]
    pub fn with_media(mut self, media: Arc<dyn MediaNodes>) -> Self {
        self.media = media;
        self
    }

    /// Whoever knows where the media of rooms is.
    pub fn media(&self) -> &Arc<dyn MediaNodes> {
        &self.media
    }

    /// What it keeps to.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes one frame of a device. Frames of one socket are given one after the other, so that
    /// requests take effect in their order; the shell bounds their size.
    pub async fn receive(&self, peer: &Peer, frame: &str) -> Received {
        let (request_id, request) = match read(frame) {
            Ok(read) => read,
            Err(refused) => return *refused,
        };
        let ask = Ask::new(self, peer, &request, &request_id);
        match ask.answer(&request).await {
            Ok(Reply { text, position }) => Received::Answer { text, position },
            Err(failure) => {
                let text = refusal_text(request.name(), &request_id, &failure.refusal());
                Received::Answer { text, position: None }
            }
        }
    }
}

impl Ask<'_> {
    async fn answer(&self, request: &Request) -> Result<Reply, Failure> {
        match request {
            Request::CreateRoom(payload) => self.create_room(payload).await,
            Request::UpdateRoom(payload) => self.update_room(payload).await,
            Request::CloseRoom(payload) => self.close_room(payload).await,
            Request::JoinRoom(payload) => self.join_room(payload).await,
            Request::LeaveRoom(payload) => self.leave_room(payload).await,
            Request::ListParticipants(payload) => self.list_participants(payload).await,
            Request::Invite(payload) => self.invite(payload).await,
            Request::InviteRequest(payload) => self.invite_request(payload).await,
            Request::Accept(payload) => self.accept(payload).await,
            Request::Decline(payload) => self.decline(payload).await,
            Request::Cancel(payload) => self.cancel(payload).await,
            Request::CurrentInvitations(_) => self.current_invitations().await,
            Request::Hold(payload) => self.hold(payload, true).await,
            Request::Unhold(payload) => self.hold(payload, false).await,
            Request::Mute(payload) => self.mute(payload).await,
            Request::MuteParticipant(payload) => self.mute_participant(payload).await,
            Request::ExpelParticipant(payload) => self.expel(payload).await,
            Request::CallTransfer(payload) => self.call_transfer(payload).await,
            Request::AcceptTransfer(payload) => self.accept_transfer(payload).await,
            Request::DeclineTransfer(payload) => self.decline_transfer(payload).await,
            Request::AttendedTransfer(payload) => self.attended_transfer(payload).await,
            Request::JoinQuickConference(payload) => self.join_quick_conference(payload).await,
        }
    }
}

/// Reads a frame: the request's id and what it asks for.
fn read(frame: &str) -> Result<(String, Request), Box<Received>> {
    let malformed = |name: &str, id: &str, refusal: &Refusal| {
        Box::new(Received::Malformed { text: refusal_text(name, id, refusal) })
    };
    let read: RequestFrame<'_> = serde_json::from_str(frame).map_err(|error| {
        let detail = format!("A frame is an object with `request`, `requestID` and `payload`: {error}.");
        malformed("", "", &Refusal::new(400, "frame_invalid", detail))
    })?;
    let known_id = (1..=REQUEST_ID_BYTES_MAX).contains(&read.request_id.len());
    if !known_id {
        let detail = format!("A requestID has 1 to {REQUEST_ID_BYTES_MAX} bytes.");
        return Err(malformed("", "", &Refusal::new(400, "request_id_invalid", detail)));
    }
    let payload = read.payload.map(serde_json::value::RawValue::get).filter(|payload| *payload != "null");
    match Request::parse(&read.request, payload.unwrap_or("{}")) {
        Some(Ok(request)) => Ok((read.request_id.into_owned(), request)),
        Some(Err(error)) => {
            let refusal = Refusal::new(400, "payload_invalid", format!("The payload is not valid: {error}."));
            Err(malformed(&read.request, &read.request_id, &refusal))
        }
        // A newer client may well know more than this server.
        None => {
            let refusal = Refusal::new(400, "request_unknown", "There is no request of this name.");
            let name = if read.request.len() <= REQUEST_ID_BYTES_MAX { &*read.request } else { "" };
            let text = refusal_text(name, &read.request_id, &refusal);
            Err(Box::new(Received::Answer { text, position: None }))
        }
    }
}

fn refusal_text(answer: &str, request_id: &str, refusal: &Refusal) -> String {
    let frame = RefusalFrame { answer, request_id, error_code: refusal.error_code, error: refusal.body() };
    serde_json::to_string(&frame).expect("a refusal is plain JSON")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A fuzz target (CONTRIBUTING.md); as a plain test it tries what is kept in `__fuzz__` and what
    /// a moment's random bytes bring.
    #[test]
    fn bytes_of_any_kind_are_read_or_refused() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let Ok(frame) = str::from_utf8(bytes) else { return };
            match read(frame) {
                Ok((id, request)) => {
                    assert!((1..=REQUEST_ID_BYTES_MAX).contains(&id.len()));
                    assert!(Request::NAMES.contains(&request.name()));
                }
                Err(refused) => {
                    let answer: serde_json::Value = serde_json::from_str(refused.text()).expect("an answer is JSON");
                    assert_eq!(answer["errorCode"], 400);
                }
            }
        });
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(frame in ".{0,400}") {
            if let Err(refused) = read(&frame) {
                prop_assert!(refused.text().contains("errorCode"));
            }
        }

        #[test]
        fn a_payload_of_any_shape_is_read_or_refused(
            name in proptest::sample::select(Request::NAMES),
            payload in r#"(\{("[a-zA-Z]{1,12}":("[a-z]{0,9}"|[0-9]{1,30}|null|true|\[\]|\{\}),?){0,4}\}|\[+|"\\u0000"|1e999)"#,
        ) {
            let frame = format!(r#"{{"request":"{name}","requestID":"1","payload":{payload}}}"#);
            if let Err(refused) = read(&frame) {
                prop_assert!(refused.text().contains("errorCode"));
            }
        }
    }
}
