//! Reservations: what may exist once only. Stream `reservation-<kind>:<key>`, written in the same
//! append as the object that takes or frees it, so that uniqueness is never a query.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::aggregate_events;
use crate::{DomainId, PersonalFields, StreamId, UserId};

/// The thing has a holder now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservationTaken {
    /// Id of the object that holds it.
    pub holder: String,
}

/// The thing is free again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservationReleased {
    /// Id of the object that held it.
    pub holder: String,
}

impl PersonalFields for ReservationTaken {}
impl PersonalFields for ReservationReleased {}

aggregate_events! {
    /// What happens to a reservation.
    pub enum ReservationEvent in "reservation" {
        /// See [`ReservationTaken`].
        Taken(ReservationTaken) = "reservation.taken", 1;
        /// See [`ReservationReleased`].
        Released(ReservationReleased) = "reservation.released", 1;
    }
}

/// What is reserved.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reserved {
    /// A domain's name, by its lower-case form.
    DomainName(String),
    /// A user's name in a domain, by its keyed hash.
    Username(String),
    /// The one `basic` credential of a user.
    BasicCredential(UserId),
    /// A SIP identity in a domain, by its keyed hash.
    SipIdentity(DomainId, String),
    /// The place of the base domain: the one domain without a parent.
    BaseDomain,
    /// Held by whoever inspects whether a domain is empty, until somebody moves into the domain.
    Vacancy(DomainId),
}

impl Reserved {
    /// `reservation-<kind>:<key>`.
    pub fn stream(&self) -> StreamId {
        let id = match self {
            Reserved::DomainName(name) => format!("domain:{name}"),
            Reserved::Username(key) => format!("username:{key}"),
            Reserved::BasicCredential(user) => format!("basic:{user}"),
            Reserved::SipIdentity(domain, key) => format!("sip:{domain}:{key}"),
            Reserved::BaseDomain => "base-domain".to_owned(),
            Reserved::Vacancy(domain) => format!("vacancy:{domain}"),
        };
        StreamId::of("reservation", &id)
    }
}
