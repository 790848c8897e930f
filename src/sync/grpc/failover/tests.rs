use super::*;
use crate::clock::{Clock, ManualClock};

fn policy(base_ms: u64, multiplier: f64, max_retries: u32, threshold: u32) -> Policy {
    Policy {
        base: Duration::from_millis(base_ms),
        multiplier,
        longest: Duration::from_secs(600),
        max_retries,
        threshold,
    }
}

fn defaults() -> Policy {
    let entry: ProxyConfig =
        serde_json::from_str(r#"{"protocol": "grpc_websocket", "proxy_address": "h:1"}"#).unwrap();
    Policy::new(&entry)
}

/// Fails `count` times on a clock of its own; for each opening its time, and whether polling had
/// started by then.
fn openings(policy: Policy, count: usize) -> Vec<(i64, bool)> {
    let clock = ManualClock::new(0);
    let mut failover = Failover::new(policy);
    let mut is_polling = false;
    let mut found = Vec::new();
    for _ in 0..count {
        found.push((clock.monotonic_ms(), is_polling));
        let retry = failover.ended(End::Failed);
        is_polling |= retry.starts_polling;
        clock.advance(i64::try_from(retry.delay.as_millis()).unwrap());
    }
    found
}

#[test]
fn delays_grow_from_the_base_to_the_limit() {
    let mut failover = Failover::new(defaults());
    let delays: Vec<u64> = (0..12)
        .map(|_| failover.ended(End::Failed).delay.as_secs())
        .collect();
    assert_eq!(
        delays,
        [10, 50, 250, 600, 600, 600, 600, 600, 600, 600, 600, 600]
    );
}

#[test]
fn a_proxy_that_stays_away_is_tried_at_the_documented_times() {
    let found = openings(policy(200, 2.0, 4, 1), 6);
    let expected = [
        (0, false),
        (200, false),
        (600, true),
        (1400, true),
        (3000, true),
        (603_000, true),
    ];
    assert_eq!(found, expected);
}

#[test]
fn polling_starts_after_as_many_retries_as_the_threshold_says() {
    for (threshold, max_retries, starts_at_failure) in [
        (0, 10, 1),
        (1, 10, 2),
        (4, 10, 5),
        // Not below the number of retries: the threshold is still looked at first.
        (2, 2, 3),
        (0, 0, 1),
        // Never reached: exhaustion starts polling.
        (9, 2, 3),
    ] {
        let mut failover = Failover::new(policy(10, 1.0, max_retries, threshold));
        let starts: Vec<bool> = (0..8)
            .map(|_| failover.ended(End::Failed).starts_polling)
            .collect();
        let at = starts.iter().position(|starts| *starts).unwrap() + 1;
        assert_eq!(
            at, starts_at_failure,
            "threshold {threshold} of {max_retries}"
        );
        assert_eq!(starts.iter().filter(|starts| **starts).count(), 1);
    }
}

#[test]
fn retries_that_are_used_up_are_told_once_and_do_not_end_the_trying() {
    let mut failover = Failover::new(policy(100, 1.0, 2, 0));
    let retries: Vec<Retry> = (0..5).map(|_| failover.ended(End::Failed)).collect();
    let exhausted: Vec<bool> = retries.iter().map(|retry| retry.is_exhausted).collect();
    assert_eq!(exhausted, [false, false, true, false, false]);
    let used: Vec<u32> = retries.iter().map(|retry| retry.used).collect();
    assert_eq!(used, [0, 1, 2, 2, 2]);
    assert_eq!(retries[4].delay, Duration::from_secs(600));
    let reconnected = failover.received().unwrap();
    assert_eq!((reconnected.used, reconnected.stops_polling), (2, true));
}

#[test]
fn the_first_message_resets_everything_and_the_next_ones_nothing() {
    let mut failover = Failover::new(policy(100, 2.0, 4, 0));
    assert_eq!(failover.received(), None, "nothing had failed");
    let first = failover.ended(End::Failed);
    assert!(first.starts_polling);
    failover.ended(End::Failed);
    let reconnected = failover.received();
    assert_eq!(
        reconnected,
        Some(Reconnected {
            used: 2,
            stops_polling: true
        })
    );
    assert_eq!(failover.received(), None);
    assert_eq!(failover.ended(End::Failed), first, "from the base again");
}

#[test]
fn a_stream_that_ends_in_good_order_is_opened_again_soon() {
    let mut failover = Failover::new(defaults());
    let retry = failover.ended(End::Closed);
    assert_eq!((retry.delay.as_millis(), retry.used), (1_000, 0));
    // The quick retry takes no delay from the sequence.
    assert_eq!(failover.ended(End::Failed).delay.as_secs(), 10);
    assert_eq!(failover.ended(End::Closed).delay.as_secs(), 50);

    let mut failover = Failover::new(policy(200, 2.0, 4, 0));
    let retry = failover.ended(End::Closed);
    assert_eq!(retry.delay.as_millis(), 200, "never later than the base");
    assert!(retry.starts_polling, "counted like a failure");
}

#[test]
fn odd_numbers_give_delays_that_can_be_waited_for() {
    for (base, multiplier) in [(0, 0.0), (0, 5.0), (10, 0.0), (10, 1e300), (u64::MAX, 2.0)] {
        let mut failover = Failover::new(policy(base, multiplier, 1_000, 1));
        for _ in 0..1_000 {
            let delay = failover.ended(End::Failed).delay;
            assert!(delay >= SHORTEST_DELAY && delay <= Duration::from_secs(600));
        }
    }
}

#[test]
fn an_explicit_zero_is_no_default() {
    let entry: ProxyConfig = serde_json::from_str(
        r#"{"protocol": "grpc_websocket", "proxy_address": "h:1", "max_retry_attempt": 0,
            "retry_backoff_base_ms": 0, "push_worker_failover_threshold": 0,
            "retry_backoff_multiplier": 0, "retry_backoff_max_ms": 0}"#,
    )
    .unwrap();
    let expected = Policy {
        base: Duration::ZERO,
        multiplier: 0.0,
        longest: Duration::ZERO,
        max_retries: 0,
        threshold: 0,
    };
    assert_eq!(Policy::new(&entry), expected);
}

#[test]
fn silence_means_something_after_a_heartbeat_only() {
    let mut liveness = Liveness::default();
    assert_eq!(liveness.patience(), None);
    liveness.received(false);
    assert_eq!(liveness.patience(), None, "the answer to the opening");
    liveness.received(true);
    assert_eq!(liveness.patience(), None, "news");
    liveness.received(false);
    assert_eq!(liveness.patience(), Some(Duration::from_secs(90)));
    liveness.received(true);
    assert_eq!(liveness.patience(), Some(Duration::from_secs(90)));
}
