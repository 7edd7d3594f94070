use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::time::Duration;

use futures::future::{Either, select};
use wac_events::{
    Actor, AnyEvent, CommandId, EventFilter, EventId, GrantKind, Position, Recorded, Subscription, Time, TokenEvent,
    TokenId, UserEvent, UserId,
};

use super::{Ports, ProcessError, RETRY_MAX, RETRY_MIN};
use crate::{CommandError, Context, ExpireGuest};

/// Name of the process, and of the actor of its commands.
const NAME: &str = "guest_expiry";
/// What it folds.
const WANTS: [&str; 4] = ["token.issued", "token.refreshed", "token.revoked", "user.deleted"];
/// Events read at a time.
const BATCH_EVENTS: usize = 1_000;
/// Longest wait for a deadline before the clock is looked at again: it may have been set.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Most guests expired between two looks into the log.
const EXPIRED_AT_ONCE: usize = 100;

/// The guests there are and when each is due: the fold of the log, rebuilt at every start. It holds
/// living guests only, about 300 bytes each.
#[derive(Debug, Default)]
pub struct Guests {
    by_token: HashMap<TokenId, Guest>,
    by_user: HashMap<UserId, TokenId>,
    due: BTreeSet<(Time, TokenId)>,
}

#[derive(Debug)]
struct Guest {
    user: UserId,
    deadline: Time,
    /// The event the deadline comes from.
    cause: EventId,
}

impl Guests {
    /// Folds one event.
    pub fn apply(&mut self, recorded: &Recorded, event: &AnyEvent) {
        let (token, cause) = (TokenId::from(recorded.stream.id()), recorded.event_id);
        match event {
            AnyEvent::Token(TokenEvent::Issued(issued)) if issued.grant == GrantKind::Anonymous => {
                let Some(user) = &issued.user else { return };
                let deadline =
                    issued.refresh_expires_at.map_or(issued.access_expires_at, |end| end.max(issued.access_expires_at));
                self.by_user.insert(user.clone(), token.clone());
                self.by_token.insert(token.clone(), Guest { user: user.clone(), deadline, cause });
                self.due.insert((deadline, token));
            }
            AnyEvent::Token(TokenEvent::Refreshed(refreshed)) => {
                let deadline = refreshed.access_expires_at.max(refreshed.refresh_expires_at);
                self.set_deadline(&token, deadline, cause);
            }
            AnyEvent::Token(TokenEvent::Revoked(_)) => self.set_deadline(&token, recorded.occurred_at, cause),
            AnyEvent::User(UserEvent::Deleted(deleted)) => {
                let guest = self.by_user.remove(&deleted.id).and_then(|token| self.by_token.remove_entry(&token));
                if let Some((token, guest)) = guest {
                    self.due.remove(&(guest.deadline, token));
                }
            }
            _ => {}
        }
    }

    fn set_deadline(&mut self, token: &TokenId, deadline: Time, cause: EventId) {
        if let Some(guest) = self.by_token.get_mut(token) {
            self.due.remove(&(guest.deadline, token.clone()));
            guest.deadline = deadline;
            guest.cause = cause;
            self.due.insert((deadline, token.clone()));
        }
    }

    /// When the next guest is due.
    pub fn next_deadline(&self) -> Option<Time> {
        self.due.first().map(|(deadline, _)| *deadline)
    }

    /// The commands for those who are due, the earliest first, at most `limit`. Whether they really
    /// are is for the decision to say; [`Guests::sent`] takes one off.
    pub fn due(&self, now: Time, limit: usize) -> Vec<ExpireGuest> {
        let due = self.due.iter().take_while(|(deadline, _)| *deadline <= now).take(limit);
        due.filter_map(|(_, token)| {
            let guest = self.by_token.get(token)?;
            Some(ExpireGuest { user: guest.user.clone(), token: token.clone() })
        })
        .collect()
    }

    /// The command was decided: the guest has no timer any more, unless an event sets a new one.
    pub fn sent(&mut self, token: &TokenId) {
        if let Some(guest) = self.by_token.get(token) {
            self.due.remove(&(guest.deadline, token.clone()));
        }
    }

    /// How many guests there are.
    pub fn len(&self) -> usize {
        self.by_token.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_token.is_empty()
    }
}

/// Expires guests for ever; drop the future to stop it.
pub async fn run_guest_expiry(ports: &Ports) -> Infallible {
    let mut pause = RETRY_MIN;
    loop {
        let Err(error) = follow(ports).await;
        ports.watcher.failed(NAME, &error, pause);
        ports.timer.sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

async fn follow(ports: &Ports) -> Result<Infallible, ProcessError> {
    let types = WANTS.iter().map(|want| (*want).to_owned()).collect();
    let filter = EventFilter { types, ..EventFilter::default() };
    let mut subscription = Subscription::new(ports.handler.log().clone(), Position::START, filter, BATCH_EVENTS);
    let mut guests = Guests::default();
    loop {
        while let Some(page) = subscription.poll_now().await? {
            page.events.iter().try_for_each(|event| fold(&mut guests, event))?;
        }
        expire(ports, &mut guests).await?;
        let now = ports.handler.environment().now();
        let wait = guests.next_deadline().map_or(WAIT_MAX, |deadline| deadline.since(now).min(WAIT_MAX));
        let next = std::pin::pin!(subscription.next());
        if let Either::Left((page, _)) = select(next, ports.timer.sleep(wait)).await {
            page?.events.iter().try_for_each(|event| fold(&mut guests, event))?;
        }
    }
}

fn fold(guests: &mut Guests, recorded: &Recorded) -> Result<(), ProcessError> {
    let event = AnyEvent::decode_recorded(recorded)?;
    guests.apply(recorded, &event);
    Ok(())
}

async fn expire(ports: &Ports, guests: &mut Guests) -> Result<(), ProcessError> {
    let now = ports.handler.environment().now();
    for command in guests.due(now, EXPIRED_AT_ONCE) {
        let Some(guest) = guests.by_token.get(&command.token) else { continue };
        let key = format!("{}/{}", command.token, guest.cause);
        let ctx = Context {
            causation_id: Some(guest.cause),
            ..Context::new(now, Actor::System(NAME.to_owned()), CommandId::derived(NAME, &key))
        };
        match ports.handler.execute(&command, ctx).await {
            Ok(_) => {}
            Err(CommandError::Rejected(rejection)) => ports.watcher.rejected(NAME, "expire_guest", &rejection),
            Err(source) => return Err(ProcessError::Command { command: "expire_guest", source }),
        }
        guests.sent(&command.token);
    }
    Ok(())
}
