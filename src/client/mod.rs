//! One client: composes the store, sync and events, and asks the evaluator.
//!
//! Evaluation works at every time: while the network is away, while specs are swapped, in a forked
//! child. What a call leaves behind (an exposure, an event) is queued in memory; nothing here does
//! I/O except [`Client::initialize`], [`Client::flush`], [`Client::shutdown`],
//! [`Client::sync_now`] and [`Client::tick`], each within the bound it is given.

mod batch;
mod evaluate;
mod events;
mod lifecycle;
mod notifications;
mod overrides;
pub(crate) mod result;

use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::context::Context;
use crate::error::Error;
use crate::exposure::Events;
use crate::net::Http;
use crate::options::Options;
use crate::sync::Sync;

pub use evaluate::Flags;
pub use lifecycle::before_fork;
pub use result::{EvalResult, JsonType};

/// A client of one project. Made by [`Client::new`]; shared as `Arc<Client>`.
pub struct Client {
    ctx: Arc<Context>,
    sync: Arc<Sync>,
    events: Arc<Events>,
    state: lifecycle::State,
    notifications: notifications::Notifications,
    reads: Arc<evaluate::LayerReads>,
}

impl Client {
    /// Checks the key and the options. No I/O, no thread.
    ///
    /// # Errors
    /// [`Error::Argument`] naming what is wrong.
    pub fn new(sdk_key: &str, options: Options) -> Result<Arc<Client>, Error> {
        Client::with_clock(sdk_key, options, Arc::new(SystemClock::default()))
    }

    /// Like [`Client::new`], on another clock.
    ///
    /// # Errors
    /// Those of [`Client::new`].
    pub fn with_clock(
        sdk_key: &str,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Client>, Error> {
        let notifications = notifications::Notifications::default();
        let options = notifications.attach(options);
        let ctx = Arc::new(Context::new(sdk_key, options, clock)?);
        let http = Arc::new(Http::new(&ctx.settings)?);
        let events = Events::new(Arc::clone(&ctx), &http)?;
        let sync = Sync::new(Arc::clone(&ctx), &http)?;
        Ok(Arc::new(Client {
            reads: Arc::new(evaluate::LayerReads {
                events: Arc::clone(&events),
            }),
            ctx,
            sync,
            events,
            state: lifecycle::State::default(),
            notifications,
        }))
    }

    /// What the parts of this client share.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.ctx
    }
}
