//! Of requests: what was acknowledged is in the log once, and answered alike however often it is sent.

use std::collections::BTreeMap;

use serde_json::Value;
use wac_events::CommandId;

use super::super::records::Records;
use super::Evidence;

pub(super) fn check(evidence: &Evidence, records: &Records, found: &mut Vec<String>) {
    let mut runs: BTreeMap<CommandId, (u64, usize)> = BTreeMap::new();
    for (recorded, _) in &evidence.events {
        let Ok(meta) = recorded.meta() else {
            found.push(format!("the metadata at {} cannot be read", recorded.position));
            continue;
        };
        let (last, count) = runs.entry(meta.command_id).or_default();
        // The events of one append stand together.
        if *last + 1 != recorded.position.0 {
            *count += 1;
        }
        *last = recorded.position.0;
    }
    for (id, (last, count)) in &runs {
        if *count > 1 {
            found.push(format!("a command appends once: {id} did {count} times, last at {last}"));
        }
    }
    let written = records.written();
    found.extend(written.complaints.iter().map(|complaint| format!("a device complains: {complaint}")));
    for ((user, request_id), asked) in &written.asked {
        let id = CommandId::derived(&format!("user:{user}"), request_id);
        answered(&format!("{} {request_id} of {user}", asked.name), runs.contains_key(&id), &asked.answers, found);
    }
}

/// `answers`: with whether they say that something has changed.
fn answered(what: &str, happened: bool, answers: &[(Value, bool)], found: &mut Vec<String>) {
    let accepted: Vec<&Value> = answers.iter().filter(|(_, changed)| *changed).map(|(answer, _)| answer).collect();
    if !accepted.is_empty() && !happened {
        found.push(format!("what was acknowledged is in the log: {what} is not"));
    }
    let refused = |answer: &Value| answer.get("errorCode").is_some() && answer["error"]["retryable"] != true;
    if !accepted.is_empty() && answers.last().is_some_and(|(answer, _)| refused(answer)) {
        found.push(format!("what has happened is not refused later: {what} was: {answers:?}"));
    }
    if accepted.windows(2).any(|two| but_media(two[0]) != but_media(two[1])) {
        found.push(format!("the answer is the first one: {what}: {accepted:?}"));
    }
}

/// An answer without its way to the media, which is that of the moment: a token lets in once.
fn but_media(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(fields) = answer.as_object_mut() {
        for field in ["media", "server", "serverUuid", "token", "ice"] {
            fields.remove(field);
        }
    }
    answer
}
