//! What may exist once only.

use wac_events::reservation::{ReservationReleased, ReservationTaken};
use wac_events::{DomainId, ReservationEvent, Reserved};

use crate::Fact;

/// A reservation's state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reservation {
    /// Events so far.
    pub version: u64,
    /// Id of the object that holds it.
    pub holder: Option<String>,
}

impl Reservation {
    /// Whether somebody holds it.
    pub fn exists(&self) -> bool {
        self.holder.is_some()
    }
}

/// Folds one event.
#[must_use]
pub fn evolve(mut state: Reservation, event: &ReservationEvent) -> Reservation {
    state.version += 1;
    match event {
        ReservationEvent::Taken(taken) => state.holder = Some(taken.holder.clone()),
        ReservationEvent::Released(_) => state.holder = None,
    }
    state
}

/// The fact that `holder` takes it.
pub(crate) fn taken(domain: &DomainId, reserved: &Reserved, holder: &str) -> Fact {
    let event = ReservationEvent::from(ReservationTaken { holder: holder.to_owned() });
    Fact::of(domain, reserved.stream(), event)
}

/// The fact that `holder` gives it back.
pub(crate) fn released(domain: &DomainId, reserved: &Reserved, holder: &str) -> Fact {
    let event = ReservationEvent::from(ReservationReleased { holder: holder.to_owned() });
    Fact::of(domain, reserved.stream(), event)
}
