//! Posting batches, and what follows from the answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use super::batch::{Batch, Encoding, Origin};
use super::counters::Cause;
use super::queue::{Fate, Now, Outcome, Ticket};
use super::state::{Mail, State};
use super::work::{count_dropped, displace};
use super::{Events, delivery_interval};
use crate::host::Delivery;
use crate::net::{
    Method, Request, Timeout, TransportError, TransportErrorKind, common_headers,
    parse_retry_after, without_key,
};
use crate::options::{LogLevel, positive_seconds};
use crate::report::{Marker, MarkerError, Repeat, Step};
use crate::worker::spawn_quiet;

/// Statuses that say "not now".
const RETRYABLE: [u16; 9] = [408, 429, 500, 502, 503, 504, 522, 524, 599];
/// The answer's body is ignored; this much of it is read to keep the connection usable.
const ANSWER_MAX_BYTES: usize = 1 << 20;
const REPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// How an attempt ended.
struct Attempt {
    outcome: Outcome,
    status: Option<u16>,
    error: Option<String>,
}

impl Events {
    /// Starts as many senders as there is work for. Without threads nothing happens. If the system
    /// gives no thread, sends on this one until `deadline_ms`.
    pub(super) fn dispatch(&self, state: &State, deadline_ms: i64) {
        if self.runs_inline() || self.is_off {
            return;
        }
        let hired = state.queue.lock().hire(self.ctx.clock.monotonic_ms());
        for _ in 0..hired {
            let started = self.me.upgrade().is_some_and(|events| {
                let body = move || events.send_as_hired(events.state.get(), i64::MAX);
                spawn_quiet("tg-send", body).is_ok()
            });
            if !started {
                self.send_as_hired(state, deadline_ms);
            }
        }
        self.dispatch_reports(state);
    }

    fn send_as_hired(&self, state: &State, deadline_ms: i64) {
        loop {
            let now_ms = self.ctx.clock.monotonic_ms();
            let next = if now_ms < deadline_ms {
                state.queue.lock().next_or_leave(now_ms)
            } else {
                state.queue.lock().leave();
                None
            };
            let Some((ticket, batch)) = next else { break };
            self.deliver(state, ticket, batch, deadline_ms);
        }
        // Whoever waits for a pause to end must know that it has begun.
        state.wake();
        state.changed.notify();
    }

    /// Sends what is due on the calling thread, until `deadline_ms`.
    pub(super) fn send_inline(&self, state: &State, deadline_ms: i64) {
        loop {
            let now_ms = self.ctx.clock.monotonic_ms();
            if now_ms >= deadline_ms {
                return;
            }
            let next = state.queue.lock().next(now_ms);
            let Some((ticket, batch)) = next else { return };
            self.deliver(state, ticket, batch, deadline_ms);
        }
    }

    /// Makes one attempt, which ends by `deadline_ms`, and settles what follows.
    fn deliver(&self, state: &State, ticket: Ticket, batch: Batch, deadline_ms: i64) {
        let deadline_ms = deadline_ms.min(state.deadline_ms.load(Ordering::Relaxed));
        let attempt = catch_unwind(AssertUnwindSafe(|| self.post(&batch, deadline_ms)));
        let attempt = attempt.unwrap_or_else(|_| Attempt {
            outcome: Outcome::Retry { after: None },
            status: None,
            error: Some("internal panic while sending".to_owned()),
        });
        self.tell_host(&batch, &attempt);
        if let Some(error) = &attempt.error {
            *state.counters.last_error.lock() = Some(error.clone());
        }
        let events = batch.events;
        if let Some(cause) = self.settle(state, ticket, batch, attempt.outcome) {
            self.report_failure(cause, events, attempt.error.as_deref());
        }
        state.changed.notify();
    }

    /// Ends an attempt and counts what became of its events, in one step for whoever counts under
    /// the queue's lock. Gives the cause if they were given up.
    fn settle(
        &self,
        state: &State,
        ticket: Ticket,
        batch: Batch,
        outcome: Outcome,
    ) -> Option<Cause> {
        let (events, origin, id) = (batch.events, batch.origin, batch.id);
        let now = Now {
            ms: self.ctx.clock.monotonic_ms(),
            interval: delivery_interval(&self.ctx.store.load()),
            chance: fastrand::f64(),
        };
        let counters = &state.counters;
        let mut queue = state.queue.lock();
        let was_on_disk = queue.is_on_disk(ticket);
        let (fate, displaced) = queue.finish(ticket, batch, outcome, now);
        if let Some(displaced) = displaced {
            displace(state, &displaced);
        }
        match fate {
            Fate::Sent => {
                let counter = match origin {
                    Origin::Own => &counters.sent,
                    Origin::Recovered => &counters.recovered_sent,
                };
                counter.fetch_add(u64::from(events), Ordering::Relaxed);
                counters.batches_sent.fetch_add(1, Ordering::Relaxed);
                let now_ms = self.ctx.clock.now_ms();
                counters.last_delivery_ms.store(now_ms, Ordering::Relaxed);
            }
            Fate::WillRetry => {
                counters.retries.fetch_add(1, Ordering::Relaxed);
            }
            Fate::LeftOnDisk => {
                counters.retries.fetch_add(1, Ordering::Relaxed);
                state.post(Mail::Release(id));
            }
            Fate::Dropped(cause) => count_dropped(state, origin, cause, events),
            Fate::Late => {}
        }
        let is_over = matches!(fate, Fate::Sent | Fate::Dropped(_));
        if is_over && was_on_disk {
            state.mirror.leave_disk(origin, events);
        }
        if is_over {
            state.post(Mail::Finish(id));
        }
        drop(queue);
        match fate {
            Fate::Dropped(cause) => Some(cause),
            _ => None,
        }
    }

    fn post(&self, batch: &Batch, deadline_ms: i64) -> Attempt {
        let timeout = self.ctx.settings.request_timeout();
        let left_ms = deadline_ms.saturating_sub(self.ctx.clock.monotonic_ms());
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
        let timeout = if deadline_ms == i64::MAX {
            Timeout::Inactivity(timeout)
        } else {
            Timeout::Total(timeout.min(left))
        };
        let mut headers = common_headers(&self.ctx, batch.attempts);
        headers.push(("STATSIG-EVENT-COUNT", batch.events.to_string()));
        if batch.encoding == Encoding::Gzip {
            headers.push(("Content-Encoding", "gzip".to_owned()));
        }
        let diagnostics = self.ctx.reporter.diagnostics();
        let marker_id = diagnostics.count_request().to_string();
        let marker = Marker {
            step: Some(Step::NetworkRequest),
            marker_id: Some(&marker_id),
            ..Marker::default()
        };
        diagnostics.delivery_start(marker);
        let answer = self.http.send(Request {
            method: Method::Post,
            url: self.endpoints.log_event(),
            headers,
            body: Some(&batch.body),
            timeout,
            max_body_bytes: ANSWER_MAX_BYTES,
            keep_alive: self.ctx.settings.log_event_connection_reuse,
            may_stay_packed: false,
        });
        let error = answer.as_ref().err();
        diagnostics.delivery_end(Marker {
            status_code: answer.as_ref().ok().map(|answer| answer.status),
            success: Some(answer.as_ref().is_ok_and(crate::net::Response::is_success)),
            sdk_region: answer
                .as_ref()
                .ok()
                .and_then(|answer| answer.header("x-statsig-region")),
            payload_size: Some(batch.body.len()),
            network_protocol: Some("http"),
            error: error.map(|error| MarkerError {
                name: error.kind.name(),
                message: &error.detail,
            }),
            ..marker
        });
        match answer {
            Ok(answer) if answer.is_success() => Attempt {
                outcome: Outcome::Sent,
                status: Some(answer.status),
                error: None,
            },
            Ok(answer) => {
                let now_ms = self.ctx.clock.now_ms();
                let after = answer
                    .header("retry-after")
                    .and_then(|value| parse_retry_after(value, now_ms));
                let outcome = if RETRYABLE.contains(&answer.status) {
                    Outcome::Retry { after }
                } else {
                    Outcome::Rejected
                };
                let error = format!("the server answered {}", answer.status);
                Attempt {
                    outcome,
                    status: Some(answer.status),
                    error: Some(error),
                }
            }
            Err(error) => self.transport_failed(&error),
        }
    }

    fn transport_failed(&self, error: &TransportError) -> Attempt {
        let outcome = match error.kind {
            // The same would happen again.
            TransportErrorKind::Redirect | TransportErrorKind::Request => Outcome::Rejected,
            _ => Outcome::Retry { after: None },
        };
        if !error.is_canceled() {
            let timeout_ms = self.ctx.settings.request_timeout().as_millis();
            let timeout_ms = u64::try_from(timeout_ms).unwrap_or(u64::MAX);
            let extra = json!({"timeoutMs": timeout_ms, "httpMethod": "POST"});
            let reporter = &self.ctx.reporter;
            reporter.error(
                "request:log_event",
                error.kind.name(),
                &error.detail,
                Some(extra),
            );
        }
        Attempt {
            outcome,
            status: None,
            error: Some(error.to_string()),
        }
    }

    /// Tells the host's callback and collector how an attempt ended.
    fn tell_host(&self, batch: &Batch, attempt: &Attempt) {
        let success = attempt.outcome == Outcome::Sent;
        if let Some(callback) = &self.ctx.hooks.flushed {
            let delivery = Delivery {
                success,
                events: u64::from(batch.events),
                status: attempt.status,
                error: attempt.error.clone(),
                body: self
                    .ctx
                    .settings
                    .events_in_flush_callback
                    .then(|| batch.text())
                    .flatten(),
            };
            let called = catch_unwind(AssertUnwindSafe(|| callback(&delivery)));
            if called.is_err() {
                let reporter = &self.ctx.reporter;
                reporter.error(
                    "events_flushed_callback",
                    "CallbackError",
                    "the callback panicked",
                    None,
                );
            }
        }
        if success {
            let count = f64::from(batch.events);
            self.ctx
                .reporter
                .increment("events_successfully_sent_count", count, &[]);
        } else if let Some(error) = &attempt.error {
            let text = format!("{} events were not delivered: {error}", batch.events);
            self.ctx.reporter.log(LogLevel::Info, "events", &text);
        }
    }

    fn report_failure(&self, cause: Cause, events: u32, error: Option<&str>) {
        if !matches!(cause, Cause::Rejected | Cause::Attempts) {
            return;
        }
        let tag = "statsig::log_event_failed";
        let error = error.unwrap_or("unknown");
        let text = format!("{events} events were given up: {error}");
        let extra = json!({"eventCount": events, "error": error});
        self.ctx
            .reporter
            .error_repeated(tag, tag, &text, Some(extra), Repeat::Always);
    }
}

/// Error reports: sent beside everything else, waited for by nobody.
impl Events {
    pub(super) fn dispatch_reports(&self, state: &State) {
        if self.is_off || !self.ctx.reporter.has_reports() {
            return;
        }
        if state.is_reporting.swap(true, Ordering::AcqRel) {
            return;
        }
        let started = self.me.upgrade().is_some_and(|events| {
            let body = move || {
                let state = events.state.get();
                let _ = catch_unwind(AssertUnwindSafe(|| events.send_reports(i64::MAX)));
                state.is_reporting.store(false, Ordering::Release);
                // One may have come since the last look.
                state.wake();
            };
            spawn_quiet("tg-report", body).is_ok()
        });
        if !started {
            state.is_reporting.store(false, Ordering::Release);
        }
    }

    /// Posts the reports that wait, until `deadline_ms`. Failures are nobody's business.
    pub(super) fn send_reports(&self, deadline_ms: i64) {
        let metadata = self.ctx.statsig_metadata();
        let mut reports = self.ctx.reporter.take_reports();
        while !reports.is_empty() {
            for report in reports {
                let left_ms = deadline_ms.saturating_sub(self.ctx.clock.monotonic_ms());
                let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
                if left.is_zero() {
                    return;
                }
                let body = report.body(&metadata, self.ctx.reporter.options_copy());
                let body = without_key(&body, &self.ctx.sdk_key);
                let own = positive_seconds(self.ctx.settings.timeout);
                let limit = own.unwrap_or(REPORT_TIMEOUT).min(left);
                let _ = self.report_http.send(Request {
                    method: Method::Post,
                    url: self.endpoints.sdk_exception(),
                    headers: vec![
                        ("Content-type", "application/json".to_owned()),
                        ("STATSIG-API-KEY", self.ctx.sdk_key.clone()),
                        ("STATSIG-SDK-TYPE", self.ctx.sdk_type().to_owned()),
                        ("STATSIG-SDK-VERSION", self.ctx.sdk_version().to_owned()),
                    ],
                    body: Some(body.as_bytes()),
                    timeout: Timeout::Total(limit),
                    max_body_bytes: ANSWER_MAX_BYTES,
                    keep_alive: false,
                    may_stay_packed: false,
                });
            }
            reports = self.ctx.reporter.take_reports();
        }
    }
}
