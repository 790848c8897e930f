//! Ids of clients: those of [`super::slab`], for objects that every call of every thread uses.
//!
//! A call must not write to memory that other threads' calls write, so calls are not counted as
//! there: what a slot holds is reached through an arc-swap guard, and says which id it has. A call
//! that finds another id, or nothing, has come too late, however often the slot was given out in
//! the meantime. A slot whose generation would wrap is not used again.

use std::ops::Deref;
use std::sync::Arc;

use super::callbacks::{Deferred, Gate};
use super::fork;
use super::slab::{FIRST_GENERATION, Id};
use super::slots::Slots;
use crate::client::Client;
use crate::error::Error;
use crate::exposure::FlushInfo;
use slot::{Held, Slot};

mod slot;

/// What a slot is made of; a model of it in `tests/model`.
mod shared {
    pub(super) use arc_swap::{ArcSwapOption, Guard};
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
}

/// Top byte of the id of a client.
const KIND_CODE: u8 = 2;

const NOT_LIVE: Error = Error::Handle { expected: "client" };

/// What an id leads to.
struct Entry {
    client: Arc<Client>,
    gate: Arc<Gate>,
    /// Evaluations call the host back.
    calls_back: bool,
}

impl Default for Slot<Entry> {
    fn default() -> Self {
        Slot::at(FIRST_GENERATION)
    }
}

static SLOTS: Slots<Slot<Entry>> = Slots::new();

/// Gives an id to a client.
pub(super) fn insert(client: Arc<Client>, gate: Arc<Gate>, calls_back: bool) -> Result<u64, Error> {
    let (index, slot) = SLOTS.reserve()?;
    let id = Id {
        kind: KIND_CODE,
        generation: slot.generation(),
        slot: index,
    }
    .pack();
    slot.publish(
        id,
        Entry {
            client,
            gate,
            calls_back,
        },
    );
    Ok(id)
}

/// A client in use. At its end the client does what callbacks within the call asked for.
pub(super) struct ClientRef {
    held: Held<Entry>,
}

/// Looks a client up, for a call that is allowed everywhere.
#[inline]
pub(super) fn get(id: u64) -> Result<ClientRef, Error> {
    #[cfg(feature = "test-panics")]
    super::test_panics::point(super::test_panics::LOOKUP);
    match slot(id)?.get(id) {
        Some(held) => Ok(ClientRef { held }),
        None => Err(NOT_LIVE),
    }
}

/// The slot that an id names, if there is one.
#[inline]
fn slot(id: u64) -> Result<&'static Slot<Entry>, Error> {
    match SLOTS.get(Id::unpack(id).slot) {
        Some(slot) => Ok(slot),
        None => Err(NOT_LIVE),
    }
}

/// Looks a client up for an evaluation.
#[inline]
pub(super) fn get_to_evaluate(id: u64) -> Result<ClientRef, Error> {
    let client = get(id)?;
    if client.held.calls_back {
        client.held.gate.check_recursion()?;
    }
    Ok(client)
}

/// Looks a client up for a call that leaves an event. In a child that nobody told of its fork the
/// events would join those of the parent.
pub(super) fn get_to_log(id: u64) -> Result<ClientRef, Error> {
    fork::notice();
    get(id)
}

/// Looks a client up for a call that must not be made from one of the client's own callbacks.
pub(super) fn get_outside(id: u64) -> Result<ClientRef, Error> {
    fork::notice();
    let client = get(id)?;
    client.gate().check_outside()?;
    Ok(client)
}

/// Ends the life of an id; 0 is allowed.
pub(super) fn release(id: u64) -> Result<(), Error> {
    if id == 0 {
        return Ok(());
    }
    let slot = slot(id)?;
    let ended = slot.end(id).ok_or(NOT_LIVE)?;
    let id = Id::unpack(id);
    if let Some(generation) = id.next_generation() {
        slot.set_generation(generation);
        SLOTS.offer(id.slot);
    }
    let Entry { client, gate, .. } = &ended.object;
    if gate.is_inside() {
        let client = Arc::clone(client);
        client.end_rounds();
        gate.defer(Deferred::Release { client });
    } else {
        client.close();
    }
    Ok(())
}

impl ClientRef {
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.held.gate
    }

    /// Shuts down, or has it done after the callback this is called from.
    pub(super) fn shutdown(&self, timeout_ms: u32) -> Result<FlushInfo, Error> {
        fork::notice();
        let client = Arc::clone(self);
        if self.gate().is_inside() {
            client.end_rounds();
            self.gate().defer(Deferred::Shutdown { client, timeout_ms });
            return Ok(FlushInfo::default());
        }
        client.shutdown(timeout_ms)
    }
}

impl Deref for ClientRef {
    type Target = Arc<Client>;

    #[inline]
    fn deref(&self) -> &Arc<Client> {
        &self.held.client
    }
}

impl Drop for ClientRef {
    #[inline]
    fn drop(&mut self) {
        self.held.gate.settle();
    }
}

/// Calls `visit` with every live client and its door.
pub(super) fn for_each(visit: impl Fn(&Arc<Client>, &Gate)) {
    for slot in SLOTS.iter() {
        if let Some(held) = slot.current() {
            visit(&held.client, &held.gate);
        }
    }
}

/// Before a fork: keeps the list of free slots whole in the child.
pub(super) fn lock_for_fork() {
    SLOTS.lock_for_fork();
}

/// After a fork, on both sides.
pub(super) fn unlock_after_fork() {
    SLOTS.unlock_after_fork();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::slab::LAST_GENERATION;
    use crate::options::Options;

    fn insert_one() -> u64 {
        let client = Client::new("secret-test", Options::default()).expect("a client");
        let gate = Gate::new(client.context().settings.threads);
        insert(client, gate, false).expect("an id")
    }

    // The only test that makes clients of this table: slots are given out in a known order.
    #[test]
    fn a_slot_is_used_again_until_its_generation_would_wrap() {
        let first = insert_one();
        assert!(release(first).is_ok());
        let second = insert_one();
        assert_eq!(Id::unpack(second).slot, Id::unpack(first).slot);
        assert!(get(first).is_err() && get(second).is_ok());
        assert!(release(first).is_err());

        assert!(release(second).is_ok());
        let slot = slot(second).expect("made above");
        slot.set_generation(LAST_GENERATION);
        let last = insert_one();
        assert_eq!(Id::unpack(last).slot, Id::unpack(first).slot);
        assert!(get(last).is_ok());
        assert!(release(last).is_ok());

        let elsewhere = insert_one();
        assert_ne!(Id::unpack(elsewhere).slot, Id::unpack(first).slot);
        for stale in [first, second, last] {
            assert!(get(stale).is_err() && release(stale).is_err());
        }
        assert!(release(elsewhere).is_ok());
    }
}
