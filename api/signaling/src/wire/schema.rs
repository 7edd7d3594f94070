use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::*;

/// The JSON Schema of everything that goes over the two sockets: `$defs` holds a definition of every
/// type, `Answers` says which of them answers which request, and the document itself is valid for any
/// one frame of either socket.
pub fn schemas() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut frames = Vec::new();
    macro_rules! frame {
        ($($type:ty),+ $(,)?) => { $( frames.push(generator.subschema_for::<$type>()); )+ };
    }
    frame!(Request, AnswerFrame<'_, Value>, RefusalFrame<'_>, NoticeFrame<'_>, WapiRequest, WapiAnswer, PushFrame<'_>);
    let answers = Request::answers(&mut generator);
    let mut definitions = generator.take_definitions(true);
    definitions.insert("Answers".to_owned(), answers);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wac signaling",
        "description": "Frames of the signaling socket and of WAPI; see signaling.md.",
        "anyOf": frames,
        "$defs": definitions
    })
}
