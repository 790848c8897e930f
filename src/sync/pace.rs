//! How long to wait before the next round.
//!
//! Rounds follow each other at a fixed delay, measured from the end of one to the start of the
//! next, stretched or shrunk by a random share so that a fleet does not ask in step. A service in
//! trouble is asked less often: after ten failed rounds in a row the delay doubles with each, up to
//! tenfold, and a `Retry-After` is honored within limits.
//!
//! What many clients see at the same instant (a proxy that dies, a date after which to come back)
//! would bring all of them back at the same instant; [`Spread`] keeps them apart.

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

/// How far clients that see the same are kept apart, in shares of jitter: with that of the default,
/// half a delay.
const SPREAD_PER_JITTER: f64 = 5.0;

/// Keeps apart what many clients would do at the same instant; does nothing without jitter.
#[derive(Debug)]
pub(super) struct Spread {
    share: f64,
    random: fastrand::Rng,
}

impl Spread {
    pub(super) fn new(jitter: f64, random: fastrand::Rng) -> Self {
        Spread {
            share: (jitter * SPREAD_PER_JITTER).min(1.0),
            random,
        }
    }

    /// A delay that is no longer than `delay`.
    pub(super) fn earlier(&mut self, delay: Duration) -> Duration {
        delay.mul_f64(1.0 - self.share * self.random.f64())
    }

    /// A delay that is no shorter than `delay`, and longer by an interval at most.
    fn later(&mut self, delay: Duration, interval: Duration) -> Duration {
        delay + interval.mul_f64((2.0 * self.share).min(1.0) * self.random.f64())
    }
}

/// The pace of one kind of round.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    jitter: f64,
    random: fastrand::Rng,
    spread: Spread,
    failures: u32,
}

impl Pace {
    pub(super) fn new(interval: Duration, jitter: f64, mut random: fastrand::Rng) -> Self {
        Pace {
            interval,
            jitter,
            spread: Spread::new(jitter, random.fork()),
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
        let delay = self.delay() * factor;
        if asked <= delay {
            return delay;
        }
        self.spread.later(asked, self.interval)
    }

    /// The first delay after something that many clients have seen at the same instant.
    pub(super) fn early(&mut self) -> Duration {
        self.spread.earlier(self.interval)
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
    fn what_many_see_at_once_is_spread() {
        let (second, interval) = (Duration::from_secs(1), Duration::from_secs(10));
        for (jitter, shortest, longest) in [(0.0, 1.0, 1.0), (0.1, 0.5, 11.0), (0.5, 0.0, 11.0)] {
            let mut spread = Spread::new(jitter, fastrand::Rng::with_seed(7));
            let earlier: Vec<f64> = (0..500)
                .map(|_| spread.earlier(second).as_secs_f64())
                .collect();
            assert!(
                earlier.iter().all(|delay| (shortest..=1.0).contains(delay)),
                "{jitter}"
            );
            let later = (0..500).map(|_| spread.later(second, interval).as_secs_f64());
            let later: Vec<f64> = later.collect();
            assert!(
                later.iter().all(|delay| (1.0..=longest).contains(delay)),
                "{jitter}"
            );
            let is_spread =
                earlier.iter().any(|delay| *delay < 0.6) && later.iter().any(|d| *d > 9.0);
            assert_eq!(is_spread, jitter > 0.0);
        }
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
