//! What a client's events keep in memory. A forked child starts with a fresh one: what waited at
//! the time of the fork belongs to the parent.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use crate::lock::Mutex;

use super::batch::{OpenBatch, Origin};
use super::batch_id::BatchId;
use super::counters::Counters;
use super::dedupe::SeenSet;
use super::event::EventWriter;
use super::gzip::Gzip;
use super::intake::{Intake, Waiting};
use super::queue::DeliveryQueue;
use super::spool::{Limits, Spool, Unsynced};
use crate::context::Context;
use crate::options::LogLevel;
use crate::worker::{Signal, Worker, WorkerControl};

/// How long an exposure is remembered.
const WINDOW_MS: i64 = 60_000;

/// Everything that the host's threads, the events thread and the senders share.
pub(super) struct State {
    pub(super) is_enabled: bool,
    pub(super) has_spool: bool,
    /// Batches the delivery queue holds.
    pub(super) capacity: usize,
    pub(super) intake: Intake,
    /// Exposures recorded in this window.
    pub(super) seen: SeenSet,
    /// Pairs of entity and rule that sampling has let through once in this window.
    pub(super) sighted: SeenSet,
    window_end_ms: AtomicI64,
    pub(super) counters: Counters,
    pub(super) work: Mutex<Work>,
    pub(super) queue: Mutex<DeliveryQueue>,
    /// Raised whenever an attempt or a sync has ended.
    pub(super) changed: Signal,
    /// What senders and syncers have to tell the spool.
    pub(super) mail: Mutex<Vec<Mail>>,
    /// What is to be synced next.
    pub(super) unsynced: Mutex<Vec<Unsynced>>,
    pub(super) is_syncing: AtomicBool,
    pub(super) mirror: Mirror,
    /// Events in the open batch.
    pub(super) open_events: AtomicUsize,
    pub(super) is_shut: AtomicBool,
    /// Requests end by then (monotonic).
    pub(super) deadline_ms: AtomicI64,
    pub(super) is_reporting: AtomicBool,
    pub(super) is_started: AtomicBool,
    /// When starting may be tried again, after it failed.
    pub(super) next_start_ms: AtomicI64,
    pub(super) control: Arc<WorkerControl>,
    pub(super) worker: Mutex<Option<Worker>>,
    is_woken: AtomicBool,
}

/// What only whoever holds its lock works with: mostly the events thread.
pub(super) struct Work {
    pub(super) open: Option<OpenBatch>,
    pub(super) gzip: Option<Gzip>,
    pub(super) writer: EventWriter,
    pub(super) spare: Vec<u8>,
    pub(super) spare_records: Waiting,
    pub(super) spool: SpoolSlot,
    /// When the open batch is sealed, whatever its size.
    pub(super) next_seal_ms: i64,
    pub(super) next_drop_report_ms: i64,
    /// When what was accepted must be on disk.
    pub(super) sync_due_ms: Option<i64>,
    /// The next round has something to do at once.
    pub(super) has_more: bool,
    /// Lines for the log, written once the lock is free.
    pub(super) notes: Vec<(LogLevel, String)>,
}

/// The spool, which may be unopened, open or failing.
pub(super) struct SpoolSlot {
    pub(super) dir: Option<PathBuf>,
    pub(super) limits: Limits,
    pub(super) spool: Option<Spool>,
    pub(super) is_failing: bool,
    /// Nothing is tried before.
    pub(super) retry_at_ms: i64,
    pub(super) next_adoption_ms: i64,
}

/// A message to the spool.
#[derive(Debug)]
pub(super) enum Mail {
    /// Delivered or given up.
    Finish(BatchId),
    /// No longer in memory.
    Release(BatchId),
    /// What was appended may not be durable.
    SyncFailed(std::io::Error),
}

/// Numbers that `stats` shows of what `Work` guards, as of its last change.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    /// Events of the open batch that are not on disk.
    pub(super) open_in_memory_only: AtomicU64,
    /// Our own events on disk, not delivered yet. Negative while a round has not told yet of a
    /// batch that is on disk and delivered already.
    spooled: AtomicI64,
    /// Events of other processes on disk, not delivered yet.
    recovered_waiting: AtomicI64,
    pub(super) spool_bytes: AtomicU64,
    pub(super) spool_segments: AtomicU64,
    pub(super) is_spool_failing: AtomicBool,
    /// Diagnostics, which do not come through the intake.
    pub(super) diagnostics_accepted: AtomicU64,
}

impl Mirror {
    pub(super) fn spooled(&self) -> u64 {
        u64::try_from(self.spooled.load(Ordering::Relaxed)).unwrap_or(0)
    }

    pub(super) fn recovered_waiting(&self) -> u64 {
        u64::try_from(self.recovered_waiting.load(Ordering::Relaxed)).unwrap_or(0)
    }

    fn on_disk(&self, origin: Origin) -> &AtomicI64 {
        match origin {
            Origin::Own => &self.spooled,
            Origin::Recovered => &self.recovered_waiting,
        }
    }

    /// Events on disk were delivered or given up; the spool will hear of it by mail. Called under
    /// the queue's lock.
    pub(super) fn leave_disk(&self, origin: Origin, events: u32) {
        let on_disk = self.on_disk(origin);
        on_disk.fetch_sub(i64::from(events), Ordering::Relaxed);
    }

    /// Shows what is on disk, without what `mail` says is over. Called under the queue's lock.
    pub(super) fn show_disk(&self, spool: &Spool, mail: &[Mail]) {
        for origin in [Origin::Own, Origin::Recovered] {
            let over = mail.iter().map(|mail| match mail {
                Mail::Finish(id) => spool.events_of(*id, origin),
                Mail::Release(_) | Mail::SyncFailed(_) => 0,
            });
            let events = spool.events(origin) - over.sum::<u64>();
            let events = i64::try_from(events).unwrap_or(i64::MAX);
            self.on_disk(origin).store(events, Ordering::Relaxed);
        }
    }
}

impl State {
    pub(super) fn new(ctx: &Context, is_enabled: bool) -> Self {
        let settings = &ctx.settings;
        let now_ms = ctx.clock.monotonic_ms();
        let capacity = (settings.retry_queue_size as usize).max(1);
        let dir = settings
            .event_spool_dir
            .as_ref()
            .filter(|dir| is_enabled && !dir.is_empty());
        State {
            is_enabled,
            has_spool: dir.is_some(),
            capacity,
            intake: Intake::new(),
            seen: SeenSet::new(),
            sighted: SeenSet::new(),
            window_end_ms: AtomicI64::new(now_ms + WINDOW_MS),
            counters: Counters::default(),
            work: Mutex::new(Work {
                open: None,
                gzip: None,
                writer: EventWriter::new(),
                spare: Vec::new(),
                spare_records: Waiting::new(),
                spool: SpoolSlot {
                    dir: dir.map(PathBuf::from),
                    limits: Limits {
                        max_bytes: settings.event_spool_max_bytes,
                        max_age_ms: i64::try_from(settings.event_spool_max_age_ms)
                            .unwrap_or(i64::MAX),
                    },
                    spool: None,
                    is_failing: false,
                    retry_at_ms: i64::MIN,
                    next_adoption_ms: i64::MIN,
                },
                next_seal_ms: now_ms + super::work::seal_interval_ms(settings),
                next_drop_report_ms: now_ms + super::work::DROP_REPORT_INTERVAL_MS,
                sync_due_ms: None,
                has_more: false,
                notes: Vec::new(),
            }),
            queue: Mutex::new(DeliveryQueue::new(capacity)),
            changed: Signal::default(),
            mail: Mutex::default(),
            unsynced: Mutex::default(),
            is_syncing: AtomicBool::new(false),
            mirror: Mirror::default(),
            open_events: AtomicUsize::new(0),
            is_shut: AtomicBool::new(false),
            deadline_ms: AtomicI64::new(i64::MAX),
            is_reporting: AtomicBool::new(false),
            is_started: AtomicBool::new(false),
            next_start_ms: AtomicI64::new(i64::MIN),
            control: Arc::default(),
            worker: Mutex::default(),
            is_woken: AtomicBool::new(false),
        }
    }

    /// Forgets the exposures of the window if that is over. Any thread may be the one to notice.
    pub(super) fn end_window_if_due(&self, now_ms: i64) {
        let end_ms = self.window_end_ms.load(Ordering::Relaxed);
        if now_ms < end_ms {
            return;
        }
        // Windows keep their phase, even if nobody came by for several of them.
        let next_ms = now_ms + WINDOW_MS - (now_ms - end_ms) % WINDOW_MS;
        let is_first = self
            .window_end_ms
            .compare_exchange(end_ms, next_ms, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if is_first {
            self.seen.clear();
            self.sighted.clear();
        }
    }

    /// When the window is over.
    pub(super) fn window_end_ms(&self) -> i64 {
        self.window_end_ms.load(Ordering::Relaxed)
    }

    /// Wakes the events thread, once until it has looked.
    pub(super) fn wake(&self) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.control.signal.notify();
        }
    }

    /// Called by the events thread before it looks for work.
    pub(super) fn looks(&self) {
        // Reads what `wake` wrote, so that the events pushed before it are seen.
        self.is_woken.swap(false, Ordering::AcqRel);
    }

    /// Tells the spool something, later.
    pub(super) fn post(&self, mail: Mail) {
        if self.has_spool {
            self.mail.lock().push(mail);
        }
    }
}
