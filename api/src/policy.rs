//! Who may do what: tenancy and roles, decided here and nowhere else.
//!
//! REST, GraphQL and the event interfaces ask [`allows`] and act on its [`Decision`].

use wac_events::{DomainId, Role, StreamId, TokenId, UserId};

use crate::Caller;

/// What somebody wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Look at one object.
    Read,
    /// Look at a list; the list holds only what may be read.
    List,
    /// Make a new one.
    Create,
    /// Change one.
    Change,
    /// Remove one.
    Delete,
    /// Destroy a person's data for good.
    Erase,
}

/// What it is to be done to. Objects carry what the decision needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target<'a> {
    /// A domain.
    Domain(&'a DomainId),
    /// Domains as a collection, or one that does not exist yet.
    Domains,
    /// A user of a domain.
    User {
        /// Who.
        id: &'a UserId,
        /// Where.
        domain: &'a DomainId,
    },
    /// Users as a collection, or one that does not exist yet.
    Users,
    /// A credential: its owner, and the guest session it is leased to.
    Credential {
        /// Its owner; `None`: the domain's anonymous pool.
        owner: Option<&'a UserId>,
        /// The session that has it now.
        leased_by: Option<&'a TokenId>,
        /// Whether it is the password of this platform.
        basic: bool,
    },
    /// Credentials as a collection, or one that does not exist yet.
    Credentials,
    /// OAuth2 clients, one or all.
    Clients,
    /// The events of one stream.
    Stream(&'a StreamId),
    /// A token family: whose it is, and which.
    Session {
        /// Its user; `None`: a client in its own name.
        owner: Option<&'a UserId>,
        /// Which.
        id: &'a TokenId,
    },
    /// A users group.
    Group {
        /// Who manages it.
        owner: &'a UserId,
        /// Where.
        domain: &'a DomainId,
    },
    /// Users groups as a collection, or one that does not exist yet.
    Groups,
    /// An entry of the conference log.
    Conference {
        /// Whether the caller sat in it or was invited to it.
        involved: bool,
    },
    /// The agents' pool of a domain, as somebody who is called.
    Pool(&'a DomainId),
    /// An agent: what he has, and since when he has had nothing.
    Agent(&'a UserId),
    /// Alarms, one or all.
    Alarms,
    /// The processes of the deployment.
    Nodes,
    /// The event log: of one domain, or (`None`) all of it.
    Events {
        /// Whose events.
        domain: Option<&'a DomainId>,
    },
}

/// The answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Yes, with every field.
    Full,
    /// Yes, but only the fields that concern others.
    Limited,
    /// No, and not even that it exists: 404.
    Hidden,
    /// No: 403.
    Forbidden,
}

impl Decision {
    /// Whether it is a yes.
    pub fn is_allowed(self) -> bool {
        matches!(self, Decision::Full | Decision::Limited)
    }
}

/// Fields of his own record a `user` may change.
pub const OWN_USER_FIELDS: [&str; 4] = ["email", "mobilePhone", "landLineNumber", "displayName"];

/// Decides.
pub fn allows(caller: &Caller, action: Action, target: &Target<'_>) -> Decision {
    if caller.role == Role::Admin {
        return Decision::Full;
    }
    match target {
        Target::Domain(id) => domain(caller, action, id),
        Target::User { id, domain } => user(caller, action, id, domain),
        Target::Credential { owner, leased_by, basic } => credential(caller, action, *owner, *leased_by, *basic),
        Target::Domains | Target::Users | Target::Credentials => match action {
            Action::Read | Action::List => Decision::Limited,
            _ => Decision::Forbidden,
        },
        Target::Stream(stream) => own_stream(caller, stream),
        Target::Session { owner, id } if own_session(caller, *owner, id) => Decision::Full,
        Target::Session { .. } => Decision::Hidden,
        Target::Group { owner, domain } => group(caller, action, owner, domain),
        Target::Groups => match action {
            Action::Read | Action::List => Decision::Limited,
            Action::Create if caller.role == Role::User && caller.user.is_some() => Decision::Full,
            _ => Decision::Forbidden,
        },
        Target::Conference { involved: true } => Decision::Full,
        Target::Conference { involved: false } => Decision::Hidden,
        Target::Pool(domain) if caller.role == Role::User && caller.domain == **domain => Decision::Limited,
        Target::Agent(user) if caller.role == Role::User && caller.user.as_ref() == Some(user) => read_only(action),
        Target::Pool(_) | Target::Agent(_) => Decision::Hidden,
        Target::Clients | Target::Alarms | Target::Nodes | Target::Events { .. } => Decision::Forbidden,
    }
}

fn read_only(action: Action) -> Decision {
    if matches!(action, Action::Read | Action::List) { Decision::Full } else { Decision::Forbidden }
}

/// Groups are seen by the users of their domain and managed by their owner (guide §6.3.6.2).
fn group(caller: &Caller, action: Action, owner: &UserId, domain: &DomainId) -> Decision {
    if caller.role != Role::User || caller.domain != *domain {
        return Decision::Hidden;
    }
    match action {
        Action::Read | Action::List => Decision::Full,
        Action::Change | Action::Delete if caller.user.as_ref() == Some(owner) => Decision::Full,
        _ => Decision::Forbidden,
    }
}

/// A user reads the history of his own record, and changes nothing of it.
fn own_stream(caller: &Caller, stream: &StreamId) -> Decision {
    let own = caller.role == Role::User && caller.user.as_ref().is_some_and(|user| user.stream() == *stream);
    if own { Decision::Full } else { Decision::Forbidden }
}

fn own_session(caller: &Caller, owner: Option<&UserId>, id: &TokenId) -> bool {
    caller.token == *id || (owner.is_some() && owner == caller.user.as_ref())
}

fn domain(caller: &Caller, action: Action, id: &DomainId) -> Decision {
    if caller.domain != *id {
        return Decision::Hidden;
    }
    match (action, caller.role) {
        (Action::Read | Action::List, Role::Anonymous) => Decision::Limited,
        (Action::Read | Action::List, _) => Decision::Full,
        _ => Decision::Forbidden,
    }
}

fn user(caller: &Caller, action: Action, id: &UserId, domain: &DomainId) -> Decision {
    let own = caller.user.as_ref() == Some(id);
    let visible = own || (caller.role == Role::User && caller.domain == *domain);
    match action {
        _ if !visible => Decision::Hidden,
        Action::Read | Action::List if own => Decision::Full,
        Action::Read | Action::List => Decision::Limited,
        // What exactly may change of one's own record: `OWN_USER_FIELDS`.
        Action::Change if own && caller.role == Role::User => Decision::Limited,
        _ => Decision::Forbidden,
    }
}

fn credential(
    caller: &Caller,
    action: Action,
    owner: Option<&UserId>,
    leased_by: Option<&TokenId>,
    basic: bool,
) -> Decision {
    let own = owner.is_some() && owner == caller.user.as_ref();
    let leased = leased_by == Some(&caller.token);
    match action {
        _ if !own && !leased => Decision::Hidden,
        Action::Read | Action::List => Decision::Full,
        Action::Change if own && basic && caller.role == Role::User => Decision::Limited,
        _ => Decision::Forbidden,
    }
}
