//! Folded states of calls and sessions as JSON, field by field, for people, programs and golden
//! files. Secrets are not in it; what is personal is clear text, or `{"erased": true}`.

use serde_json::{Map, Value, json};
use wac_events::session::SessionContext;
use wac_events::{Cell, Media, Personal};

use crate::invite::{Candidate, InviteStatus};
use crate::node::MediaOffer;
use crate::transfer::TransferStatus;
use crate::{Agent, Device, Group, Invite, Login, MediaSession, Node, Presence, Room, Session, State, Transfer};

impl State {
    /// The state as JSON; `None` for aggregates that have their own forms (domains, users,
    /// credentials, clients, tokens, reservations, subjects).
    pub fn describe(&self) -> Option<Value> {
        Some(match self {
            State::Session(state) => session(state),
            State::Presence(state) => presence(state),
            State::Login(state) => login(state),
            State::Room(state) => room(state),
            State::Invite(state) => invite(state),
            State::Transfer(state) => transfer(state),
            State::Group(state) => group(state),
            State::Agent(state) => agent(state),
            State::Node(state) => node(state),
            State::MediaSession(state) => media_session(state),
            State::Domain(_)
            | State::User(_)
            | State::Subject(_)
            | State::Credential(_)
            | State::Client(_)
            | State::Token(_)
            | State::Reservation(_) => return None,
        })
    }
}

fn word(status: &impl std::fmt::Debug) -> String {
    format!("{status:?}").to_lowercase()
}

fn personal(personal: &Personal) -> Value {
    match &personal.0 {
        Cell::Clear(text) => json!(text),
        Cell::Sealed(_) => json!({ "sealed": true }),
        Cell::Erased => json!({ "erased": true }),
    }
}

fn maybe(text: Option<&Personal>) -> Value {
    text.map_or(Value::Null, personal)
}

fn context(context: &SessionContext) -> Value {
    let SessionContext { src, useragent, language, location, platform, vendor, device_id } = context;
    json!({
        "src": maybe(src.as_ref()), "useragent": maybe(useragent.as_ref()), "language": maybe(language.as_ref()),
        "location": maybe(location.as_ref()), "platform": maybe(platform.as_ref()), "vendor": maybe(vendor.as_ref()),
        "deviceId": maybe(device_id.as_ref()),
    })
}

fn session(state: &Session) -> Value {
    let Session { version, status, id, user, domain, role, grant, client, context: from, push, expires_at, opened_at } =
        state;
    json!({
        "version": version, "status": word(status), "id": id, "user": user, "domain": domain, "role": role,
        "grant": grant, "client": client, "context": context(from), "expiresAt": expires_at, "openedAt": opened_at,
        "pushTokenType": push.as_ref().map(|(token_type, _)| token_type),
    })
}

fn presence(state: &Presence) -> Value {
    let Presence { version, user, sessions, devices, rooms, activity, note, mood } = state;
    let device = |(session, device): (&wac_events::SessionId, &crate::presence::RegisteredDevice)| json!({ "session": session, "node": device.node, "ringable": device.ringable, "since": device.since });
    let mut described = json!({
        "version": version, "user": user, "online": state.has_device(), "sessions": sessions, "activity": activity,
        "devices": devices.iter().map(device).collect::<Vec<_>>(), "note": maybe(note.as_ref()), "mood": mood,
    });
    if !rooms.is_empty() {
        described["rooms"] = json!(rooms);
    }
    described
}

fn login(state: &Login) -> Value {
    let Login { version, failures, alarm_at, acknowledged } = state;
    let mut described = json!({ "version": version, "failures": failures, "alarmAt": alarm_at });
    if !acknowledged.is_empty() {
        described["acknowledged"] = json!(acknowledged.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
    described
}

fn room(state: &Room) -> Value {
    let Room {
        version,
        open,
        id,
        domain,
        opening,
        kind,
        creator,
        owner,
        owner_succeeds,
        acl,
        record,
        participants_limit,
        bitrate_kbps,
        hard_mute,
        counted,
        seats,
        seats_given,
        people,
        created_at,
        media_node,
    } = state;
    let seats = seats.iter().map(|(session, seat)| {
        json!({
            "session": session, "number": seat.number, "user": seat.user, "via": seat.via, "invite": seat.invite,
            "joinedAt": seat.joined_at,
        })
    });
    let people: Map<String, Value> = people
        .iter()
        .map(|(user, person)| {
            let muted = json!({ "audio": person.muted(Media::Audio), "video": person.muted(Media::Video) });
            let by_others = json!({ "audio": person.moderated(Media::Audio), "video": person.moderated(Media::Video) });
            (user.to_string(), json!({ "held": person.held, "muted": muted, "moderated": by_others }))
        })
        .collect();
    let mut described = json!({
        "version": version, "open": open, "id": id, "domain": domain, "opening": opening, "kind": kind,
        "creator": creator, "owner": owner, "ownerSucceeds": owner_succeeds, "acl": acl, "record": record,
        "participantsLimit": participants_limit, "bitrateKbps": bitrate_kbps, "hardMute": hard_mute,
        "seats": seats.collect::<Vec<_>>(), "seatsGiven": seats_given, "people": people, "createdAt": created_at,
    });
    if *counted {
        described["counted"] = json!(true);
    }
    if let Some(node) = media_node {
        described["mediaNode"] = json!(node);
    }
    described
}

fn device(device: &Device) -> Value {
    json!({ "user": device.user, "session": device.session })
}

fn invite(state: &Invite) -> Value {
    let Invite {
        version,
        status,
        id,
        domain,
        kind,
        room,
        opening,
        from,
        from_session,
        to,
        candidates,
        mediatypes,
        context: said,
        ring_until,
        transfer,
        created_at,
    } = state;
    let status = match status {
        InviteStatus::Absent => json!("absent"),
        InviteStatus::Ringing => json!("ringing"),
        InviteStatus::Accepted(by) => json!({ "accepted": device(by) }),
        InviteStatus::Over(code) => json!({ "over": code }),
    };
    let candidates: Map<String, Value> = candidates
        .iter()
        .map(|(user, candidate)| {
            let value = match candidate {
                Candidate::Ringing => json!("ringing"),
                Candidate::Absent => json!("absent"),
                Candidate::Declined(code) => json!({ "declined": code }),
            };
            (user.to_string(), value)
        })
        .collect();
    json!({
        "version": version, "status": status, "id": id, "domain": domain, "kind": kind, "room": room,
        "opening": opening, "from": from, "fromSession": from_session, "to": to, "candidates": candidates,
        "mediatypes": mediatypes, "context": maybe(said.as_ref()), "ringUntil": ring_until, "transfer": transfer,
        "createdAt": created_at,
    })
}

fn transfer(state: &Transfer) -> Value {
    let Transfer {
        version,
        status,
        id,
        domain,
        kind,
        by,
        by_session,
        party,
        room,
        opening,
        to,
        target_room,
        mediatypes,
        until,
    } = state;
    let status = match status {
        TransferStatus::Absent => json!("absent"),
        TransferStatus::Asked => json!("asked"),
        TransferStatus::Calling(invite) => json!({ "calling": invite }),
        TransferStatus::Completed => json!("completed"),
        TransferStatus::Failed(code) => json!({ "failed": code }),
    };
    json!({
        "version": version, "status": status, "id": id, "domain": domain, "kind": kind, "by": by,
        "bySession": by_session, "party": party, "room": room, "opening": opening, "to": to,
        "targetRoom": target_room, "mediatypes": mediatypes, "until": until,
    })
}

fn group(state: &Group) -> Value {
    let Group { version, present, id, domain, name, owner, users, created_at } = state;
    json!({
        "version": version, "present": present, "id": id, "domain": domain, "name": name, "owner": owner,
        "users": users, "createdAt": created_at,
    })
}

fn agent(state: &Agent) -> Value {
    let Agent { version, invite, idle_since } = state;
    json!({ "version": version, "invite": invite, "idleSince": idle_since })
}

fn media_session(state: &MediaSession) -> Value {
    let MediaSession { version, connected, flowed, tracks, former_tracks, period, ended, of, domain, node, alarms } =
        state;
    let mut described = json!({
        "version": version, "connected": connected, "flowed": flowed, "tracks": tracks, "formerTracks": former_tracks,
        "period": period, "ended": ended, "opening": of.as_ref().map(|(opening, _)| opening),
        "user": of.as_ref().map(|(_, user)| user), "alarms": alarms,
    });
    if let Some(node) = node {
        described["node"] = json!(node);
        described["domain"] = json!(domain);
    }
    described
}

fn node(state: &Node) -> Value {
    let Node { version, started, devices_by, lost, name: _, media } = state;
    let mut described = json!({ "version": version, "started": started, "devicesBy": devices_by });
    if *lost {
        described["lost"] = json!(lost);
    }
    if let Some(MediaOffer { server, sessions_max, draining }) = media {
        described["media"] = json!({ "server": server, "sessionsMax": sessions_max, "draining": draining });
    }
    described
}
