//! The spool's part of a round, and the syncing that follows it.
//!
//! Appending is quick, as the system keeps what was written even if the process dies. Syncing, which
//! is for the case that the machine dies, takes as long as the disk takes: it is done without the
//! lock of [`Work`], so that events which are accepted meanwhile are appended in time.

use std::io;
use std::sync::Weak;
use std::sync::atomic::Ordering;

use super::Events;
use super::batch::restore;
use super::counters::Cause;
use super::gzip::Gzip;
use super::spool::{Lost, Spool, Unsynced};
use super::state::{Mail, SpoolSlot, State, Work};
use super::work::{Extent, count_dropped, displace};
use crate::options::LogLevel;
use crate::worker::spawn_quiet;

/// How long a failing spool is left alone.
const RETRY_MS: i64 = 30_000;
/// How often to look for what dead processes left.
const ADOPTION_INTERVAL_MS: i64 = 60_000;

/// During a round.
impl Events {
    /// Opens the spool, and looks for dead processes.
    pub(super) fn open_spool(&self, work: &mut Work, now_ms: i64) {
        let slot = &mut work.spool;
        let Some(dir) = slot.dir.as_ref().filter(|_| now_ms >= slot.retry_at_ms) else {
            return;
        };
        if slot.spool.is_none() {
            match Spool::open(dir, &self.ctx.sdk_key, slot.limits) {
                Ok(spool) => slot.spool = Some(spool),
                Err(error) => return spool_failed(work, &error, now_ms),
            }
            slot.next_adoption_ms = now_ms;
            spool_works(work);
        }
        let slot = &mut work.spool;
        if let Some(spool) = slot.spool.as_mut()
            && now_ms >= slot.next_adoption_ms
        {
            slot.next_adoption_ms = now_ms + ADOPTION_INTERVAL_MS;
            // Other processes' folders are a favor to them; failing is no fault of ours.
            let _ = spool.find_orphans();
        }
    }

    /// Looks at what dead processes left, until `until_ms`. Returns whether all of it was looked at
    /// now.
    pub(super) fn adopt(&self, work: &mut Work, until_ms: i64) -> bool {
        let Some(spool) = &mut work.spool.spool else {
            return false;
        };
        let was_adopting = spool.is_adopting();
        while spool.is_adopting() {
            spool.adopt_some();
            if self.ctx.clock.monotonic_ms() >= until_ms {
                break;
            }
        }
        was_adopting && !spool.is_adopting()
    }

    /// Appends to the spool what the open batch got since the last time.
    pub(super) fn spool_open_batch(&self, work: &mut Work) {
        let now_ms = self.ctx.clock.monotonic_ms();
        let Work {
            open: Some(open),
            gzip: Some(gzip),
            spool: slot,
            ..
        } = work
        else {
            return;
        };
        if now_ms < slot.retry_at_ms {
            return;
        }
        let Some(spool) = &mut slot.spool else { return };
        let (id, encoding) = (open.id, open.encoding);
        let Some(piece) = open.piece(gzip) else {
            return;
        };
        match spool.append(id, encoding, &piece, self.ctx.clock.now_ms()) {
            Ok(()) => {
                open.piece_taken();
                spool_works(work);
            }
            Err(error) => spool_failed(work, &error, now_ms),
        }
    }

    /// Keeps the spool within its limits.
    pub(super) fn keep_spool_small(&self, state: &State, work: &mut Work) {
        let Some(spool) = &mut work.spool.spool else {
            return;
        };
        for lost in spool.enforce_limits(self.ctx.clock.now_ms()) {
            if !lost.in_memory {
                count_lost(state, &lost);
                continue;
            }
            state.queue.lock().forget_disk(lost.id);
            if let Some(open) = work.open.as_mut().filter(|open| open.id == lost.id) {
                open.forget_pieces();
            }
        }
    }

    /// Brings batches back from disk while there is room for them, until `until_ms`. Returns
    /// whether there is more to do.
    pub(super) fn load_stored(&self, state: &State, work: &mut Work, until_ms: i64) -> bool {
        let Work {
            spool: SpoolSlot {
                spool: Some(spool), ..
            },
            ..
        } = work
        else {
            return false;
        };
        // Not the one of the open batch: it is in the middle of a stream.
        let mut gzip = None;
        if spool.is_adopting() {
            return true;
        }
        while state.queue.lock().has_room_for_stored() {
            if self.ctx.clock.monotonic_ms() >= until_ms {
                return true;
            }
            let stored = match spool.load_next() {
                None => return false,
                Some(Err(lost)) => {
                    count_lost(state, &lost);
                    continue;
                }
                Some(Ok(stored)) => stored,
            };
            let gzip = gzip.get_or_insert_with(Gzip::new);
            let (id, origin) = (stored.id, stored.origin);
            let metadata = self.batch_metadata(&id.to_string());
            match restore(
                gzip,
                (id, origin),
                stored.encoding,
                &stored.pieces,
                stored.events,
                &metadata,
            ) {
                Some(batch) => {
                    let mut queue = state.queue.lock();
                    if let Some(displaced) = queue.push(batch) {
                        displace(state, &displaced);
                        return false;
                    }
                }
                None => {
                    if let Some(lost) = spool.give_up(id, Cause::Serialization) {
                        count_lost(state, &lost);
                    }
                }
            }
        }
        false
    }
}

/// After a round.
impl Events {
    /// Syncs what was noted: beside everything else, or until `deadline_ms` if somebody waits for
    /// it.
    pub(super) fn make_durable(&self, state: &State, extent: Extent, deadline_ms: i64) {
        if !state.has_spool {
            return;
        }
        if self.runs_inline() {
            sync_noted(state);
            return;
        }
        self.start_syncing(state);
        if extent == Extent::Due {
            return;
        }
        loop {
            let seen = state.changed.seen();
            let is_over = !state.is_syncing.load(Ordering::Acquire);
            if is_over || self.ctx.clock.monotonic_ms() >= deadline_ms {
                return;
            }
            let deadline_ms = Some(deadline_ms);
            state.changed.wait(&*self.ctx.clock, seen, deadline_ms);
        }
    }

    fn start_syncing(&self, state: &State) {
        if state.unsynced.lock().is_empty() || state.is_syncing.swap(true, Ordering::AcqRel) {
            return;
        }
        let me = self.me.clone();
        if spawn_quiet("tg-disk", move || sync_beside(&me)).is_err() {
            sync_noted(state);
            state.is_syncing.store(false, Ordering::Release);
        }
    }
}

/// Syncs until nothing is left to sync. Keeps nobody alive while it waits for the disk.
fn sync_beside(events: &Weak<Events>) {
    while let Some(alive) = events.upgrade() {
        let state = alive.state.get();
        let unsynced = std::mem::take(&mut *state.unsynced.lock());
        if unsynced.is_empty() {
            state.is_syncing.store(false, Ordering::Release);
            state.changed.notify();
            // Something may have been noted since the last look.
            alive.start_syncing(state);
            return;
        }
        drop(alive);
        if let Err(error) = sync_all(&unsynced)
            && let Some(alive) = events.upgrade()
        {
            alive.state.get().post(Mail::SyncFailed(error));
        }
    }
}

/// Syncs what was noted, on this thread.
pub(super) fn sync_noted(state: &State) {
    let unsynced = std::mem::take(&mut *state.unsynced.lock());
    if let Err(error) = sync_all(&unsynced) {
        state.post(Mail::SyncFailed(error));
    }
}

fn sync_all(unsynced: &[Unsynced]) -> io::Result<()> {
    let synced = unsynced.iter().map(Unsynced::sync);
    synced.fold(Ok(()), io::Result::and)
}

/// Notes what has to be synced. A disk that is slower than the events finds each file once.
pub(super) fn note_unsynced(state: &State, work: &mut Work, now_ms: i64) {
    let Some(spool) = &mut work.spool.spool else {
        return;
    };
    match spool.take_unsynced() {
        Ok(fresh) => {
            let mut noted = state.unsynced.lock();
            noted.retain(|old| fresh.iter().all(|fresh| fresh.path != old.path));
            noted.extend(fresh);
        }
        Err(error) => spool_failed(work, &error, now_ms),
    }
}

/// Does what senders and syncers ask the spool for.
pub(super) fn read_mail(state: &State, work: &mut Work, now_ms: i64) {
    if !state.has_spool {
        return;
    }
    let mail = std::mem::take(&mut *state.mail.lock());
    let Some(spool) = &mut work.spool.spool else {
        return;
    };
    let mut failure = None;
    for message in mail {
        match message {
            Mail::Finish(id) => failure = spool.finish(id).err().or(failure),
            Mail::Release(id) => spool.release(id),
            Mail::SyncFailed(error) => failure = Some(error),
        }
    }
    if let Some(error) = failure {
        spool_failed(work, &error, now_ms);
    }
}

fn spool_failed(work: &mut Work, error: &io::Error, now_ms: i64) {
    let slot = &mut work.spool;
    slot.retry_at_ms = now_ms + RETRY_MS;
    if !std::mem::replace(&mut slot.is_failing, true) {
        let text = format!("the event spool fails, events are kept in memory only: {error}");
        work.notes.push((LogLevel::Error, text));
    }
}

fn spool_works(work: &mut Work) {
    if std::mem::replace(&mut work.spool.is_failing, false) {
        let text = "the event spool works again".to_owned();
        work.notes.push((LogLevel::Warning, text));
    }
}

fn count_lost(state: &State, lost: &Lost) {
    count_dropped(state, lost.origin, lost.cause, lost.events);
}
