//! Transfers.

use wac_events::transfer::*;
use wac_events::*;
use wac_projections::*;

use crate::story::{Story, at, room};

fn transfer_asked() -> Story {
    Story::default().transfer(TransferCreated {
        id: "t1".into(),
        domain: "d1".into(),
        kind: TransferKind::Blind,
        by: "u1".into(),
        by_session: "s1".into(),
        party: "u2".into(),
        room: room(),
        opening: "o1".into(),
        to: Some(Callee::Agent("u3".into())),
        target_room: Some(room()),
        mediatypes: MediaTypes { audio: true, video: false, screen: true },
        until: at(30),
        at: at(1),
    })
}

fn transfer_of(story: &Story) -> TransferRow {
    story.row(&TRANSFERS, "t1", TransferRow::from_row).unwrap()
}

#[test]
fn a_transfer_is_pending_until_it_is_completed_or_has_failed() {
    let story = transfer_asked();
    let expected = TransferRow {
        id: "t1".into(),
        domain: "d1".into(),
        kind: TransferKind::Blind,
        opening: "o1".into(),
        by: "u1".into(),
        party: "u2".into(),
        to: Some(Callee::Agent("u3".into())),
        target_room: Some(room()),
        mediatypes: MediaTypes { audio: true, video: false, screen: true },
        state: TransferState::Asked,
        code: None,
        invite: None,
        until: at(30),
        created_at: at(1),
    };
    assert_eq!(transfer_of(&story), expected);
    let calling = story.transfer(TransferAccepted { session: "s2".into(), invite: Some("i9".into()), at: at(2) });
    assert_eq!(transfer_of(&calling).state, TransferState::Calling);
    assert_eq!(transfer_of(&calling).invite, Some("i9".into()));
    assert_eq!(calling.found(&TRANSFERS, "pending_opening", "o1"), ["t1"]);
    let ends: [(TransferEvent, TransferState, u64); 3] = [
        (TransferCompleted { at: at(3) }.into(), TransferState::Completed, 200),
        (TransferDeclined { code: 603, at: at(3) }.into(), TransferState::Declined, 603),
        (TransferFailed { code: 408, at: at(3) }.into(), TransferState::Failed, 408),
    ];
    for (event, state, code) in ends {
        let story = calling.clone().transfer(event);
        assert_eq!((transfer_of(&story).state, transfer_of(&story).code), (state, Some(code)));
        assert!(story.found(&TRANSFERS, "pending_opening", "o1").is_empty());
        assert!(story.found(&TRANSFERS, "pending", true).is_empty());
    }
}
