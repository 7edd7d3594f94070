//! What the events of a media session tell.

use wac_commands::MediaSession;
use wac_events::MediaEvent;

use super::{At, Notice, Recipients};
use crate::wire::{ConferenceChange, NoticeBody, Push, PushBody, WapiMethod};

/// Whose media it was is told, once it has ended, that the record of his call has changed.
pub(super) fn notices(at: &At<'_>, event: &MediaEvent, session: &MediaSession) -> Vec<Notice> {
    let (MediaEvent::Ended(_), Some((opening, user))) = (event, &session.of) else { return Vec::new() };
    let body = PushBody::ConferenceChange(ConferenceChange { id: opening.to_string(), rest: None });
    let push = Push { method: WapiMethod::Put, url: format!("/conferences/{opening}"), body };
    let to = Recipients::all(vec![user.clone()]);
    vec![Notice { position: at.position, to, body: NoticeBody::Push(push), room: None }]
}

#[cfg(test)]
mod tests {
    use wac_events::Position;
    use wac_events::media::{MediaEnd, MediaEnded};

    use super::*;

    #[test]
    fn only_whose_media_it_was_is_told_that_his_record_has_changed() {
        let session = MediaSession { of: Some(("o1".into(), "alice".into())), ..MediaSession::default() };
        let at = At { position: Position(7), session: None };
        let ended = MediaEnded { reason: MediaEnd::Left, at: wac_events::Time::EPOCH }.into();
        let told = notices(&at, &ended, &session);
        assert_eq!((told.len(), &told[0].to.users[..]), (1, &["alice".into()][..]));
        assert_eq!(told[0].conference(), Some("o1".into()));
        let text = told[0].text(&"d".into());
        assert!(text.contains(r#""method":"PUT","url":"/conferences/o1""#), "{text}");
    }
}
