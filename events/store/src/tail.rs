//! The end of the log, in memory: whoever follows the log looks once for all who follow it.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::sync::Mutex;
use wac_events::{EventFilter, Page, Position, ReadRequest, Recorded, StoreError};

use crate::filter::{aggregate_prefix, is_open};
use crate::log::Reader;

/// Most events kept, about 1 kB each.
pub const TAIL_EVENTS_MAX: usize = 4_096;
/// Most bytes of payloads kept.
pub const TAIL_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The last events, all of them from a position on.
#[derive(Default)]
pub(crate) struct Tail(Mutex<State>);

#[derive(Default)]
struct State {
    /// Everything after `from` and up to `to`, in order.
    events: VecDeque<Recorded>,
    bytes: usize,
    from: Position,
    to: Position,
    /// Somebody has reached the end.
    begun: bool,
    /// When the last look at the store began.
    looked: Option<Instant>,
}

impl Tail {
    /// Somebody has read everything up to `position`, and waits for more: it begins here, unless it has begun.
    pub(crate) fn begin(&self, position: Position) {
        if let Ok(mut state) = self.0.try_lock()
            && !state.begun
        {
            (state.from, state.to, state.begun) = (position, position, true);
        }
    }

    /// A page as the store would give it now; `None` if it begins before what is kept, or is of one stream.
    pub(crate) async fn read(&self, reader: &impl Reader, request: &ReadRequest) -> Result<Option<Page>, StoreError> {
        if request.filter.stream.is_some() {
            return Ok(None);
        }
        let asked = Instant::now();
        let mut state = self.0.lock().await;
        if !state.holds(request.after) {
            return Ok(None);
        }
        // A look that began after this question answers it.
        if state.looked.is_none_or(|looked| looked <= asked) {
            state.look(reader).await?;
        }
        Ok(state.holds(request.after).then(|| state.page(request)))
    }
}

impl State {
    fn holds(&self, after: Position) -> bool {
        self.begun && (self.from..=self.to).contains(&after)
    }

    async fn look(&mut self, reader: &impl Reader) -> Result<(), StoreError> {
        let began = Instant::now();
        let (after, filter) = (self.to, EventFilter::default());
        let page = reader.read(ReadRequest { after, before: None, filter, limit: TAIL_EVENTS_MAX }).await?;
        self.bytes += page.events.iter().map(bytes).sum::<usize>();
        self.events.extend(page.events);
        self.to = self.to.max(page.scanned_to);
        self.looked = Some(began);
        while self.events.len() > TAIL_EVENTS_MAX || self.bytes > TAIL_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= bytes(&oldest);
            self.from = oldest.position;
        }
        Ok(())
    }

    fn page(&self, request: &ReadRequest) -> Page {
        let (after, limit) = (request.after, request.limit);
        let bound = request.before.map_or(self.to, |before| self.to.min(Position(before.0.saturating_sub(1))));
        let first = self.events.partition_point(|event| event.position <= after);
        let within = self.events.range(first..).take_while(|event| event.position <= bound);
        let events: Vec<Recorded> = if is_open(&request.filter) {
            within.take(limit).cloned().collect()
        } else {
            within.filter(|event| matches(&request.filter, event)).take(limit).cloned().collect()
        };
        let scanned_to = match events.last() {
            Some(last) if events.len() == limit => last.position,
            _ => after.max(bound),
        };
        Page { events, scanned_to }
    }
}

fn bytes(event: &Recorded) -> usize {
    event.data.len() + event.meta.len()
}

/// Whether a filter lets an event through.
pub(crate) fn matches(filter: &EventFilter, event: &Recorded) -> bool {
    let of_type = |wanted: &String| match aggregate_prefix(wanted) {
        Some(prefix) => event.event_type.starts_with(prefix),
        None => **wanted == *event.event_type,
    };
    filter.stream.as_ref().is_none_or(|stream| *stream == event.stream)
        && filter.domain.as_ref().is_none_or(|domain| Some(domain) == event.domain.as_ref())
        && (filter.types.is_empty() || filter.types.iter().any(of_type))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex as StdMutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use wac_events::{Appended, CommandId, EventId, Head, StreamId, Time};

    use super::*;

    /// A store that counts how often it is read.
    #[derive(Clone, Default)]
    struct Counted {
        events: Arc<StdMutex<Vec<Recorded>>>,
        reads: Arc<AtomicUsize>,
    }

    impl Counted {
        fn grow(&self, to: u64) {
            let mut events = self.events.lock().unwrap();
            for position in events.len() as u64 + 1..=to {
                events.push(Recorded {
                    position: Position(position),
                    stream: StreamId::from("room-d-1"),
                    version: position,
                    event_id: EventId(uuid::Uuid::from_u128(position.into())),
                    event_type: if position.is_multiple_of(3) { "room.closed" } else { "user.changed" }.into(),
                    schema_version: 1,
                    domain: Some(if position.is_multiple_of(2) { "even" } else { "odd" }.into()),
                    data: "{}".to_owned(),
                    meta: "{}".to_owned(),
                    occurred_at: Time::EPOCH,
                    recorded_at: Time::EPOCH,
                });
            }
        }

        fn page(&self, request: &ReadRequest) -> Page {
            let events = self.events.lock().unwrap();
            let to = Position(events.len() as u64);
            let state = State { events: events.iter().cloned().collect(), to, begun: true, ..State::default() };
            state.page(request)
        }
    }

    impl Reader for Counted {
        async fn outcome(&self, _: CommandId) -> Result<Option<Appended>, StoreError> {
            Ok(None)
        }

        async fn read(&self, request: ReadRequest) -> Result<Page, StoreError> {
            self.reads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(self.page(&request))
        }

        async fn read_stream(&self, _: &StreamId, _: u64, _: usize) -> Result<Vec<Recorded>, StoreError> {
            Ok(Vec::new())
        }

        async fn head(&self) -> Result<Head, StoreError> {
            let position = Position(self.events.lock().unwrap().len() as u64);
            Ok(Head { position, recorded_at: Time::EPOCH })
        }

        async fn position_at(&self, _: Time) -> Result<Position, StoreError> {
            Ok(Position::START)
        }
    }

    fn request(after: u64, types: &[&str], domain: Option<&str>, limit: usize) -> ReadRequest {
        let types = types.iter().map(|name| (*name).to_owned()).collect();
        let filter = EventFilter { stream: None, types, domain: domain.map(Into::into) };
        ReadRequest { after: Position(after), before: None, filter, limit }
    }

    #[tokio::test]
    async fn many_who_follow_look_hardly_more_often_than_one() {
        let (store, tail) = (Counted::default(), Tail::default());
        store.grow(10);
        tail.begin(Position(10));
        store.grow(12);
        let open = request(10, &[], None, 100);
        let pages = futures::future::join_all((0..20).map(|_| tail.read(&store, &open))).await;
        for page in pages {
            let page = page.unwrap().unwrap();
            assert_eq!((page.events.len(), page.scanned_to), (2, Position(12)));
        }
        assert!(store.reads.load(Ordering::SeqCst) <= 2, "{:?}", store.reads);
    }

    #[tokio::test]
    async fn nobody_misses_what_was_there_when_he_asked() {
        let (store, tail) = (Counted::default(), Tail::default());
        tail.begin(Position::START);
        for to in 1..=50 {
            store.grow(to);
            let page = tail.read(&store, &request(to - 1, &[], None, 10)).await.unwrap().unwrap();
            assert_eq!(page.events.iter().map(|event| event.position.0).collect::<Vec<_>>(), [to]);
        }
    }

    #[tokio::test]
    async fn every_page_is_the_one_the_store_would_give() {
        let (store, tail) = (Counted::default(), Tail::default());
        tail.begin(Position::START);
        store.grow(60);
        for after in [0, 7, 59, 60] {
            for types in [&[][..], &["room.*"], &["user.changed"], &["room.closed", "user.*"], &["no.such"]] {
                for domain in [None, Some("even")] {
                    for (limit, before) in [(1, None), (5, Some(30)), (100, Some(1)), (100, None)] {
                        let before = before.map(Position);
                        let wanted = ReadRequest { before, ..request(after, types, domain, limit) };
                        let page = tail.read(&store, &wanted).await.unwrap().unwrap();
                        let direct = store.page(&wanted);
                        assert_eq!((page.events, page.scanned_to), (direct.events, direct.scanned_to), "{wanted:?}");
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn who_is_behind_what_is_kept_is_sent_to_the_store() {
        let (store, tail) = (Counted::default(), Tail::default());
        assert!(tail.read(&store, &request(0, &[], None, 1)).await.unwrap().is_none(), "nobody has reached the end");
        tail.begin(Position::START);
        let most = TAIL_EVENTS_MAX as u64;
        store.grow(most + 10);
        assert!(tail.read(&store, &request(0, &[], None, 1)).await.unwrap().is_some());
        tail.read(&store, &request(most, &[], None, 1)).await.unwrap();
        assert!(tail.read(&store, &request(9, &[], None, 1)).await.unwrap().is_none(), "gone");
        assert!(tail.read(&store, &request(10, &[], None, 1)).await.unwrap().is_some(), "kept");
        assert!(tail.read(&store, &request(most + 99, &[], None, 1)).await.unwrap().is_none(), "beyond the end");
    }
}
