//! The flat record of one leg of a call, as Kafka and spreadsheets get it. It is no event: it is made from events.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Its name outside, and that of its schema.
pub const CALL_RECORD_TYPE: &str = "cdr.record";
/// Its version; a new optional field keeps it.
pub const CALL_RECORD_VERSION: u32 = 1;

/// One line of a call's bill.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// What it is about: `<call>/<seat>` of a stay, the id of an invitation. A later record of the same leg replaces it.
    pub leg: String,
    /// `stay` or `invite`.
    pub kind: &'static str,
    /// The call: an opening of a room.
    pub call: String,
    /// The room.
    pub room: String,
    /// What it was opened for: `call`, `personal`, `quick`.
    pub room_kind: &'static str,
    /// Name of the room's domain.
    pub domain: String,
    /// Its id.
    pub domain_id: String,
    /// `outgoing`: who opened the call; `incoming`: who was invited; `joined`: who came by himself or was moved.
    pub direction: &'static str,
    /// Id of who called; `null`: nobody did.
    pub caller: Option<String>,
    /// `wac-user:<id>` or `wac-group:<id>`: who was called.
    pub callee: Option<String>,
    /// Id of the group that was called.
    pub group: Option<String>,
    /// Whose leg it is: a user's id; of an invitation to a group `null`.
    pub user: Option<String>,
    /// His device.
    pub session: Option<String>,
    /// The invitation.
    pub invite: Option<String>,
    /// Sound was offered.
    pub audio: Option<bool>,
    /// Pictures were offered.
    pub video: Option<bool>,
    /// When it began: the invitation was sent, or he took his seat. RFC 3339.
    pub started_at: String,
    /// When it was answered; `null`: it was not.
    pub answered_at: Option<String>,
    /// When it ended; `null`: it goes on.
    pub ended_at: Option<String>,
    /// How long he sat in the call, in milliseconds; of what was not answered 0.
    pub duration_ms: u64,
    /// `answered`, `declined`, `cancelled`, `timeout`, `unavailable`, `active`.
    pub outcome: &'static str,
    /// Call code it came to.
    pub code: Option<u64>,
    /// Why a stay ended: `left`, `expelled`, `lost`, `closed`.
    pub end_reason: Option<&'static str>,
    /// The media node, by its name; the last of several.
    pub node: Option<String>,
    /// Mean opinion score to be expected of what he heard, 1 to 4.5; an estimate.
    pub estimated_mos: Option<f64>,
    /// Lost of what he sent, percent.
    pub lost_sent_percent: Option<f64>,
    /// Lost of what he was sent, percent.
    pub lost_received_percent: Option<f64>,
    /// To the media node and back, milliseconds.
    pub round_trip_ms: Option<f64>,
    /// Packets lost of what he sent.
    pub packets_lost_sent: Option<u64>,
    /// Packets lost of what he was sent.
    pub packets_lost_received: Option<u64>,
    /// By how much the time between packets varied of what he sent, milliseconds.
    pub jitter_sent_ms: Option<f64>,
    /// By how much it varied of what he was sent, milliseconds.
    pub jitter_received_ms: Option<f64>,
    /// Bytes of media he sent.
    pub bytes_sent: Option<u64>,
    /// Bytes of media he was sent.
    pub bytes_received: Option<u64>,
    /// How long he spoke, milliseconds.
    pub speaking_ms: Option<u64>,
}

/// Names of a record's fields, in their order.
pub const RECORD_COLUMNS: [&str; 35] = [
    "leg",
    "kind",
    "call",
    "room",
    "roomKind",
    "domain",
    "domainId",
    "direction",
    "caller",
    "callee",
    "group",
    "user",
    "session",
    "invite",
    "audio",
    "video",
    "startedAt",
    "answeredAt",
    "endedAt",
    "durationMs",
    "outcome",
    "code",
    "endReason",
    "node",
    "estimatedMos",
    "lostSentPercent",
    "lostReceivedPercent",
    "roundTripMs",
    "packetsLostSent",
    "packetsLostReceived",
    "jitterSentMs",
    "jitterReceivedMs",
    "bytesSent",
    "bytesReceived",
    "speakingMs",
];

impl CallRecord {
    /// Its fields in the order of [`RECORD_COLUMNS`].
    pub fn values(&self) -> Vec<Value> {
        let record = serde_json::to_value(self).expect("a record is plain JSON");
        RECORD_COLUMNS.iter().map(|column| record.get(*column).cloned().unwrap_or(Value::Null)).collect()
    }
}

/// Its JSON Schema.
pub fn schema() -> Value {
    serde_json::to_value(schemars::schema_for!(CallRecord)).expect("a schema is plain JSON")
}
