//! How long to wait after a failed delivery. Pure: time and chance are passed in.

use std::time::Duration;

const MIN: Duration = Duration::from_secs(1);
const MAX: Duration = Duration::from_secs(120);
/// A server that names a time is believed up to here.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);
/// Waits are shortened by a random share of up to this much, so that clients spread out.
const JITTER: f64 = 0.2;

/// The wait shared by all batches of a client: doubled by failures, halved by successes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { next: MIN }
    }
}

impl Backoff {
    /// The wait after a failure. `server` is what the server asked for; `fixed` is the interval
    /// that the ruleset sets, under which waits do not grow; `chance` is from 0 to 1.
    pub(super) fn failure(
        &mut self,
        server: Option<Duration>,
        fixed: Option<Duration>,
        chance: f64,
    ) -> Duration {
        let own = fixed.unwrap_or_else(|| {
            let wait = self.next;
            self.next = (wait * 2).min(MAX);
            wait.mul_f64(1.0 - JITTER * chance.clamp(0.0, 1.0))
        });
        own.max(server.unwrap_or_default().min(RETRY_AFTER_MAX))
    }

    /// Success does not make anybody wait; it only shortens the wait after the next failure.
    pub(super) fn success(&mut self) {
        self.next = (self.next / 2).max(MIN);
    }

    /// The wait after the next failure, before jitter.
    pub(super) fn next(&self) -> Duration {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q24_ten_failures_then_ten_successes() {
        let mut backoff = Backoff::default();
        let waits: Vec<f64> = (0..10)
            .map(|_| backoff.failure(None, None, 0.0).as_secs_f64())
            .collect();
        assert_eq!(waits, [1., 2., 4., 8., 16., 32., 64., 120., 120., 120.]);
        let waits: Vec<f64> = (0..10)
            .map(|_| {
                let wait = backoff.next().as_secs_f64();
                backoff.success();
                wait
            })
            .collect();
        assert_eq!(waits, [120., 60., 30., 15., 7.5, 3.75, 1.875, 1., 1., 1.]);
    }

    #[test]
    fn jitter_only_shortens_and_the_server_only_lengthens() {
        let seconds = Duration::from_secs;
        let wait = Backoff::default().failure(None, None, 1.0);
        assert_eq!(wait, Duration::from_millis(800));
        let wait = Backoff::default().failure(Some(seconds(30)), None, 1.0);
        assert_eq!(wait, seconds(30));
        let wait = Backoff::default().failure(Some(seconds(86_400)), None, 0.0);
        assert_eq!(wait, RETRY_AFTER_MAX);
    }

    #[test]
    fn a_fixed_interval_does_not_grow() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            let fixed = Some(Duration::from_millis(200));
            assert_eq!(
                backoff.failure(None, fixed, 0.5),
                Duration::from_millis(200)
            );
        }
        assert_eq!(backoff, Backoff::default());
    }
}
