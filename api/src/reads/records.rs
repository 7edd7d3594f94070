//! Flat call records: one for each stay of a device in a call, and one for each invitation that brought nobody in.
//! The same rows go to spreadsheets (CSV) and to Kafka.

use wac_events::call_record::CallRecord;
use wac_events::room::JoinReason;
use wac_events::{Callee, InviteKind, Time};
use wac_projections::{InviteRow, InviteState, ParticipantRow, Quality};

use super::ConferenceView;

/// Decimals of percentages and scores.
const HUNDREDTHS: f64 = 100.0;

/// The records of a conference: its stays in the order in which they began, then what was not accepted.
pub fn call_records(conference: &ConferenceView) -> Vec<CallRecord> {
    let stays = conference.participants.iter().map(|seat| stay(conference, seat));
    let over = |invite: &&InviteRow| !matches!(invite.state, InviteState::Ringing | InviteState::Accepted);
    let unanswered = conference.invites.iter().map(|(invite, _)| invite).filter(over);
    stays.chain(unanswered.map(|invite| not_answered(conference, invite))).collect()
}

/// Rounded to hundredths.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * HUNDREDTHS).round() / HUNDREDTHS
}

/// Percent of a mean in thousandths.
pub(crate) fn percent(mean: &wac_projections::Mean) -> Option<f64> {
    mean.value().map(|permille| rounded(permille / 10.0))
}

fn text(time: Time) -> String {
    time.to_string()
}

fn blank(conference: &ConferenceView, leg: String, kind: &'static str, started: Time) -> CallRecord {
    let room = &conference.room;
    CallRecord {
        leg,
        kind,
        call: room.opening.to_string(),
        room: room.room.id.to_string(),
        room_kind: room.kind.as_str(),
        domain: conference.domain.clone(),
        domain_id: room.room.domain.to_string(),
        direction: "joined",
        caller: None,
        callee: None,
        group: None,
        user: None,
        session: None,
        invite: None,
        audio: None,
        video: None,
        started_at: text(started),
        answered_at: None,
        ended_at: None,
        duration_ms: 0,
        outcome: "active",
        code: None,
        end_reason: None,
        node: None,
        estimated_mos: None,
        lost_sent_percent: None,
        lost_received_percent: None,
        round_trip_ms: None,
        packets_lost_sent: None,
        packets_lost_received: None,
        jitter_sent_ms: None,
        jitter_received_ms: None,
        bytes_sent: None,
        bytes_received: None,
        speaking_ms: None,
    }
}

fn with_invite(record: CallRecord, invite: &InviteRow) -> CallRecord {
    let (callee, group) = match &invite.to {
        Callee::User(user) | Callee::Agent(user) => (user.uri(), None),
        Callee::Group(group) => (group.uri(), Some(group.to_string())),
    };
    CallRecord {
        caller: Some(invite.from.to_string()),
        callee: Some(callee),
        group,
        invite: Some(invite.id.to_string()),
        audio: Some(invite.mediatypes.audio),
        video: Some(invite.mediatypes.video),
        ..record
    }
}

fn with_quality(record: CallRecord, quality: Option<Quality>) -> CallRecord {
    let Some(quality) = quality else { return record };
    CallRecord {
        estimated_mos: quality.mos().map(rounded),
        lost_sent_percent: percent(&quality.lost_sent),
        lost_received_percent: percent(&quality.lost_received),
        round_trip_ms: quality.round_trip.value().map(rounded),
        packets_lost_sent: quality.packets_lost_sent,
        packets_lost_received: quality.packets_lost_received,
        jitter_sent_ms: quality.jitter_sent.value().map(rounded),
        jitter_received_ms: quality.jitter_received.value().map(rounded),
        bytes_sent: Some(quality.bytes_sent),
        bytes_received: Some(quality.bytes_received),
        speaking_ms: Some(quality.speaking_ms),
        ..record
    }
}

fn stay(conference: &ConferenceView, seat: &ParticipantRow) -> CallRecord {
    let mut record = blank(conference, format!("{}/{}", seat.opening, seat.seat), "stay", seat.joined_at);
    let answered = Some(text(seat.joined_at));
    let came_by = seat.invite.as_ref().and_then(|id| conference.invites.iter().find(|(invite, _)| invite.id == *id));
    match (seat.via, came_by) {
        (JoinReason::Created, _) => {
            // Who opened the call is billed for the one invitation it was opened for.
            let mut sent = conference.invites.iter().filter(|(invite, _)| invite.from == seat.user);
            if let (Some((invite, _)), None) = (sent.next(), sent.next()) {
                record = with_invite(record, invite);
            }
            record.caller = Some(seat.user.to_string());
            record.direction = "outgoing";
            record.answered_at = first_answer(conference).map(text);
        }
        (_, Some((invite, _))) => {
            record = with_invite(record, invite);
            record.started_at = text(invite.created_at);
            record.direction = if invite.kind == InviteKind::Invite { "incoming" } else { "joined" };
            record.answered_at = answered;
        }
        _ => record.answered_at = answered,
    }
    record.user = Some(seat.user.to_string());
    record.session = Some(seat.session.to_string());
    record.node = conference.media_of(seat).last().map(|media| media.node.clone());
    if let Some(left) = seat.left_at {
        record.ended_at = Some(text(left));
        record.duration_ms = u64::try_from(left.since(seat.joined_at).as_millis()).unwrap_or(u64::MAX);
        record.end_reason = seat.leave_reason.map(|reason| reason.as_str());
        (record.outcome, record.code) = outcome_of_stay(conference, &record);
    }
    with_quality(record, conference.quality_of(seat))
}

/// When the first invitation was accepted.
fn first_answer(conference: &ConferenceView) -> Option<Time> {
    let accepted = conference.invites.iter().filter(|(invite, _)| invite.state == InviteState::Accepted);
    accepted.filter_map(|(invite, _)| invite.ended_at).min()
}

fn outcome_of_stay(conference: &ConferenceView, record: &CallRecord) -> (&'static str, Option<u64>) {
    const CODE_ANSWERED: u64 = 200;
    if record.answered_at.is_some() {
        return ("answered", Some(CODE_ANSWERED));
    }
    // Nobody came to who opened the call: it went as his last invitation went.
    match conference.invites.last() {
        Some((invite, _)) => (outcome(invite.state), invite.code),
        None => ("cancelled", None),
    }
}

fn outcome(state: InviteState) -> &'static str {
    match state {
        InviteState::Ringing => "active",
        InviteState::Accepted => "answered",
        InviteState::Declined => "declined",
        InviteState::DeclinedByCreator => "cancelled",
        InviteState::DeclinedByTimeout => "timeout",
        InviteState::Ended => "unavailable",
    }
}

fn not_answered(conference: &ConferenceView, invite: &InviteRow) -> CallRecord {
    let record = with_invite(blank(conference, invite.id.to_string(), "invite", invite.created_at), invite);
    let user = match &invite.to {
        Callee::User(user) | Callee::Agent(user) => Some(user.to_string()),
        Callee::Group(_) => None,
    };
    CallRecord {
        direction: "incoming",
        user,
        ended_at: invite.ended_at.map(text),
        outcome: outcome(invite.state),
        code: invite.code,
        ..record
    }
}
