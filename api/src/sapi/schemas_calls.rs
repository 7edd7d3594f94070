//! What sessions, presence, groups and conferences look like, for the OpenAPI document.

use utoipa::ToSchema;

/// Where a session is used from; parts that are not known, or erased, are `null`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct SessionContext {
    /// IP address of the client.
    src: Option<String>,
    /// `User-Agent`.
    useragent: Option<String>,
    /// Preferred language.
    language: Option<String>,
    /// Where the client says it is.
    location: Option<String>,
    /// Operating system.
    platform: Option<String>,
    /// Maker of the client.
    vendor: Option<String>,
    /// The client's own id of its device.
    device_id: Option<String>,
}

/// A session's context on its way in; what is left out stays.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct SessionContextInput {
    /// `User-Agent`.
    #[schema(max_length = 512)]
    useragent: Option<String>,
    /// Preferred language.
    #[schema(max_length = 512)]
    language: Option<String>,
    /// Where the client says it is.
    #[schema(max_length = 512)]
    location: Option<String>,
    /// Operating system.
    #[schema(max_length = 512)]
    platform: Option<String>,
    /// Maker of the client.
    #[schema(max_length = 512)]
    vendor: Option<String>,
    /// The client's own id of its device.
    #[schema(max_length = 512)]
    device_id: Option<String>,
}

/// How a session's device is woken.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct SessionPushToken {
    /// `apns`, `apns-voip`, `fcm` or `webpush`.
    token_type: String,
}

/// An open session: one log-in, one device.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Session {
    /// Its id.
    id: String,
    /// Whose: a user's id.
    user: String,
    /// The name of the user's domain.
    domain: String,
    /// The user's role at log-in.
    role: String,
    /// How it was opened.
    grant: String,
    /// The client that asked; `null`: the built-in first-party client.
    #[schema(required = true)]
    client: Option<String>,
    /// When it was opened, in milliseconds since the epoch.
    from: i64,
    /// -1: it is open.
    to: i64,
    /// When it ends unless it is used, in milliseconds since the epoch.
    expires: i64,
    /// `<user>@<node>` while its device has a socket.
    registered: Option<String>,
    /// Where it is used from.
    context: SessionContext,
    /// How its device is woken; the token itself is not shown.
    push_token: Option<SessionPushToken>,
}

/// A session on its way in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct SessionInput {
    /// Where it is used from; left out: as before.
    #[schema(nullable = false)]
    context: Option<SessionContextInput>,
}

/// How a device is woken. The token itself is not given back.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct PushToken {
    /// Its id: that of its session.
    id: String,
    /// `apns`, `apns-voip`, `fcm` or `webpush`.
    token_type: String,
    /// The client's own id of its device.
    device_id: Option<String>,
}

/// A push token on its way in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct PushTokenInput {
    /// The token.
    #[schema(min_length = 1, max_length = 4096)]
    token: String,
    /// `apns`, `apns-voip`, `fcm` or `webpush`.
    token_type: String,
    /// The client's own id of its device.
    #[schema(max_length = 512)]
    device_id: Option<String>,
}

/// What is known of somebody's whereabouts.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Presence {
    /// Whose.
    user_id: String,
    /// Whether a device of his has a socket.
    online: bool,
    /// What he is doing: RFC 4480 §3.2, or `available`.
    activity: String,
    /// A free text.
    #[schema(required = true)]
    note: Option<String>,
    /// How he feels.
    #[schema(required = true)]
    mood: Option<String>,
    /// When he went online or offline, in milliseconds since the epoch.
    since: Option<i64>,
}

/// Presence on its way in; what is left out stays.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct PresenceInput {
    /// What he is doing: RFC 4480 §3.2, or `available`.
    #[schema(nullable = false)]
    activity: Option<String>,
    /// A free text.
    #[schema(max_length = 1024)]
    note: Option<String>,
    /// How he feels: a mood of RFC 4480 §3.5.
    mood: Option<String>,
}

/// A person of the domain.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Contact {
    /// The user's id.
    id: String,
    /// `wac-user:<id>`.
    uri: String,
    /// The domain's name.
    domain: String,
    /// The user's name; `null` once erased.
    #[schema(required = true)]
    username: Option<String>,
    /// Another name.
    #[schema(required = true)]
    alias: Option<String>,
    /// The name others see.
    #[schema(required = true)]
    display_name: Option<String>,
    /// Whether he is there.
    presence: Presence,
}

/// People who ring together.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct UsersGroup {
    /// Its id.
    id: String,
    /// `wac-group:<id>`.
    uri: String,
    /// Its name.
    name: String,
    /// Who manages it: a user's id.
    owner: String,
    /// Its domain's name.
    domain: String,
    /// Ids of its participants, those of longest standing first.
    participants: Vec<String>,
    /// When it was created, in milliseconds since the epoch.
    created: i64,
}

/// A group on its way in.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct UsersGroupInput {
    /// Its name.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
}

/// A change of a group.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct UsersGroupPatchInput {
    /// Its name.
    #[schema(nullable = false, min_length = 1, max_length = 128)]
    name: Option<String>,
}

/// A participant of a group on his way in or out.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct ParticipantInput {
    /// Who: a user's id, or `wac-user:<id>`.
    user_id: String,
}

/// A stay of one device in a conference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct ConferenceParticipant {
    /// `wac-user:<id>`.
    address: String,
    /// The device.
    session_id: String,
    /// When it came, in milliseconds since the epoch.
    created_at: i64,
    /// When it left; `null`: it is there.
    #[schema(required = true)]
    finished_at: Option<i64>,
    /// The media node that carried its media last; `null`: none did.
    #[schema(required = true)]
    node: Option<String>,
    /// How well media went; `null`: nothing was measured.
    #[schema(required = true)]
    quality: Option<ConferenceQuality>,
}

/// How well media went, from the media nodes' summaries: means weighted by time, and sums. What was not measured is
/// `null`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct ConferenceQuality {
    /// Mean opinion score to be expected of what was heard, 1 to 4.5: an estimate from loss and delay.
    #[schema(required = true)]
    estimated_mos: Option<f64>,
    /// Lost of what was sent, percent.
    #[schema(required = true)]
    lost_sent_percent: Option<f64>,
    /// Lost of what was received, percent.
    #[schema(required = true)]
    lost_received_percent: Option<f64>,
    /// To the media node and back, milliseconds.
    #[schema(required = true)]
    round_trip_ms: Option<f64>,
    /// Packets lost of what was sent.
    #[schema(required = true)]
    packets_lost_sent: Option<u64>,
    /// Packets lost of what was received.
    #[schema(required = true)]
    packets_lost_received: Option<u64>,
    /// By how much the time between packets varied of what was sent, milliseconds.
    #[schema(required = true)]
    jitter_sent_ms: Option<f64>,
    /// By how much it varied of what was received, milliseconds.
    #[schema(required = true)]
    jitter_received_ms: Option<f64>,
    /// Bytes of media sent.
    bytes_sent: u64,
    /// Bytes of media received.
    bytes_received: u64,
    /// Spoken, milliseconds.
    speaking_ms: u64,
    /// Measured, milliseconds.
    measured_ms: u64,
}

/// What was refused.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct ConferenceRefused {
    /// The command, snake_case.
    command: String,
    /// Why: the code of the refusal.
    code: String,
}

/// A step of a conference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct ConferenceStep {
    /// Its event's place in the log; `null`: a refusal, which is no event.
    #[schema(required = true)]
    position: Option<u64>,
    /// When, in milliseconds since the epoch.
    at: i64,
    /// The event's type; `null`: a refusal.
    #[schema(required = true)]
    event: Option<String>,
    /// Who did it: `wac-user:<id>`, `client:<id>` or `system:<name>`.
    #[schema(required = true)]
    by: Option<String>,
    /// On which device.
    #[schema(required = true)]
    session_id: Option<String>,
    /// On which node: the one that held the device, or carried the media.
    #[schema(required = true)]
    node: Option<String>,
    /// Call code it came to.
    #[schema(required = true)]
    code: Option<u16>,
    /// What was refused; `null`: it happened.
    #[schema(required = true)]
    refused: Option<ConferenceRefused>,
    /// The step as a sentence.
    text: String,
}

/// Kinds of media.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct ConferenceMedia {
    /// Sound.
    audio: bool,
    /// Moving pictures.
    video: bool,
    /// A screen; of transfers only.
    #[schema(nullable = false)]
    screen: Option<bool>,
}

/// Somebody who was called.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct ConferenceCandidate {
    /// `wac-user:<id>`.
    address: String,
    /// Call code: 200 accepted, 603 declined, 487 cancelled, 408 missed, 404 without a device; `null` while it rings.
    #[schema(required = true)]
    end_reason: Option<u16>,
}

/// What became of an invitation.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(dead_code)]
pub(crate) enum ConferenceInviteState {
    /// Nothing yet.
    Ringing,
    /// It was accepted.
    Accepted,
    /// It was declined, or nobody was left to ring.
    Declined,
    /// The caller has given it up.
    DeclinedByCreator,
    /// Nobody answered in time.
    DeclinedByTimeout,
}

/// An invitation into a conference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct ConferenceInvite {
    /// Its id.
    id: String,
    /// `wac-user:<id>` of the caller.
    from: String,
    /// `wac-user:<id>` or `wac-group:<id>`.
    to: String,
    /// What became of it.
    state: ConferenceInviteState,
    /// Whether a group was called.
    group: bool,
    /// Whether the caller asked to be let in.
    invite_request: bool,
    /// The media offered.
    mediatypes: ConferenceMedia,
    /// Call code it came to; `null` while it rings.
    #[schema(required = true)]
    error: Option<u16>,
    /// Who was called.
    candidates: Vec<ConferenceCandidate>,
}

/// What became of a transfer.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(dead_code)]
pub(crate) enum ConferenceTransferState {
    /// The party has been asked, or has gone.
    Invited,
    /// It was declined, or failed.
    Declined,
}

/// A transfer out of a conference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct ConferenceTransfer {
    /// Its id.
    id: String,
    /// `wac-user:<id>` of the transferor.
    from: String,
    /// `wac-user:<id>`, `wac-group:<id>`, or the id of the room the party was moved to.
    #[schema(required = true)]
    to: Option<String>,
    /// The invitation sent in the party's name.
    #[schema(required = true)]
    id_invite: Option<String>,
    /// The room.
    room_id: String,
    /// What became of it.
    state: ConferenceTransferState,
    /// The media of the call to be made.
    mediatypes: ConferenceMedia,
}

/// Whether a conference goes on.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code)]
pub(crate) enum ConferenceState {
    /// It goes on.
    Active,
    /// It is over.
    Finished,
}

/// An entry of the conference log: one opening of a room.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)]
pub(crate) struct Conference {
    /// Its id.
    id: String,
    /// The room.
    room_id: String,
    /// The room's owner: a user's id.
    #[schema(required = true)]
    owner: Option<String>,
    /// Whether it goes on.
    state: ConferenceState,
    /// When it was opened, in milliseconds since the epoch.
    created_at: i64,
    /// When it ended; `null`: it goes on.
    #[schema(required = true)]
    finished_at: Option<i64>,
    /// Names of the domains involved.
    domains: Vec<String>,
    /// Who sat in it: one entry for each stay of a device.
    participants: Vec<ConferenceParticipant>,
    /// Who was invited.
    invites: Vec<ConferenceInvite>,
    /// Who was transferred.
    transfers: Vec<ConferenceTransfer>,
    /// How well media went for all together; `null`: nothing was measured.
    #[schema(required = true)]
    quality: Option<ConferenceQuality>,
}
