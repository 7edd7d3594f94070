//! Changing a rule of the call records and building them anew corrects the past.

use std::sync::Arc;

use uuid::Uuid;
use wac_events::invite::{InviteCreated, InviteDeclined, InviteExpired};
use wac_events::*;
use wac_projections::*;
use wac_runner::{ProjectionState, SqlRows, VerifyOptions, verify};

use crate::support::{Gate, PATIENCE, Store, on_both, until};

/// The invitations with another rule, one version on: nobody who let it ring in vain was called "timeout", he was
/// not to be reached. Waits while its gate is shut.
struct NewRule {
    gate: Gate,
}

impl Projection for NewRule {
    fn name(&self) -> &'static str {
        InvitesProjection.name()
    }

    fn version(&self) -> u32 {
        InvitesProjection.version() + 1
    }

    fn tables(&self) -> &'static [&'static Table] {
        InvitesProjection.tables()
    }

    fn wants(&self) -> &'static [&'static str] {
        InvitesProjection.wants()
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<RowChange>, CodecError> {
        self.gate.pass();
        let mut changes = InvitesProjection.apply(event)?;
        if &*event.event_type == "invite.expired" {
            for change in &mut changes {
                if let RowChange::Patch { set, .. } = change {
                    for (column, value) in set {
                        match *column {
                            "state" => *value = "ended".into(),
                            "code" => *value = Value::Int(480),
                            _ => {}
                        }
                    }
                }
            }
        }
        Ok(changes)
    }
}

fn created(id: &InviteId, at: Time) -> InviteEvent {
    InviteCreated {
        id: id.clone(),
        domain: "d1".into(),
        kind: InviteKind::Invite,
        room: Some(RoomRef { domain: "d1".into(), id: "r1".into() }),
        opening: Some("o1".into()),
        from: "alice".into(),
        from_session: "s1".into(),
        to: Callee::User("bob".into()),
        candidates: vec!["bob".into()],
        absent: Vec::new(),
        mediatypes: MediaTypes::default(),
        context: None,
        ring_until: at,
        transfer: None,
        at,
    }
    .into()
}

/// Appends an invitation that comes to `outcome`; its id.
async fn call(store: &Store, outcome: impl Into<InviteEvent>) -> InviteId {
    let id = InviteId::from(Uuid::now_v7());
    let at = Time::from_millis(1_767_225_600_000);
    let command_id = CommandId(Uuid::now_v7());
    let meta = Meta {
        actor: Actor::System("test".to_owned()),
        command_id,
        correlation_id: "o1".to_owned(),
        causation_id: None,
        traceparent: None,
        session: None,
        key_id: None,
        request: None,
    };
    let new = |event: InviteEvent| NewEvent {
        event_id: EventId(Uuid::now_v7()),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        domain: Some("d1".into()),
        data: event.encode().unwrap(),
        meta: serde_json::to_string(&meta).unwrap(),
        occurred_at: at,
    };
    let events = vec![new(created(&id, at)), new(outcome.into())];
    let append = StreamAppend { stream: id.stream(), expected: ExpectedVersion::Exact(0), events };
    store.stores.log.append(AppendBatch { command_id, appends: vec![append] }).await.unwrap();
    id
}

async fn outcome(rows: &SqlRows, id: &InviteId) -> Option<(InviteState, Option<u64>)> {
    let found = rows.select(Select::key(&INVITES, id.as_str())).await.unwrap();
    found.first().and_then(InviteRow::from_row).map(|row| (row.state, row.code))
}

on_both!(a_changed_rule_corrects_old_calls_while_live_rows_are_served, async |store: Store| {
    let at = Time::from_millis(1_767_225_630_000);
    let old = call(&store, InviteExpired { at }).await;
    let declined = call(&store, InviteDeclined { by: "bob".into(), code: 603, over: true, at }).await;
    let (before, stop_before) = store.start_with(vec![Arc::new(InvitesProjection)]).await;
    before.wait_for(&["invites"], store.head().await, PATIENCE).await.unwrap();
    until("the rows are live", || async { before.list().await.unwrap()[0].state == ProjectionState::Live }).await;
    assert_eq!(outcome(&before.rows(), &old).await, Some((InviteState::DeclinedByTimeout, Some(408))));

    let (gate, shut) = Gate::shut();
    let (after, stop_after) = store.start_with(vec![Arc::new(NewRule { gate: gate.clone() })]).await;
    let live = call(&store, InviteExpired { at }).await;
    after.wait_for(&["invites"], store.head().await, PATIENCE).await.unwrap();
    let by_the_old_rule = Some((InviteState::DeclinedByTimeout, Some(408)));
    assert_eq!(outcome(&after.rows(), &old).await, by_the_old_rule, "the rows there were are served meanwhile");
    assert_eq!(outcome(&after.rows(), &live).await, by_the_old_rule, "and what happens meanwhile is in them");

    drop(shut);
    let by_the_new_rule = Some((InviteState::Ended, Some(480)));
    until("the past is corrected", || async { outcome(&after.rows(), &old).await == by_the_new_rule }).await;
    after.wait_for(&["invites"], store.head().await, PATIENCE).await.unwrap();
    assert_eq!(outcome(&after.rows(), &live).await, by_the_new_rule);
    assert_eq!(outcome(&after.rows(), &declined).await, Some((InviteState::Declined, Some(603))));
    stop_before.cancel();
    before.stopped().await;
    let rules: Vec<Arc<dyn Projection>> = vec![Arc::new(NewRule { gate })];
    let report = verify(store.log(), store.db(), rules, VerifyOptions::default(), &mut |_| {}).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.shown);
    stop_after.cancel();
});
