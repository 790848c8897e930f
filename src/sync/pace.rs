//! How long to wait before the next round.
//!
//! Rounds follow each other at a fixed delay, measured from the end of one to the start of the
//! next, stretched or shrunk by a random share so that a fleet does not ask in step. A service in
//! trouble is asked less often: after ten failed rounds in a row the delay doubles with each, up to
//! tenfold, and a `Retry-After` is honored within limits.

use std::time::Duration;

/// Failed rounds in a row before the delay grows.
const PATIENT_FAILURES: u32 = 10;
const LARGEST_FACTOR: u32 = 10;
/// A `Retry-After` beyond this is taken for a mistake: specs must not stand still for hours.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);

/// How a round went, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RoundEnd {
    /// No source answered, and more asking would not help it: transport errors, 429 and 5xx.
    pub(super) is_overload: bool,
    /// What the server asked for.
    pub(super) retry_after: Option<Duration>,
}

/// The pace of one kind of round.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    jitter: f64,
    random: fastrand::Rng,
    failures: u32,
}

impl Pace {
    pub(super) fn new(interval: Duration, jitter: f64, random: fastrand::Rng) -> Self {
        Pace {
            interval,
            jitter,
            random,
            failures: 0,
        }
    }

    /// The ordinary delay.
    pub(super) fn delay(&mut self) -> Duration {
        let share = self.jitter * (2.0 * self.random.f64() - 1.0);
        self.interval.mul_f64(1.0 + share)
    }

    /// The delay after a round.
    pub(super) fn after(&mut self, end: RoundEnd) -> Duration {
        self.failures = if end.is_overload {
            self.failures.saturating_add(1)
        } else {
            0
        };
        let doublings = self.failures.saturating_sub(PATIENT_FAILURES).min(8);
        let factor = (1 << doublings).min(LARGEST_FACTOR);
        let asked = end.retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
        (self.delay() * factor).max(asked)
    }

    /// A random part of the interval: the first delay of a process that shares its start with
    /// others, such as the children of a forking server.
    pub(super) fn share(&mut self) -> Duration {
        self.interval.mul_f64(self.random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(jitter: f64) -> Pace {
        Pace::new(Duration::from_secs(10), jitter, fastrand::Rng::with_seed(7))
    }

    const FAILED: RoundEnd = RoundEnd {
        is_overload: true,
        retry_after: None,
    };

    #[test]
    fn the_delay_grows_after_ten_failures_and_success_resets_it() {
        let mut pace = pace(0.0);
        let seconds: Vec<u64> = (0..16).map(|_| pace.after(FAILED).as_secs()).collect();
        assert_eq!(seconds[..10], [10; 10]);
        assert_eq!(seconds[10..], [20, 40, 80, 100, 100, 100]);
        assert_eq!(pace.after(RoundEnd::default()).as_secs(), 10);
        assert_eq!(pace.after(FAILED).as_secs(), 10);
    }

    #[test]
    fn jitter_stays_within_its_share() {
        let mut pace = pace(0.2);
        let delays: Vec<f64> = (0..200).map(|_| pace.delay().as_secs_f64()).collect();
        assert!(delays.iter().all(|delay| (8.0..=12.0).contains(delay)));
        assert!(
            delays.iter().any(|delay| *delay < 9.0) && delays.iter().any(|delay| *delay > 11.0)
        );
        assert!((0..50).all(|_| pace.share() <= Duration::from_secs(10)));
    }

    #[test]
    fn retry_after_is_honored_within_limits() {
        let mut pace = pace(0.0);
        for (asked, expected) in [(5, 10), (60, 60), (86_400, 600)] {
            let end = RoundEnd {
                is_overload: false,
                retry_after: Some(Duration::from_secs(asked)),
            };
            assert_eq!(pace.after(end).as_secs(), expected);
        }
    }
}
