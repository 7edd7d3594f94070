//! What reachability, agents and alarms look like, for the OpenAPI document.

use serde_json::Value;
use utoipa::ToSchema;

/// A device of somebody who is meant by an address.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct ReachableDevice {
    /// Whose: a user's id.
    user_id: String,
    /// Its session; `null` for those who see the user's public fields only.
    #[schema(required = true)]
    session_id: Option<String>,
    /// `signaling`: it rings; `wapi`: it is told, but does not ring; `push`: it is asleep and can be woken.
    transport: String,
}

/// Somebody who is meant by an address and would not ring.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct UnreachedUser {
    /// Who: a user's id.
    user_id: String,
    /// Why: `no_device`, or `busy` where calls do not ring beside others (`conferenceState.allowInvitesWhileInCall`).
    reason: String,
}

/// Who would ring.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Reachability {
    /// The address that was asked for.
    address: String,
    /// Whether anybody would ring.
    reachable: bool,
    /// The devices in the order in which they would be tried; devices of one person and members of a
    /// group ring together, agents one after the other.
    candidates: Vec<ReachableDevice>,
    /// Who else is meant.
    unreached: Vec<UnreachedUser>,
    /// The call code an invitation would end with at once (404 or 480); `null` if somebody would ring.
    #[schema(required = true)]
    error_code: Option<u16>,
}

/// An agent of a domain's pool.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Agent {
    /// Who: a user's id.
    user: String,
    /// `wac-user:<id>`.
    uri: String,
    /// The name of his domain, whose pool he belongs to.
    domain: String,
    /// `available`: he can be given a contact; `busy`: he has one; `away`: he is there but does something
    /// else; `offline`.
    state: String,
    /// Whether a device of his has a socket.
    online: bool,
    /// What he says he is doing: RFC 4480 §3.2, or `available`.
    activity: String,
    /// The invitation he has been given.
    #[schema(required = true)]
    invite_id: Option<String>,
    /// Since when he has had nothing, in milliseconds since the epoch; `null`: he has something, or never had.
    #[schema(required = true)]
    idle_since: Option<i64>,
}

/// A running process that others count on.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Node {
    /// Its id, new at every start.
    id: String,
    /// The name it was given, for people.
    name: String,
    /// `signaling`: it holds sockets; `media`: the media of rooms goes through it.
    role: String,
    /// When it began, in milliseconds since the epoch.
    started_at: i64,
    /// When it last gave a sign of life, in milliseconds since the epoch; `null`: nobody notes that here.
    #[schema(required = true)]
    last_seen: Option<i64>,
    /// Of a media node.
    #[schema(required = true)]
    media: Option<NodeMedia>,
}

/// What a media node has and takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct NodeMedia {
    /// Its addresses by protocol, as clients are told.
    server: std::collections::BTreeMap<String, String>,
    /// Most media sessions it takes.
    sessions_max: u64,
    /// Media sessions it has, as it said last; `null`: nobody notes that here.
    #[schema(required = true)]
    sessions: Option<u64>,
    /// Open rooms it has.
    rooms: u64,
    /// Seats taken in them.
    seats: u64,
    /// Whether it takes no new rooms.
    draining: bool,
}

/// What a login alarm is about.
#[derive(serde::Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct LoginAlarm {
    /// The user, if there is one of the name that was tried.
    #[schema(required = true)]
    user: Option<String>,
    /// Failed log-ins within the window.
    failures: u64,
    /// The window in seconds.
    window_seconds: u64,
}

/// The rule that was broken.
#[derive(serde::Serialize, ToSchema)]
#[allow(dead_code)]
pub(crate) struct CallAlarmRule {
    /// Its name.
    id: String,
    /// The section of the statistics: `ssrc` or `quality`.
    section: String,
    /// The value there.
    value: String,
    /// `>`, `>=`, `<` or `<=`.
    cond: String,
    /// What the value is compared with.
    threshold: f64,
    /// Whether the value is a share: percent of packets, or bytes a second.
    relative: bool,
}

/// What an alarm about a call is about.
#[derive(serde::Serialize, ToSchema)]
#[allow(dead_code)]
pub(crate) struct CallAlarm {
    /// The conference's id.
    callid: String,
    /// Whose media was measured: a user's id.
    user: String,
    /// The value that broke the rule, in its section: `{"ssrc": [{"id": "<media session>", "packetsLost": 3.5}]}`.
    #[schema(value_type = Object)]
    value: Value,
    /// The rule as it was.
    alarm: CallAlarmRule,
}

/// What an alarm is about.
#[derive(serde::Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
pub(crate) enum AlarmPayload {
    /// Of the type `login`.
    Login(LoginAlarm),
    /// Of the type `call`.
    Call(CallAlarm),
}

/// Who took notice of an alarm.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct Acknowledged {
    /// When, in milliseconds since the epoch.
    at: i64,
    /// Who: a user's id; `null`: an OAuth2 client.
    #[schema(required = true)]
    by: Option<String>,
}

/// Something happened too often, or too badly.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Alarm {
    /// Its id.
    id: String,
    /// The name of its domain.
    domain: String,
    /// `medium`.
    urgency: String,
    /// `login` or `call`.
    #[schema(rename = "type")]
    r#type: String,
    /// When, in milliseconds since the epoch.
    timestamp: i64,
    /// What happened.
    payload: AlarmPayload,
    /// Who has taken notice of it; `null`: nobody.
    #[schema(required = true)]
    acknowledged: Option<Acknowledged>,
}
