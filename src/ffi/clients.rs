//! Ids of clients. A process makes few, so slots are never reused and their shells never freed:
//! looking one up is a plain load and an arc-swap guard, without any counter that threads share.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwapOption, Guard};

use super::callbacks::{Deferred, Gate};
use super::chunks::Chunks;
use super::fork::{self, ForkMutex};
use super::slab::Id;
use crate::client::Client;
use crate::error::Error;
use crate::exposure::FlushInfo;

/// Top byte of the id of a client.
const KIND_CODE: u8 = 2;
/// Slots are used once, so there is one generation.
const GENERATION: u64 = 1;

const NOT_LIVE: Error = Error::Handle { expected: "client" };

/// What an id leads to; outlives the client.
struct Shell {
    /// Empty after release.
    client: ArcSwapOption<Client>,
    gate: Arc<Gate>,
    /// Evaluations call the host back.
    calls_back: bool,
}

static SHELLS: Chunks<OnceLock<Shell>> = Chunks::new();
/// How many shells there are. Locked for an insertion, and across a fork.
static COUNT: ForkMutex<u32> = ForkMutex::new(0);

/// Gives an id to a client.
pub(super) fn insert(client: Arc<Client>, gate: Arc<Gate>, calls_back: bool) -> Result<u64, Error> {
    let mut count = COUNT.lock();
    let slot = *count;
    let shell = SHELLS.get_or_grow(slot)?;
    *count = slot.checked_add(1).ok_or(Error::Busy {
        detail: "too many clients",
    })?;
    shell.get_or_init(|| Shell {
        client: ArcSwapOption::from(Some(client)),
        gate,
        calls_back,
    });
    Ok(Id {
        kind: KIND_CODE,
        generation: GENERATION,
        slot,
    }
    .pack())
}

#[inline]
fn shell(id: u64) -> Result<&'static Shell, Error> {
    let id = Id::unpack(id);
    if id.kind != KIND_CODE || id.generation != GENERATION {
        return Err(NOT_LIVE);
    }
    match SHELLS.get(id.slot).and_then(OnceLock::get) {
        Some(shell) => Ok(shell),
        None => Err(NOT_LIVE),
    }
}

/// A client in use. At its end the client does what callbacks within the call asked for.
pub(super) struct ClientRef {
    client: Guard<Option<Arc<Client>>>,
    shell: &'static Shell,
}

/// Looks a client up, for a call that is allowed everywhere.
#[inline]
pub(super) fn get(id: u64) -> Result<ClientRef, Error> {
    #[cfg(feature = "test-panics")]
    super::test_panics::point(super::test_panics::LOOKUP);
    let shell = shell(id)?;
    let client = shell.client.load();
    if client.is_none() {
        return Err(NOT_LIVE);
    }
    Ok(ClientRef { client, shell })
}

/// Looks a client up for an evaluation.
#[inline]
pub(super) fn get_to_evaluate(id: u64) -> Result<ClientRef, Error> {
    let client = get(id)?;
    if client.shell.calls_back {
        client.shell.gate.check_recursion()?;
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
    client.shell.gate.check_outside()?;
    Ok(client)
}

/// Ends the life of an id; 0 is allowed.
pub(super) fn release(id: u64) -> Result<(), Error> {
    if id == 0 {
        return Ok(());
    }
    let shell = shell(id)?;
    let client = shell.client.swap(None).ok_or(NOT_LIVE)?;
    if shell.gate.is_inside() {
        client.end_rounds();
        shell.gate.defer(Deferred::Release { client });
    } else {
        client.close();
    }
    Ok(())
}

impl ClientRef {
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.shell.gate
    }

    /// Shuts down, or has it done after the callback this is called from.
    pub(super) fn shutdown(&self, timeout_ms: u32) -> Result<FlushInfo, Error> {
        fork::notice();
        if self.shell.gate.is_inside() {
            let client = Arc::clone(self);
            client.end_rounds();
            self.shell
                .gate
                .defer(Deferred::Shutdown { client, timeout_ms });
            return Ok(FlushInfo::default());
        }
        Arc::clone(self).shutdown(timeout_ms)
    }
}

impl Deref for ClientRef {
    type Target = Arc<Client>;

    #[inline]
    fn deref(&self) -> &Arc<Client> {
        // SAFETY: `get` made this only after it had seen the client, and a guard does not change.
        unsafe { self.client.as_ref().unwrap_unchecked() }
    }
}

impl Drop for ClientRef {
    #[inline]
    fn drop(&mut self) {
        self.shell.gate.settle();
    }
}

/// Calls `visit` with every live client and its door.
pub(super) fn for_each(visit: impl Fn(&Arc<Client>, &Gate)) {
    let shells = (0..).map_while(|slot| SHELLS.get(slot)?.get());
    for shell in shells {
        if let Some(client) = shell.client.load().as_ref() {
            visit(client, &shell.gate);
        }
    }
}

/// Before a fork: no client is being made.
pub(super) fn lock_for_fork() {
    COUNT.lock_for_fork();
}

/// After a fork, on both sides.
pub(super) fn unlock_after_fork() {
    COUNT.unlock_after_fork();
}
