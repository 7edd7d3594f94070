use wac_events::{DomainId, Patch, Personal, PresenceEvent, SessionEvent, SessionId, UserId};

use super::{At, Notice, Recipients, Subscribers};
use crate::wire::{self, Event, NoticeBody, PresencePush, Push, PushBody, WapiMethod};

pub(super) fn session(at: &At<'_>, id: &str, event: &SessionEvent) -> Vec<Notice> {
    let SessionEvent::Closed(closed) = event else { return Vec::new() };
    let session_id = SessionId::from(id);
    let to = Recipients { users: vec![closed.user.clone()], only: Some(session_id.clone()), ..Recipients::default() };
    let event = Event::SessionClosed(wire::SessionClosed { session_id, reason: closed.reason.as_str().to_owned() });
    at.event(to, None, event).into_iter().collect()
}

pub(super) fn presence(at: &At<'_>, user: &str, domain: Option<&DomainId>, event: &PresenceEvent) -> Vec<Notice> {
    let user_id = UserId::from(user);
    let nothing = PresencePush { user_id: user_id.clone(), online: None, activity: None, note: None, mood: None };
    let body = match event {
        PresenceEvent::Online(_) => PresencePush { online: Some(true), ..nothing },
        PresenceEvent::Offline(_) => PresencePush { online: Some(false), ..nothing },
        PresenceEvent::Changed(changed) => PresencePush {
            activity: changed.activity.set().copied(),
            note: changed.note.set().map(shown),
            mood: match &changed.mood {
                Patch::Keep => None,
                Patch::Set(mood) => Some(mood.clone()),
            },
            ..nothing
        },
        PresenceEvent::LoggedIn(_)
        | PresenceEvent::FirstLogin(_)
        | PresenceEvent::LoggedOut(_)
        | PresenceEvent::LastLogout(_)
        | PresenceEvent::DeviceRegistered(_)
        | PresenceEvent::DeviceRemoved(_)
        | PresenceEvent::CallEntered(_) => return Vec::new(),
    };
    let Some(domain) = domain else { return Vec::new() };
    let subscribers = Some(Subscribers { domain: domain.clone(), of: user_id });
    let push = Push { method: WapiMethod::Put, url: format!("/presence/{user}"), body: PushBody::Presence(body) };
    let to = Recipients { subscribers, ..Recipients::default() };
    vec![Notice { position: at.position, to, body: NoticeBody::Push(push), room: None }]
}

fn shown(note: &Option<Personal>) -> Option<String> {
    note.as_ref().and_then(Personal::clear).map(str::to_owned)
}
