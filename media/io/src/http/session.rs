//! The sessions that have been begun by HTTP: each has a task that hears the node's frames and asks it what
//! the client's requests want.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use tokio::sync::{mpsc, oneshot};
use wac_events::MediaSessionId;
use wac_media::PeerId;
use wac_media::fragment::{Credentials, Fragment};
use wac_media::wire::{ByeReason, ClientFrame, ClientMessage, NodeFrame, NodeMessage};

use crate::door::Refused;
use crate::orders::{Joined, Order, Orders};

/// So many requests of one session may wait.
const ASKS_WAITING_MAX: usize = 8;

/// What a session answers to its first offer.
pub(super) struct Begun {
    pub(super) answer: String,
    /// The entity tag of its ICE, with its quotes.
    pub(super) tag: String,
}

/// Which state of a session a change is meant for.
pub(super) enum Match {
    /// Whichever: ICE is to be restarted.
    Any,
    /// One of these entity tags.
    Tags(Vec<String>),
}

/// What has become of a `PATCH`.
pub(super) enum Changed {
    /// The candidates have been taken.
    Trickled,
    /// ICE begins anew.
    Restarted { tag: String, fragment: String },
}

type Reply<T> = oneshot::Sender<Result<T, Refused>>;

enum Ask {
    Change(Match, Fragment, Reply<Changed>),
    End(Reply<()>),
}

/// All of them. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<HashMap<MediaSessionId, mpsc::Sender<Ask>>>>);

impl Sessions {
    /// Hears the frames of somebody who has joined from now on, and answers his offer. A session whose offer
    /// comes to nothing is over.
    pub(super) async fn begin(
        &self,
        orders: &Orders,
        id: MediaSessionId,
        joined: Joined,
        offer: String,
    ) -> Result<Begun, Refused> {
        let (asks, asked) = mpsc::channel(ASKS_WAITING_MAX);
        self.lock().insert(id.clone(), asks);
        let (reply, answer) = oneshot::channel();
        let Joined { peer, frames } = joined;
        let session = Session { orders: orders.clone(), peer, frames, offer, restarts: 0 };
        let sessions = self.clone();
        tokio::spawn(async move {
            session.run(asked, reply).await;
            sessions.lock().remove(&id);
        });
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Brings candidates, or restarts ICE.
    pub(super) async fn change(
        &self,
        id: &MediaSessionId,
        condition: Match,
        fragment: Fragment,
    ) -> Result<Changed, Refused> {
        self.ask(id, |reply| Ask::Change(condition, fragment, reply)).await
    }

    /// Ends a session; returns once it is over.
    pub(super) async fn end(&self, id: &MediaSessionId) -> Result<(), Refused> {
        self.ask(id, Ask::End).await
    }

    async fn ask<T>(&self, id: &MediaSessionId, ask: impl FnOnce(Reply<T>) -> Ask) -> Result<T, Refused> {
        let asks = self.lock().get(id).cloned().ok_or_else(Refused::unknown_session)?;
        let (reply, answer) = oneshot::channel();
        asks.send(ask(reply)).await.map_err(|_| Refused::unknown_session())?;
        answer.await.unwrap_or_else(|_| Err(Refused::unknown_session()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<MediaSessionId, mpsc::Sender<Ask>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The session ended before it answered.
fn gone() -> Refused {
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, "session_ended", "The media session ended before it had begun.")
}

struct Session {
    orders: Orders,
    peer: PeerId,
    frames: mpsc::Receiver<NodeMessage>,
    /// The offer that stands.
    offer: String,
    /// How often ICE has begun anew.
    restarts: u64,
}

impl Session {
    async fn run(mut self, mut asked: mpsc::Receiver<Ask>, begun: Reply<Begun>) {
        let first = ClientFrame::Offer { sdp: self.offer.clone(), tracks: Vec::new() };
        match self.negotiate(first).await {
            Ok(answer) => _ = begun.send(Ok(Begun { answer, tag: self.tag() })),
            Err(refused) => {
                _ = begun.send(Err(refused));
                self.orders.say(Order::End(self.peer, ByeReason::Failed));
                return;
            }
        }
        loop {
            tokio::select! {
                // What else the node says is of no use to a client that does not listen.
                frame = self.frames.recv() => if frame.is_none() { return },
                Some(ask) = asked.recv() => match ask {
                    Ask::Change(condition, fragment, reply) => {
                        _ = reply.send(self.change(&condition, fragment).await);
                    }
                    Ask::End(reply) => {
                        self.orders.say(Order::End(self.peer, ByeReason::Left));
                        while self.frames.recv().await.is_some() {}
                        _ = reply.send(Ok(()));
                        return;
                    }
                },
            }
        }
    }

    fn tag(&self) -> String {
        format!("\"{}\"", self.restarts)
    }

    async fn change(&mut self, condition: &Match, fragment: Fragment) -> Result<Changed, Refused> {
        let restarts = fragment.credentials.clone().filter(|credentials| self.are_new(credentials));
        match (condition, restarts) {
            (Match::Tags(tags), _) if !tags.contains(&self.tag()) => {
                Err(stale("The session has another `ETag` by now."))
            }
            (Match::Tags(_), Some(_)) => Err(stale("ICE is restarted with `If-Match: \"*\"`.")),
            (Match::Any, Some(credentials)) => self.restart(credentials, fragment).await,
            (_, None) => {
                self.trickle(fragment);
                Ok(Changed::Trickled)
            }
        }
    }

    /// Whether ICE is to begin anew with these.
    fn are_new(&self, credentials: &Credentials) -> bool {
        let says = |attribute: &str, value: &str| {
            self.offer.lines().any(|line| line.trim_end().strip_prefix(attribute) == Some(value))
        };
        !(says("a=ice-ufrag:", &credentials.ufrag) && says("a=ice-pwd:", &credentials.password))
    }

    async fn restart(&mut self, credentials: Credentials, fragment: Fragment) -> Result<Changed, Refused> {
        let offer = Fragment::restarted(&self.offer, &credentials);
        let answer = self.negotiate(ClientFrame::Restart { sdp: offer.clone(), tracks: Vec::new() }).await?;
        self.offer = offer;
        self.restarts += 1;
        self.trickle(fragment);
        Ok(Changed::Restarted { tag: self.tag(), fragment: Fragment::of_answer(&answer) })
    }

    /// Candidates the node cannot use are no fault: it learns where a client is from its checks.
    fn trickle(&self, fragment: Fragment) {
        for candidate in fragment.candidates {
            let message = ClientMessage { id: None, frame: ClientFrame::Candidate { candidate } };
            self.orders.say(Order::Said(self.peer, Box::new(message)));
        }
    }

    /// The node's answer to an offer.
    async fn negotiate(&mut self, frame: ClientFrame) -> Result<String, Refused> {
        let id = Some(self.restarts.to_string());
        self.orders.say(Order::Said(self.peer, Box::new(ClientMessage { id: id.clone(), frame })));
        while let Some(message) = self.frames.recv().await {
            match message.frame {
                NodeFrame::Answer { sdp, .. } if message.id == id => return Ok(sdp),
                NodeFrame::Error { title, .. } if message.id == id => {
                    return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable_offer", title));
                }
                _ => {}
            }
        }
        Err(gone())
    }
}

fn stale(detail: &str) -> Refused {
    Refused::new(StatusCode::PRECONDITION_FAILED, "if_match_failed", detail)
}
