//! The thread `tg-stream`: keeps the stream open, or tries to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;

use super::call::Caller;
use super::connection::Dial;
use super::error::CallError;
use super::failover::{End, Failover, Liveness, Reconnected, Retry};
use super::message::{ConfigSpecRequest, ConfigSpecResponse};
use super::status::{State, Status};
use super::{ForwardProxy, Live, runtime};
use crate::error::Error;
use crate::json_writer::object;
use crate::net::TransportErrorKind;
use crate::options::LogLevel;
use crate::random;
use crate::report::Repeat;
use crate::sync::engine::Engine;
use crate::sync::pace::Spread;
use crate::sync::running::enter_thread;
use crate::worker::{Worker, WorkerControl};

/// Starts the stream, once per process and only if the proxy has one. `wake` is called when polling
/// has to start or to stop, or when there is something to save.
///
/// # Errors
/// [`Error::Io`] when the system gives no thread.
pub(in crate::sync) fn start_stream(engine: &Arc<Engine>, wake: Wake) -> Result<(), Error> {
    let Some(proxy) = engine.forward_proxy.as_ref().filter(|p| p.is_streaming()) else {
        return Ok(());
    };
    let live = proxy.live.get();
    let mut slot = live.stream.lock();
    if live.is_stopped() || slot.is_some() {
        return Ok(());
    }
    let mut stream = Stream {
        engine: Arc::clone(engine),
        proxy: Arc::clone(proxy),
        live: Arc::clone(live),
        failover: Failover::new(proxy.policy),
        spread: Spread::new(engine.ctx.settings.sync_jitter, random::generator()),
        runtime: None,
        wake,
    };
    let clock = Arc::clone(&engine.ctx.clock);
    let tick = move |control: &WorkerControl| {
        enter_thread(&stream.engine);
        stream.tick(control)
    };
    *slot = Some(Worker::spawn("tg-stream", clock, Arc::default(), tick)?);
    Ok(())
}

/// Wakes the thread that does the rounds.
pub(in crate::sync) type Wake = Box<dyn Fn() + Send>;

struct Stream {
    engine: Arc<Engine>,
    proxy: Arc<ForwardProxy>,
    live: Arc<Live>,
    failover: Failover,
    spread: Spread,
    runtime: Option<Runtime>,
    wake: Wake,
}

impl Stream {
    /// Opens the stream, listens to its end, and tells when to open it again.
    fn tick(&mut self, control: &WorkerControl) -> Option<i64> {
        self.update(|status| {
            status.state = State::Opening;
            status.opened += 1;
        });
        let outcome = catch_unwind(AssertUnwindSafe(|| self.session())).unwrap_or_else(|_| {
            // Whatever state it is in, it is not used again.
            self.runtime = None;
            let detail = "the stream's thread panicked";
            Err(CallError::transport(TransportErrorKind::Protocol, detail))
        });
        if control.is_stopping() || self.live.is_stopped() {
            return None;
        }
        let mut retry = self.failover.ended(match outcome {
            Ok(()) => End::Closed,
            Err(_) => End::Failed,
        });
        // The others that had a stream from the same proxy have just lost theirs, too.
        retry.delay = self.spread.earlier(retry.delay);
        self.note_end(outcome.err().as_ref(), retry);
        let delay_ms = i64::try_from(retry.delay.as_millis()).unwrap_or(i64::MAX / 2);
        Some(
            self.engine
                .ctx
                .clock
                .monotonic_ms()
                .saturating_add(delay_ms),
        )
    }

    /// One stream, from opening to end; `Ok` when the proxy ended it in good order.
    fn session(&mut self) -> Result<(), CallError> {
        let engine = Arc::clone(&self.engine);
        let dial = Dial::prepare(&engine.http, &self.proxy.target, &self.proxy.proxy)?;
        let place = dial.place();
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => runtime()?,
        };
        let outcome = runtime.block_on(self.listen(dial));
        self.runtime = Some(runtime);
        place.note(&engine.http, outcome.as_ref().err());
        outcome
    }

    async fn listen(&mut self, dial: Dial) -> Result<(), CallError> {
        let live = Arc::clone(&self.live);
        let origin = self.proxy.origin.clone();
        let caller = Caller { origin: &origin };
        let ctx = &self.engine.ctx;
        let request = ConfigSpecRequest::new(&ctx.sdk_key, ctx.store.lcut());
        let mut subscription = tokio::select! {
            biased;
            () = live.stopped() => return Err(CallError::canceled()),
            opened = caller.subscribe(dial, request) => opened?,
        };
        self.update(|status| status.proxy_host.clone_from(&subscription.proxy_host));
        let mut liveness = Liveness::default();
        let outcome = loop {
            let next = within(liveness.patience(), subscription.next());
            tokio::select! {
                biased;
                () = live.stopped() => break Err(CallError::canceled()),
                next = next => match next {
                    Some(Ok(Some(message))) => self.receive(message, &mut liveness),
                    Some(Ok(None)) => break Ok(()),
                    Some(Err(status)) => break Err(status.into()),
                    None => {
                        let detail = "the heartbeats have stopped";
                        break Err(CallError::transport(TransportErrorKind::Timeout, detail));
                    }
                }
            }
        };
        subscription.close().await;
        outcome
    }

    fn receive(&mut self, message: ConfigSpecResponse, liveness: &mut Liveness) {
        let engine = Arc::clone(&self.engine);
        let time_ms = i64::try_from(message.last_updated).unwrap_or(i64::MAX);
        // What is not newer than all we have is a heartbeat, or was overtaken by polling.
        let is_news = time_ms > engine.ctx.store.lcut();
        liveness.received(is_news);
        let now_ms = engine.ctx.clock.monotonic_ms();
        self.update(|status| {
            status.state = State::Streaming;
            status.messages += 1;
            status.heartbeats += u64::from(!is_news);
            status.last_message_ms = Some(now_ms);
        });
        let tags = [("lcut", &*time_ms.to_string())];
        engine
            .ctx
            .reporter
            .increment("grpc_msg_received", 1.0, &tags);
        if let Some(reconnected) = self.failover.received() {
            self.note_reconnected(reconnected);
        }
        if !is_news {
            engine.note_stream_alive();
            return;
        }
        if let Err(error) = engine.apply_streamed(&self.proxy, message.spec) {
            // The stream stays, and so does our time: the same version is accepted when it comes
            // again in good order.
            self.update(|status| status.rejected += 1);
            let tag = "grpcWebSocket:listeners.onUpdate";
            let (name, text) = ("StreamedSpecsError", error.to_string());
            engine.ctx.reporter.error(tag, name, &text, None);
        } else if engine.disk_cache.is_some() {
            (self.wake)();
        }
    }

    fn note_end(&self, error: Option<&CallError>, retry: Retry) {
        let reporter = &self.engine.ctx.reporter;
        let now_ms = self.engine.ctx.clock.monotonic_ms();
        self.update(|status| {
            status.state = match retry.used {
                used if used >= self.proxy.policy.max_retries => State::Exhausted,
                _ => State::Waiting,
            };
            status.failures += u64::from(error.is_some());
            status.retries_used = retry.used;
            status.last_error = error.map(ToString::to_string);
            if retry.starts_polling {
                status.polling_since_ms = Some(now_ms);
            }
        });
        if let Some(error) = error {
            let extra = Some(self.extra(retry.used));
            let tag = "grpcWebSocket:streaming_error";
            reporter.error(tag, &error.name, &error.detail, extra);
            let used = f64::from(retry.used);
            reporter.distribution("grpc_streaming_failed_with_retry_ct", used, &[]);
        } else {
            let text = "the forward proxy ended the stream; opening it again";
            reporter.log(LogLevel::Info, "stream", text);
        }
        if retry.is_exhausted {
            let text = format!("gave up on the stream after {} retries for now", retry.used);
            reporter.log(LogLevel::Error, "stream", &text);
            let tag = "grpcWebSocket: retry exhausted";
            reporter.error(tag, "RetryExhausted", &text, Some(self.extra(retry.used)));
        }
        if retry.starts_polling {
            let text = "the stream is away; polling the service in its place";
            reporter.log(LogLevel::Warning, "stream", text);
            (self.wake)();
        }
    }

    fn note_reconnected(&self, reconnected: Reconnected) {
        self.update(|status| {
            status.reconnects += 1;
            status.retries_used = 0;
            status.polling_since_ms = None;
            status.last_error = None;
        });
        if reconnected.stops_polling {
            (self.wake)();
        }
        let reporter = &self.engine.ctx.reporter;
        let used = reconnected.used.to_string();
        let proxy_host = self.status().proxy_host().to_owned();
        let tags = [
            ("retryAttempt", used.as_str()),
            ("hostName", self.proxy.address()),
            ("sfpHostName", proxy_host.as_str()),
        ];
        reporter.increment("grpc_reconnected", 1.0, &tags);
        let (tag, text) = (
            "grpcWebSocket: Reconnected",
            format!("after {used} retries"),
        );
        let extra = Some(self.extra(reconnected.used));
        reporter.error_repeated(tag, "Reconnected", &text, extra, Repeat::Always);
    }

    fn extra(&self, used: u32) -> Value {
        object!({
            "retryAttempt": used,
            "hostName": self.proxy.address(),
            "sfpHostName": self.status().proxy_host(),
        })
    }

    fn status(&self) -> Status {
        self.live.status.lock().clone()
    }

    fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.live.status.lock());
    }
}

/// What `work` gives, or `None` if that takes longer than `limit`.
async fn within<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        None => Some(work.await),
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_ends_the_waiting() {
        let runtime = runtime().unwrap();
        let limit = Some(Duration::from_millis(1));
        let never = std::future::pending::<()>();
        assert_eq!(runtime.block_on(within(limit, never)), None);
        assert_eq!(runtime.block_on(within(limit, async { 5 })), Some(5));
        let later = tokio::time::Duration::from_millis(3);
        let slow = runtime.block_on(within(None, async { tokio::time::sleep(later).await }));
        assert_eq!(slow, Some(()));
    }
}
