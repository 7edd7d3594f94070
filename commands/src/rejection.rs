//! Refusals: part of the API's contract. Codes are stable; texts are for people.

use wac_events::SubjectId;

/// What sort of refusal it is; every protocol maps these in one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RejectionKind {
    /// The command itself is wrong, whatever the state (400).
    Invalid,
    /// What it is about is not there (404).
    NotFound,
    /// It contradicts the present state (409).
    Conflict,
    /// The actor, the client or the grant may not do it (403; OAuth2: `invalid_grant` and its like).
    Forbidden,
    /// `expected_version` no longer holds (412).
    PreconditionFailed,
    /// Nothing is free at the moment (503).
    Unavailable,
}

/// One field that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// Stable, snake_case.
    pub code: &'static str,
    /// JSON pointer (RFC 6901) into the object as SAPI spells it.
    pub pointer: String,
    /// What is wrong and what was expected; quotes nothing of the value.
    pub detail: String,
}

/// A decider's refusal.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Fields are wrong; at least one.
    #[error("{}", .0.iter().map(|field| field.detail.as_str()).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// What the command is about is not there (any more).
    #[error("{what} {id} does not exist")]
    NotFound {
        /// `domain`, `user`, `credential`, `client`, `token`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The chosen id is in use, or was once.
    #[error("{what} {id} exists already")]
    AlreadyExists {
        /// As in [`Rejection::NotFound`].
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// Another user of the domain has the name.
    #[error("the username is taken in this domain")]
    UsernameTaken,
    /// Another domain has the name.
    #[error("the domain name is taken")]
    DomainNameTaken,
    /// The user has a `basic` credential already.
    #[error("the user has a basic credential already")]
    BasicCredentialExists,
    /// Another credential of the domain has the SIP identity.
    #[error("the SIP identity is taken in this domain")]
    SipIdentityTaken,
    /// The base domain can be neither renamed, moved nor removed.
    #[error("the base domain can be neither renamed, moved nor removed")]
    BaseDomain,
    /// The domain is being removed.
    #[error("the domain is being removed")]
    DomainClosing,
    /// Users or child domains remain in the domain.
    #[error("users or child domains remain in the domain")]
    DomainNotEmpty,
    /// A domain cannot be its own ancestor.
    #[error("a domain cannot be placed under itself or under its own descendant")]
    DomainCycle,
    /// Too many ancestors.
    #[error("domains nest at most {max} deep")]
    DomainTooDeep {
        /// [`crate::domain::DOMAIN_DEPTH_MAX`].
        max: usize,
    },
    /// Somebody else holds the lease.
    #[error("the credential is leased to another session")]
    CredentialLeased,
    /// Only userless `ims` credentials are leased.
    #[error("the credential does not belong to an anonymous pool")]
    NotAPoolCredential,
    /// Nobody deletes or demotes himself as administrator, so that one always remains.
    #[error("an administrator is deleted or demoted by another administrator only")]
    OwnAdministrator,
    /// The acting administrator has lost the role meanwhile.
    #[error("the acting user is not an administrator any more")]
    NotAdministrator,
    /// `expected_version` no longer holds.
    #[error("the object is at version {actual}, expected {expected}")]
    PreconditionFailed {
        /// What the caller expected.
        expected: u64,
        /// What it is.
        actual: u64,
    },
    /// The person has been erased; nothing can be stored for it any more.
    #[error("the personal data of {subject} has been erased")]
    SubjectErased {
        /// Whose.
        subject: SubjectId,
    },
    /// The client may not use this grant.
    #[error("the client may not use this grant")]
    GrantNotAllowed,
    /// The domain takes no guests.
    #[error("the domain does not allow anonymous access")]
    AnonymousDisabled,
    /// The user's role is not the one the token was asked for.
    #[error("the user's role has changed")]
    RoleChanged,
    /// The credential that was checked has changed meanwhile.
    #[error("the credential has changed since it was checked")]
    CredentialChanged,
    /// No such token, or not of this client.
    #[error("the token is not known")]
    TokenUnknown,
    /// The token's time is over.
    #[error("the token has expired")]
    TokenExpired,
    /// The token family has ended.
    #[error("the token has been revoked")]
    TokenRevoked,
    /// The session has ended, or is another user's.
    #[error("the session has ended")]
    SessionClosed,
    /// The node is being stopped, or was taken for dead.
    #[error("the node serves no sockets any more")]
    NodeStopped,
    /// The node offers no media, or is being drained.
    #[error("the node takes no rooms")]
    NodeTakesNoRooms,
    /// The device has no socket.
    #[error("the device is not connected")]
    DeviceNotRegistered,
    /// The room is open already.
    #[error("the room is open already")]
    RoomOpen,
    /// The user is in a call, and may be in one only.
    #[error("the user is in a call")]
    InACall,
    /// Only its owner, or somebody on the access list, may do it.
    #[error("only the owner, or somebody on the access list, may do this")]
    NotAllowed,
    /// The user, or his device, is not in the room.
    #[error("is not a participant of the room")]
    NotAParticipant,
    /// The user, or his device, is in the room already.
    #[error("is a participant of the room already")]
    AlreadyJoined,
    /// The room is full.
    #[error("the room has all its {limit} seats taken")]
    ParticipantsLimit {
        /// How many it has.
        limit: u32,
    },
    /// Nobody has that address.
    #[error("nobody has that address")]
    CalleeUnknown,
    /// The invitation has its outcome.
    #[error("the invitation is over")]
    InviteOver,
    /// The agent has something else, or is not available.
    #[error("the agent is not available")]
    AgentBusy,
    /// There is not exactly one other person in the room.
    #[error("a transfer takes a room with exactly one other person")]
    TransferAmbiguous,
    /// The transfer has its outcome.
    #[error("the transfer is over")]
    TransferOver,
    /// The group has all the participants it may have.
    #[error("a group has at most {max} participants")]
    GroupFull {
        /// [`crate::group::GROUP_USERS_MAX`].
        max: usize,
    },
}

impl Rejection {
    /// One wrong field.
    pub fn invalid(code: &'static str, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { code, pointer: pointer.into(), detail: detail.into() }])
    }

    /// Stable, snake_case; of several wrong fields the first one's.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::Invalid(fields) => fields.first().map_or("invalid", |field| field.code),
            Rejection::NotFound { what, .. } => match *what {
                "domain" => "domain_not_found",
                "user" => "user_not_found",
                "credential" => "credential_not_found",
                "client" => "client_not_found",
                "token" => "token_not_found",
                "session" => "session_not_found",
                "room" => "room_not_found",
                "invite" => "invite_not_found",
                "transfer" => "transfer_not_found",
                "group" => "group_not_found",
                "node" => "node_not_found",
                _ => "not_found",
            },
            Rejection::AlreadyExists { .. } => "id_in_use",
            Rejection::UsernameTaken => "username_taken",
            Rejection::DomainNameTaken => "domain_name_taken",
            Rejection::BasicCredentialExists => "basic_credential_exists",
            Rejection::SipIdentityTaken => "sip_identity_taken",
            Rejection::BaseDomain => "base_domain",
            Rejection::DomainClosing => "domain_closing",
            Rejection::DomainNotEmpty => "domain_not_empty",
            Rejection::DomainCycle => "domain_cycle",
            Rejection::DomainTooDeep { .. } => "domain_too_deep",
            Rejection::CredentialLeased => "credential_leased",
            Rejection::NotAPoolCredential => "not_a_pool_credential",
            Rejection::OwnAdministrator => "own_administrator",
            Rejection::NotAdministrator => "not_administrator",
            Rejection::PreconditionFailed { .. } => "version_mismatch",
            Rejection::SubjectErased { .. } => "subject_erased",
            Rejection::GrantNotAllowed => "grant_not_allowed",
            Rejection::AnonymousDisabled => "anonymous_disabled",
            Rejection::RoleChanged => "role_changed",
            Rejection::CredentialChanged => "credential_changed",
            Rejection::TokenUnknown => "token_unknown",
            Rejection::TokenExpired => "token_expired",
            Rejection::TokenRevoked => "token_revoked",
            Rejection::SessionClosed => "session_closed",
            Rejection::NodeStopped => "node_stopped",
            Rejection::NodeTakesNoRooms => "node_takes_no_rooms",
            Rejection::DeviceNotRegistered => "device_not_registered",
            Rejection::RoomOpen => "room_open",
            Rejection::InACall => "in_a_call",
            Rejection::NotAllowed => "not_allowed",
            Rejection::NotAParticipant => "not_a_participant",
            Rejection::AlreadyJoined => "ALREADY_JOINED",
            Rejection::ParticipantsLimit { .. } => "participants_limit",
            Rejection::CalleeUnknown => "callee_unknown",
            Rejection::InviteOver => "invite_over",
            Rejection::AgentBusy => "agent_busy",
            Rejection::TransferAmbiguous => "transfer_ambiguous",
            Rejection::TransferOver => "transfer_over",
            Rejection::GroupFull { .. } => "group_full",
        }
    }

    /// What sort of refusal it is.
    pub fn kind(&self) -> RejectionKind {
        match self {
            Rejection::Invalid(_) => RejectionKind::Invalid,
            Rejection::NotFound { .. } | Rejection::CalleeUnknown | Rejection::NotAParticipant => {
                RejectionKind::NotFound
            }
            Rejection::AlreadyExists { .. }
            | Rejection::UsernameTaken
            | Rejection::DomainNameTaken
            | Rejection::BasicCredentialExists
            | Rejection::SipIdentityTaken
            | Rejection::BaseDomain
            | Rejection::DomainClosing
            | Rejection::DomainNotEmpty
            | Rejection::DomainCycle
            | Rejection::DomainTooDeep { .. }
            | Rejection::NotAPoolCredential
            | Rejection::OwnAdministrator
            | Rejection::SubjectErased { .. }
            | Rejection::DeviceNotRegistered
            | Rejection::RoomOpen
            | Rejection::InACall
            | Rejection::AlreadyJoined
            | Rejection::InviteOver
            | Rejection::AgentBusy
            | Rejection::TransferAmbiguous
            | Rejection::TransferOver
            | Rejection::GroupFull { .. } => RejectionKind::Conflict,
            Rejection::CredentialLeased | Rejection::NodeStopped | Rejection::NodeTakesNoRooms => {
                RejectionKind::Unavailable
            }
            Rejection::PreconditionFailed { .. } => RejectionKind::PreconditionFailed,
            Rejection::NotAdministrator
            | Rejection::GrantNotAllowed
            | Rejection::AnonymousDisabled
            | Rejection::RoleChanged
            | Rejection::CredentialChanged
            | Rejection::TokenUnknown
            | Rejection::TokenExpired
            | Rejection::TokenRevoked
            | Rejection::SessionClosed
            | Rejection::NotAllowed
            | Rejection::ParticipantsLimit { .. } => RejectionKind::Forbidden,
        }
    }

    /// JSON pointer of the (first) field it is about.
    pub fn pointer(&self) -> Option<&str> {
        match self {
            Rejection::Invalid(fields) => fields.first().map(|field| field.pointer.as_str()),
            Rejection::UsernameTaken => Some("/username"),
            Rejection::DomainNameTaken => Some("/domain"),
            Rejection::SipIdentityTaken => Some("/data/username"),
            Rejection::DomainCycle | Rejection::DomainTooDeep { .. } => Some("/parent"),
            _ => None,
        }
    }

    /// Every wrong field.
    pub fn fields(&self) -> &[FieldError] {
        match self {
            Rejection::Invalid(fields) => fields,
            _ => &[],
        }
    }
}

/// Gathers every wrong field of a command, so that its sender learns of all of them at once.
#[derive(Default)]
pub(crate) struct Checks(Vec<FieldError>);

impl Checks {
    /// Notes a field as wrong unless `holds`.
    pub(crate) fn require(&mut self, holds: bool, code: &'static str, pointer: &str, detail: &str) {
        if !holds {
            self.0.push(FieldError { code, pointer: pointer.to_owned(), detail: detail.to_owned() });
        }
    }

    /// The value, or a note of what is wrong with it. What is no validation error comes back.
    pub(crate) fn take<T>(&mut self, result: Result<T, Rejection>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Rejection::Invalid(fields)) => {
                self.0.extend(fields);
                None
            }
            Err(_) => None,
        }
    }

    /// All fields hold, or the rejection that names those that do not.
    pub(crate) fn done(self) -> Result<(), Rejection> {
        if self.0.is_empty() { Ok(()) } else { Err(Rejection::Invalid(self.0)) }
    }
}

/// `expected_version` of a change against the object's version.
pub(crate) fn check_version(expected: Option<u64>, actual: u64) -> Result<(), Rejection> {
    match expected {
        Some(expected) if expected != actual => Err(Rejection::PreconditionFailed { expected, actual }),
        _ => Ok(()),
    }
}
