//! Where accepted events wait for the events thread: lanes that threads do not share.
//!
//! Adding an event takes one lock, nearly always free, for a push. Nobody here waits for the
//! network or the disk: when too many events wait, the oldest of the lane gives way.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use smallvec::SmallVec;

use crate::lock::Mutex;

use super::event::Record;
use crate::store::Snapshot;

const LANES: usize = 16;
/// Bytes that waiting events may hold in all, and the weight below which an event is not weighed:
/// the number of those is bounded already.
const BYTES_MAX: usize = 64 << 20;
const LIGHT_BYTES: usize = 1 << 10;
/// Room that an emptied buffer keeps.
const SPARE_RECORDS_MAX: usize = 1_024;

/// The lanes of one client.
pub(super) struct Intake {
    lanes: Vec<Lane>,
    /// Events in all lanes.
    waiting: AtomicUsize,
    /// Events that a round has taken and not yet shown elsewhere: they are in memory only, for all
    /// that others know.
    taken: AtomicUsize,
    /// Bytes of those that are weighed.
    bytes: AtomicUsize,
    is_closed: AtomicBool,
}

/// Padded, so that threads in different lanes do not share a cache line.
#[derive(Default)]
#[repr(align(128))]
struct Lane {
    content: Mutex<Content>,
}

/// Records refer to the snapshot they were made with by its position in the lane, which spares
/// all threads from counting references to the one current snapshot.
#[derive(Default)]
struct Content {
    records: Waiting,
    snapshots: Vec<Arc<Snapshot>>,
    accepted: u64,
}

/// Events of a lane, oldest first.
pub(super) type Waiting = VecDeque<(u32, Record)>;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits, as one of this many.
    Waiting(usize),
    /// It waits; so many older ones were dropped for it.
    Displaced(u64),
    /// The intake is closed.
    Refused,
}

impl Intake {
    pub(super) fn new() -> Self {
        Intake {
            lanes: std::iter::repeat_with(Lane::default).take(LANES).collect(),
            waiting: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Adds an event made with `snapshot`. No more than about `limit` events wait in all.
    pub(super) fn push(&self, record: Record, snapshot: &Arc<Snapshot>, limit: usize) -> Pushed {
        let Some(lane) = self.lanes.get(lane_of_thread()) else {
            return Pushed::Refused;
        };
        let mut content = lane.content.lock();
        if self.is_closed.load(Ordering::Relaxed) {
            return Pushed::Refused;
        }
        content.accepted += 1;
        let is_current = content
            .snapshots
            .last()
            .is_some_and(|last| Arc::ptr_eq(last, snapshot));
        if !is_current {
            content.snapshots.push(Arc::clone(snapshot));
        }
        let position = u32::try_from(content.snapshots.len() - 1).unwrap_or(u32::MAX);
        let weight = weight(&record);
        let is_full = |waiting: usize| {
            let is_heavy = weight > 0 && self.bytes.load(Ordering::Relaxed) + weight > BYTES_MAX;
            waiting >= limit || is_heavy
        };
        let mut displaced: SmallVec<[Record; 1]> = SmallVec::new();
        while is_full(self.waiting.load(Ordering::Relaxed)) {
            let Some((_, oldest)) = content.records.pop_front() else {
                break;
            };
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.bytes
                .fetch_sub(self::weight(&oldest), Ordering::Relaxed);
            displaced.push(oldest);
        }
        content.records.push_back((position, record));
        if weight > 0 {
            self.bytes.fetch_add(weight, Ordering::Relaxed);
        }
        // Under the lane's lock, so that a drain never takes more than was counted.
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        drop(content);
        match displaced.len() {
            0 => Pushed::Waiting(waiting),
            count => Pushed::Displaced(count as u64),
        }
    }

    /// Takes everything that waits, lane by lane. No lock is held while `take` runs. `records` is an
    /// empty buffer, which changes places with those of the lanes, so that they need not grow anew.
    pub(super) fn drain(
        &self,
        records: &mut Waiting,
        mut take: impl FnMut(Record, &Arc<Snapshot>),
    ) {
        for lane in &self.lanes {
            let snapshots = {
                let mut content = lane.content.lock();
                if content.records.is_empty() {
                    continue;
                }
                let count = content.records.len();
                self.taken.fetch_add(count, Ordering::Relaxed);
                self.waiting.fetch_sub(count, Ordering::Release);
                std::mem::swap(&mut content.records, records);
                std::mem::take(&mut content.snapshots)
            };
            for (position, record) in records.drain(..) {
                let weight = weight(&record);
                if weight > 0 {
                    self.bytes.fetch_sub(weight, Ordering::Relaxed);
                }
                if let Some(snapshot) = snapshots.get(position as usize) {
                    take(record, snapshot);
                }
            }
            records.shrink_to(SPARE_RECORDS_MAX);
        }
    }

    /// Keeps everyone from adding events, for tests of what adds none.
    #[cfg(test)]
    pub(super) fn lock_all(&self) -> Vec<impl Drop + '_> {
        self.lanes.iter().map(|lane| lane.content.lock()).collect()
    }

    /// How many events wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many events wait or were taken by a round that has not ended.
    pub(super) fn not_shown(&self) -> usize {
        let waiting = self.waiting.load(Ordering::Acquire);
        waiting + self.taken.load(Ordering::Acquire)
    }

    /// Says that what was taken shows elsewhere.
    pub(super) fn shown(&self) {
        self.taken.store(0, Ordering::Release);
    }

    /// How many events were ever accepted.
    pub(super) fn accepted(&self) -> u64 {
        self.lanes
            .iter()
            .map(|lane| lane.content.lock().accepted)
            .sum()
    }

    /// Refuses events from now on: when this returns, no push is under way that could still succeed.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        for lane in &self.lanes {
            drop(lane.content.lock());
        }
    }
}

/// The bytes an event holds, 0 if they are few. A user that many events share is counted with each.
fn weight(record: &Record) -> usize {
    let bytes = match record {
        Record::Exposure(exposure) => exposure.user.text_len(),
        Record::Custom(event) => event.text_len() + event.user.text_len(),
    };
    if bytes < LIGHT_BYTES { 0 } else { bytes }
}

/// The lane of the calling thread: threads take turns in choosing one, and keep it.
fn lane_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static LANE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    // A thread that is being torn down uses the first lane.
    LANE.try_with(|lane| {
        if lane.get() == usize::MAX {
            lane.set(NEXT.fetch_add(1, Ordering::Relaxed) % LANES);
        }
        lane.get()
    })
    .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::event::{CustomEvent, EventValue};
    use super::*;
    use crate::user::User;

    fn record(user: &Arc<User>, name: &str) -> Record {
        Record::Custom(CustomEvent {
            user: Arc::clone(user),
            name: name.into(),
            value: EventValue::None,
            metadata: None,
            statsig_metadata: None,
            time_ms: 0,
        })
    }

    fn user() -> Arc<User> {
        Arc::new(User::from_json(r#"{"userID":"u"}"#).expect("a user"))
    }

    fn names(intake: &Intake) -> Vec<String> {
        let mut names = Vec::new();
        intake.drain(&mut Waiting::new(), |record, _| {
            if let Record::Custom(event) = record {
                names.push(event.name.to_string());
            }
        });
        names
    }

    #[test]
    fn threads_take_turns_in_lanes_that_share_no_cache_line() {
        assert_eq!(size_of::<Lane>() % 128, 0);
        assert_eq!(align_of::<Lane>() % 128, 0);
        let lanes: std::collections::HashSet<_> = std::thread::scope(|scope| {
            (0..2 * LANES)
                .map(|_| scope.spawn(lane_of_thread).join().expect("a lane"))
                .collect()
        });
        // Threads of other tests take turns too, so not every lane need be among these.
        assert!(lanes.len() > LANES / 2, "{lanes:?}");
        assert_eq!(lane_of_thread(), lane_of_thread());
    }

    #[test]
    fn events_of_a_thread_keep_their_order_and_their_snapshots() {
        let (intake, user) = (Intake::new(), user());
        let snapshots: Vec<_> = (0..3).map(|_| Arc::new(Snapshot::default())).collect();
        for (number, snapshot) in snapshots.iter().cycle().take(7).enumerate() {
            let pushed = intake.push(record(&user, &number.to_string()), snapshot, 100);
            assert_eq!(pushed, Pushed::Waiting(number + 1));
        }
        let mut seen = Vec::new();
        intake.drain(&mut Waiting::new(), |record, snapshot| {
            let Record::Custom(event) = record else {
                panic!("no custom event")
            };
            let position = snapshots
                .iter()
                .position(|other| Arc::ptr_eq(other, snapshot));
            seen.push((event.name.to_string(), position.expect("one of ours")));
        });
        let expected: Vec<_> = (0..7).map(|n| (n.to_string(), n % 3)).collect();
        assert_eq!(seen, expected);
        assert_eq!((intake.waiting(), intake.accepted()), (0, 7));
        assert!(names(&intake).is_empty());
    }

    #[test]
    fn the_oldest_give_way() {
        let (intake, user) = (Intake::new(), user());
        let snapshot = Arc::new(Snapshot::default());
        for number in 0..10 {
            let pushed = intake.push(record(&user, &number.to_string()), &snapshot, 3);
            assert_eq!(pushed == Pushed::Displaced(1), number >= 3);
        }
        assert_eq!(intake.waiting(), 3);
        assert_eq!(names(&intake), ["7", "8", "9"]);
        assert_eq!(intake.accepted(), 10);
    }

    #[test]
    fn heavy_events_make_room_by_their_bytes() {
        let (intake, user) = (Intake::new(), user());
        let snapshot = Arc::new(Snapshot::default());
        let heavy = |letter: &str| record(&user, &letter.repeat(BYTES_MAX / 4));
        for _ in 0..3 {
            let pushed = intake.push(heavy("h"), &snapshot, 100);
            assert!(matches!(pushed, Pushed::Waiting(_)));
        }
        assert!(intake.bytes.load(Ordering::Relaxed) <= BYTES_MAX);
        let light = intake.push(record(&user, "light"), &snapshot, 100);
        assert_eq!(light, Pushed::Waiting(4), "what is light always fits");
        let whole = record(&user, &"w".repeat(BYTES_MAX - LIGHT_BYTES));
        assert_eq!(intake.push(whole, &snapshot, 100), Pushed::Displaced(3));
        assert_eq!(intake.waiting(), 2, "the light one stays");
        assert_eq!(names(&intake).len(), 2);
        assert_eq!(intake.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_closed_intake_accepts_nothing() {
        let (intake, user) = (Intake::new(), user());
        let snapshot = Arc::new(Snapshot::default());
        intake.close();
        assert_eq!(
            intake.push(record(&user, "x"), &snapshot, 9),
            Pushed::Refused
        );
        assert_eq!((intake.waiting(), intake.accepted()), (0, 0));
    }

    #[test]
    fn threads_lose_nothing() {
        let (intake, user) = (Intake::new(), user());
        let snapshot = Arc::new(Snapshot::default());
        let taken = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        intake.push(record(&user, "x"), &snapshot, usize::MAX);
                    }
                });
            }
            scope.spawn(|| {
                while taken.load(Ordering::Relaxed) < 8_000 {
                    intake.drain(&mut Waiting::new(), |_, _| {
                        taken.fetch_add(1, Ordering::Relaxed);
                    });
                    std::thread::yield_now();
                }
            });
        });
        assert_eq!((intake.waiting(), intake.accepted()), (0, 8_000));
    }
}
