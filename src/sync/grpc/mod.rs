//! Specs from a forward proxy that speaks gRPC.
//!
//! Protocol `grpc` asks once per round, on the thread that runs the round. Protocol
//! `grpc_websocket` (the vendor's name; there is no WebSocket) asks once during initialize and then
//! keeps a stream open on a thread of its own, `tg-stream`. An async runtime exists only inside of
//! these calls and that thread. What a stream that is away means for polling is told by
//! [`ForwardProxy::polling_since_ms`]; doing it is up to the rounds.

mod call;
mod connection;
mod error;
mod failover;
mod load;
mod message;
mod status;
mod stream;
mod target;
mod tunnel;

#[cfg(fuzzing)]
pub use message::fuzz_answer;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;

use call::Caller;
use connection::Dial;
use error::CallError;
use failover::Policy;
use message::{ConfigSpecRequest, ConfigSpecResponse};
use status::{State, Status};
pub(super) use stream::start_stream;
use target::Target;

use crate::clock::Clock;
use crate::context::Context;
use crate::error::Error;
use crate::fork_cell::ForkCell;
use crate::lock::Mutex;
use crate::net::{Http, TransportErrorKind, check_material, specs_gateway};
use crate::options::{Protocol, ProxyConfig, Threads};
use crate::worker::Worker;

/// The forward proxy of one client.
pub(super) struct ForwardProxy {
    proxy: ProxyConfig,
    target: Target,
    origin: String,
    policy: Policy,
    /// A forked child has no stream, and starts one of its own.
    live: ForkCell<Arc<Live>>,
}

/// What one process has.
struct Live {
    /// Set once, for good.
    stop: watch::Sender<bool>,
    stream: Mutex<Option<Worker>>,
    status: Mutex<Status>,
}

impl ForwardProxy {
    /// The proxy that the options name for specs, if it speaks gRPC. Opens and reads nothing.
    ///
    /// # Errors
    /// [`Error::Argument`] naming the option.
    pub(super) fn new(ctx: &Context) -> Result<Option<Arc<ForwardProxy>>, Error> {
        let settings = &ctx.settings;
        let Some((endpoint, proxy)) = specs_gateway(settings) else {
            return Ok(None);
        };
        let key = |field: &str| format!("proxy_configs.{}.{field}", endpoint.as_str());
        if proxy.protocol == Protocol::GrpcWebsocket && settings.threads == Threads::None {
            return Err(Error::argument(
                key("protocol"),
                "`grpc_websocket` needs a thread, which `threads` \"none\" rules out; use `grpc`",
            ));
        }
        if proxy.retry_backoff_multiplier.is_some_and(|m| m < 0.0) {
            let detail = "expected a number that is not negative";
            return Err(Error::argument(key("retry_backoff_multiplier"), detail));
        }
        check_material(endpoint, proxy)?;
        let target = Target::parse(endpoint, proxy)?;
        if ctx.is_local() {
            return Ok(None);
        }
        Ok(Some(Arc::new(ForwardProxy {
            proxy: proxy.clone(),
            origin: target.url(),
            target,
            policy: Policy::new(proxy),
            live: ForkCell::new(|| {
                Arc::new(Live {
                    stop: watch::Sender::new(false),
                    stream: Mutex::default(),
                    status: Mutex::default(),
                })
            }),
        })))
    }

    /// The proxy's address, as the options give it.
    pub(super) fn address(&self) -> &str {
        &self.proxy.proxy_address
    }

    /// Whether specs are pushed to us, so that nobody needs to poll while the stream is well.
    pub(super) fn is_streaming(&self) -> bool {
        self.proxy.protocol == Protocol::GrpcWebsocket
    }

    /// Monotonic time since when the stream has been away for so long that the service is to be
    /// polled in its place.
    pub(super) fn polling_since_ms(&self) -> Option<i64> {
        self.live.get().status.lock().polling_since_ms
    }

    /// Asks once, on the calling thread.
    fn fetch(
        &self,
        http: &Http,
        request: ConfigSpecRequest,
        limit: Duration,
    ) -> Result<ConfigSpecResponse, CallError> {
        if Handle::try_current().is_ok() {
            let detail = "gRPC cannot be called from inside of an async runtime";
            return Err(CallError::transport(TransportErrorKind::Request, detail));
        }
        let live = Arc::clone(self.live.get());
        if live.is_stopped() {
            return Err(CallError::canceled());
        }
        let dial = Dial::prepare(http, &self.target, &self.proxy)?;
        let place = dial.place();
        let caller = Caller {
            origin: &self.origin,
        };
        let outcome = runtime()?.block_on(async {
            tokio::select! {
                biased;
                () = live.stopped() => Err(CallError::canceled()),
                outcome = caller.unary(dial, request, limit) => outcome,
            }
        });
        place.note(http, outcome.as_ref().err());
        outcome
    }

    /// Ends the call that runs, if any, and the stream, without waiting. What is asked later is
    /// refused.
    pub(super) fn stop(&self) {
        let live = self.live.get();
        live.stop.send_replace(true);
        if let Some(worker) = &*live.stream.lock() {
            worker.control().stop();
        }
    }

    /// Waits for the stream's thread until the (monotonic) deadline; returns whether it has ended.
    pub(super) fn join(&self, clock: &dyn Clock, deadline_ms: i64) -> bool {
        let live = self.live.get();
        let worker = live.stream.lock().take();
        let has_ended = worker.is_none_or(|worker| worker.stop_and_join(clock, deadline_ms));
        if has_ended {
            live.status.lock().state = State::Idle;
        }
        has_ended
    }

    /// In a forked child: there is no stream and no thread. Stores one number.
    pub(super) fn after_fork_child(&self) {
        self.live.renew();
    }

    /// The stream, as JSON, if there is to be one.
    pub(super) fn stats(&self, now_ms: i64) -> Option<Value> {
        if !self.is_streaming() {
            return None;
        }
        let live = self.live.get();
        let is_alive = live.stream.lock().as_ref().is_some_and(Worker::is_alive);
        let status = live.status.lock().clone();
        Some(status.to_json(self.address(), is_alive, now_ms))
    }

    /// As markers call it.
    fn protocol_name(&self) -> &'static str {
        match self.proxy.protocol {
            Protocol::GrpcWebsocket => "grpc_websocket",
            _ => "grpc",
        }
    }
}

impl Live {
    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    async fn stopped(&self) {
        // The sender is ours, so waiting cannot fail.
        let _ = self.stop.subscribe().wait_for(|stopped| *stopped).await;
    }
}

/// When a client with the default options opens its stream, after losing it and until the proxy is
/// there again.
#[cfg(test)]
pub(super) fn openings_after(
    outage: Duration,
    jitter: f64,
    random: fastrand::Rng,
) -> Vec<Duration> {
    let entry = r#"{"protocol": "grpc_websocket", "proxy_address": "h:1"}"#;
    let entry: ProxyConfig = serde_json::from_str(entry).unwrap();
    let mut failover = failover::Failover::new(Policy::new(&entry));
    let mut spread = super::pace::Spread::new(jitter, random);
    let (mut now, mut openings) = (Duration::ZERO, Vec::new());
    while now < outage {
        now += spread.earlier(failover.ended(failover::End::Failed).delay);
        openings.push(now);
    }
    openings
}

/// A runtime that lives on the calling thread.
fn runtime() -> Result<Runtime, CallError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|e| CallError::transport(TransportErrorKind::Connect, e))
}
