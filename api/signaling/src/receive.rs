use std::sync::Arc;

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use wac_commands::{Calls, CommandHandler, InvitesOf};
use wac_events::{Position, StoreError, UserId};
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

    /// Whether anything rings for a user, or will once he has a device.
    pub async fn rings_for(&self, user: &UserId) -> Result<bool, StoreError> {
        let seen = self.handler.log().head().await?.position;
        Ok(!self.calls.invites(&InvitesOf::Candidate(user.clone()), seen).await?.is_empty())
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
                let refusal = failure.refusal();
                let (code, session) = (&*refusal.code, peer.session.as_str());
                tracing::debug!(request = request.name(), code, session.id = session, "a request was refused");
                let text = refusal_text(request.name(), &request_id, &refusal);
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
    let read: RequestFrame<'_> = match object(frame) {
        Ok(read) => read,
        Err(error) => {
            let detail = format!("A frame is an object with `request`, `requestID` and `payload`: {error}.");
            return Err(malformed(&Named::of(frame), &Refusal::new(400, "frame_invalid", detail)));
        }
    };
    let payload = read.payload.map(RawValue::get).filter(|payload| *payload != "null").unwrap_or("{}");
    let named = Named::from(&read);
    if named.id.is_empty() {
        let detail = format!("A requestID has 1 to {REQUEST_ID_BYTES_MAX} bytes.");
        return Err(malformed(&named, &Refusal::new(400, "request_id_invalid", detail)));
    }
    if !payload.starts_with('{') {
        let refusal = Refusal::new(400, "payload_invalid", "The payload is not valid: it is an object.");
        return Err(malformed(&named, &refusal));
    }
    match Request::parse(&read.request, payload) {
        Some(Ok(request)) => Ok((named.id, request)),
        // A newer client may well know more than this server.
        Some(Err(error)) if error.to_string().starts_with("unknown field") => {
            let detail = format!("There is no such field in the payload of this request: {error}.");
            Err(refused(&named, &Refusal::new(400, "unknown_field", detail)))
        }
        Some(Err(error)) => {
            let refusal = Refusal::new(400, "payload_invalid", format!("The payload is not valid: {error}."));
            Err(malformed(&named, &refusal))
        }
        None => Err(refused(&named, &Refusal::new(400, "request_unknown", "There is no request of this name."))),
    }
}

/// Reads an object: a derived `Deserialize` takes the fields from a list, too.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    if text.trim_start().starts_with('{') {
        serde_json::from_str(text)
    } else {
        // Whatever it is, it says so itself if it is no JSON either.
        serde_json::from_str::<&RawValue>(text).and_then(|_| Err(serde_json::Error::custom("it is no object")))
    }
}

/// The words by which a client finds what an answer belongs to; empty if there is none, or none of a sane length.
struct Named {
    request: String,
    id: String,
}

impl Named {
    fn new(request: &str, id: &str) -> Self {
        let sane = |text: &str| if text.len() <= REQUEST_ID_BYTES_MAX { text.to_owned() } else { String::new() };
        Self { request: sane(request), id: sane(id) }
    }

    /// As far as they can be read in what is no request.
    fn of(frame: &str) -> Self {
        let fields = serde_json::from_str::<Map<String, Value>>(frame).unwrap_or_default();
        let word = |name| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        Self::new(word("request"), word("requestID"))
    }
}

impl From<&RequestFrame<'_>> for Named {
    fn from(frame: &RequestFrame<'_>) -> Self {
        Self::new(&frame.request, &frame.request_id)
    }
}

/// A refusal that counts against the client.
fn malformed(named: &Named, refusal: &Refusal) -> Box<Received> {
    Box::new(Received::Malformed { text: refusal_text(&named.request, &named.id, refusal) })
}

fn refused(named: &Named, refusal: &Refusal) -> Box<Received> {
    Box::new(Received::Answer { text: refusal_text(&named.request, &named.id, refusal), position: None })
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
