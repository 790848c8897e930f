//! When specs and id lists are due.

use crate::options::Settings;

use super::pace::{Pace, RoundEnd};

/// Due times, monotonic ms. `None` while a round runs or before the first is planned.
#[derive(Debug)]
pub(super) struct Schedule {
    specs: Track,
    id_lists: Track,
    is_begun: bool,
}

#[derive(Debug)]
struct Track {
    pace: Pace,
    due_ms: Option<i64>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Due {
    pub(super) specs: bool,
    pub(super) id_lists: bool,
}

impl Schedule {
    pub(super) fn new(settings: &Settings, random: &mut fastrand::Rng) -> Self {
        let jitter = settings.sync_jitter;
        let mut track = |interval| Track {
            pace: Pace::new(interval, jitter, random.fork()),
            due_ms: None,
        };
        Schedule {
            specs: track(settings.specs_interval()),
            id_lists: track(settings.id_lists_interval()),
            is_begun: false,
        }
    }

    /// Plans the first rounds after initialize; `is_fast` asks for specs at once, because
    /// initialize had trouble getting them.
    pub(super) fn begin(&mut self, now_ms: i64, is_fast: bool) {
        self.is_begun = true;
        let delay = self.specs.pace.delay();
        self.specs.due_ms = Some(if is_fast {
            now_ms
        } else {
            later(now_ms, delay)
        });
        let delay = self.id_lists.pace.delay();
        self.id_lists.due_ms = Some(later(now_ms, delay));
    }

    /// Plans the first rounds of a forked child, whose parent had initialized.
    pub(super) fn ensure_begun(&mut self, now_ms: i64) {
        if self.is_begun {
            return;
        }
        self.is_begun = true;
        for track in [&mut self.specs, &mut self.id_lists] {
            track.due_ms = Some(later(now_ms, track.pace.share()));
        }
    }

    /// While specs are pushed, nobody asks for them; while the stream is away, somebody does, for
    /// the first time within an interval after `polling_since_ms`.
    pub(super) fn follow_stream(&mut self, polling_since_ms: Option<i64>) {
        match (polling_since_ms, self.specs.due_ms) {
            (None, _) => self.specs.due_ms = None,
            (Some(since_ms), None) => {
                // A proxy that dies takes the streams of all its clients along.
                let delay = self.specs.pace.early();
                self.specs.due_ms = Some(later(since_ms, delay));
            }
            (Some(_), Some(_)) => {}
        }
    }

    /// What is due now; it is not due again until its round has ended.
    pub(super) fn take_due(&mut self, now_ms: i64) -> Due {
        Due {
            specs: self.specs.take(now_ms),
            id_lists: self.id_lists.take(now_ms),
        }
    }

    pub(super) fn specs_ended(&mut self, now_ms: i64, end: RoundEnd) {
        self.specs.ended(now_ms, end);
    }

    pub(super) fn id_lists_ended(&mut self, now_ms: i64, end: RoundEnd) {
        self.id_lists.ended(now_ms, end);
    }

    pub(super) fn next_ms(&self) -> Option<i64> {
        [self.specs.due_ms, self.id_lists.due_ms]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Track {
    fn take(&mut self, now_ms: i64) -> bool {
        let is_due = self.due_ms.is_some_and(|due_ms| now_ms >= due_ms);
        if is_due {
            self.due_ms = None;
        }
        is_due
    }

    fn ended(&mut self, now_ms: i64, end: RoundEnd) {
        self.due_ms = Some(later(now_ms, self.pace.after(end)));
    }
}

fn later(now_ms: i64, delay: std::time::Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> Schedule {
        let settings = Settings {
            sync_jitter: 0.0,
            ..Settings::default()
        };
        Schedule::new(&settings, &mut fastrand::Rng::with_seed(1))
    }

    const BOTH: Due = Due {
        specs: true,
        id_lists: true,
    };

    #[test]
    fn the_delay_counts_from_the_end_of_a_round() {
        let mut schedule = schedule();
        schedule.begin(0, false);
        assert_eq!(schedule.next_ms(), Some(10_000));
        assert_eq!(schedule.take_due(9_999), Due::default());
        assert!(schedule.take_due(10_000).specs);
        assert!(!schedule.take_due(20_000).specs, "not while the round runs");
        schedule.specs_ended(25_000, RoundEnd::default());
        assert_eq!(schedule.next_ms(), Some(35_000));
        assert_eq!(schedule.take_due(60_000), BOTH);
    }

    #[test]
    fn specs_are_not_due_unless_the_stream_is_away() {
        let mut schedule = schedule();
        schedule.begin(0, true);
        schedule.follow_stream(None);
        assert_eq!(schedule.next_ms(), Some(60_000), "id lists only");
        schedule.follow_stream(Some(30_000));
        assert_eq!(schedule.next_ms(), Some(40_000));
        assert!(schedule.take_due(40_000).specs);
        schedule.specs_ended(41_000, RoundEnd::default());
        schedule.follow_stream(Some(30_000));
        assert_eq!(schedule.next_ms(), Some(51_000));
        schedule.follow_stream(None);
        assert_eq!(schedule.next_ms(), Some(60_000), "back on the stream");
    }

    #[test]
    fn a_fast_start_asks_for_specs_at_once() {
        let mut schedule = schedule();
        schedule.begin(5, true);
        let due = schedule.take_due(5);
        assert!(due.specs && !due.id_lists);
    }

    #[test]
    fn a_forked_child_starts_somewhere_within_the_interval() {
        let mut schedule = schedule();
        schedule.ensure_begun(1000);
        let first = schedule.next_ms().expect("planned");
        assert!((1000..=11_000).contains(&first));
        schedule.ensure_begun(5000);
        assert_eq!(schedule.next_ms(), Some(first));
        assert_eq!(schedule.take_due(61_000), BOTH);
    }
}
