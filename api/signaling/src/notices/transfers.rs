use wac_commands::Transfer;
use wac_events::{Callee, RoomRef, TransferEvent};

use super::{At, Notice, Recipients};
use crate::wire::{self, Event};

pub(super) fn notices(at: &At<'_>, event: &TransferEvent, transfer: &Transfer) -> Vec<Notice> {
    let notice = match event {
        TransferEvent::Created(_) => {
            at.event(at.others(vec![transfer.party.clone()]), Some(&transfer.room), start(transfer))
        }
        TransferEvent::Accepted(_) => None,
        TransferEvent::Declined(declined) => {
            at.event(both(transfer).but(at.session), None, failed(transfer, declined.code))
        }
        // Even the device that agreed has only been told that it did.
        TransferEvent::Completed(_) => at.event(both(transfer), Some(target_room(transfer)), completed(transfer)),
        TransferEvent::Failed(over) => at.event(both(transfer), None, failed(transfer, over.code)),
    };
    notice.into_iter().collect()
}

fn both(transfer: &Transfer) -> Recipients {
    Recipients::all(vec![transfer.by.clone(), transfer.party.clone()])
}

/// The room in which party and target are in the end.
fn target_room(transfer: &Transfer) -> &RoomRef {
    transfer.target_room.as_ref().unwrap_or(&transfer.room)
}

fn start(transfer: &Transfer) -> Event {
    let to = match &transfer.to {
        Some(Callee::User(user) | Callee::Agent(user)) => user.uri(),
        Some(Callee::Group(group)) => group.uri(),
        None => transfer.by.uri(),
    };
    Event::CallTransferStart(wire::CallTransferStart {
        call_transfer_id: transfer.id.clone(),
        media_types: transfer.mediatypes,
        room_id: transfer.room.id.to_string(),
        to,
    })
}

fn completed(transfer: &Transfer) -> Event {
    Event::CallTransferCompleted(wire::CallTransferCompleted {
        call_transfer_id: transfer.id.clone(),
        room_id: target_room(transfer).id.to_string(),
    })
}

fn failed(transfer: &Transfer, error_code: u16) -> Event {
    Event::CallTransferFailed(wire::CallTransferFailed { call_transfer_id: transfer.id.clone(), error_code })
}
