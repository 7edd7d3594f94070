use std::collections::BTreeMap;

use wac_events::DomainId;
use wac_events::domain::Services;

/// Longest chain of parents that is followed; domains nest far less deep, so this only ends what
/// broken data would make endless.
const CHAIN_MAX: usize = 1_000;

/// The services that hold in a domain: what is given there, bounded by every ancestor; a domain
/// that gives none inherits. `lookup` tells a domain's parent and the services given there; a
/// domain it does not know allows nothing.
///
/// A service remains if the parent has it too. Its backends are those both name; where one of the
/// two names none, it leaves the choice to the other. A service of whose backends none is left is off.
pub fn effective_services(
    domain: &DomainId,
    mut lookup: impl FnMut(&DomainId) -> Option<(Option<DomainId>, Option<Services>)>,
) -> Services {
    let mut chain = Vec::new();
    let mut next = Some(domain.clone());
    while let Some(id) = next {
        let Some((parent, given)) = lookup(&id).filter(|_| chain.len() < CHAIN_MAX) else {
            return Services::new();
        };
        chain.push(given);
        next = parent;
    }
    let mut effective: Option<Services> = None;
    for given in chain.into_iter().rev() {
        effective = match (effective, given) {
            (None, given) => Some(given.unwrap_or_default()),
            (Some(bound), None) => Some(bound),
            (Some(bound), Some(given)) => Some(intersect(&bound, given)),
        };
    }
    effective.unwrap_or_default()
}

fn intersect(bound: &Services, given: Services) -> Services {
    let mut both = BTreeMap::new();
    for (name, mut backends) in given {
        let Some(allowed) = bound.get(&name) else { continue };
        if backends.is_empty() {
            both.insert(name, allowed.clone());
            continue;
        }
        if !allowed.is_empty() {
            backends.retain(|backend| allowed.contains(backend));
        }
        if !backends.is_empty() {
            both.insert(name, backends);
        }
    }
    both
}
