use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::*;

/// The JSON Schema of everything that goes over the two sockets: `$defs` holds a definition of every
/// type, and the document itself is valid for any one frame of either socket.
pub fn schemas() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut frames = Vec::new();
    macro_rules! frame {
        ($($type:ty),+ $(,)?) => { $( frames.push(generator.subschema_for::<$type>()); )+ };
    }
    macro_rules! part {
        ($($type:ty),+ $(,)?) => { $( generator.subschema_for::<$type>(); )+ };
    }
    frame!(Request, AnswerFrame<'_, Value>, RefusalFrame<'_>, NoticeFrame<'_>, WapiRequest, WapiAnswer, PushFrame<'_>);
    part!(RoomObject, Accepted, Participants, Sent, SentToMany, CurrentInvitations, Transfer, Nothing);
    let definitions = generator.take_definitions(true);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wac signaling",
        "description": "Frames of the signaling socket and of WAPI; see signaling.md.",
        "anyOf": frames,
        "$defs": definitions
    })
}
