use super::*;
use crate::exposure::batch::Encoding;

fn batch(number: u128, events: u32) -> Batch {
    Batch {
        id: BatchId(number),
        body: vec![],
        encoding: Encoding::Plain,
        events,
        origin: Origin::Own,
        attempts: 0,
        is_on_disk: false,
    }
}

fn at(ms: i64) -> Now {
    Now {
        ms,
        interval: None,
        chance: 0.0,
    }
}

const RETRY: Outcome = Outcome::Retry { after: None };

/// Tries what is due at `ms`; gives the ids tried.
fn attempt(queue: &mut DeliveryQueue, now: Now, outcome: Outcome) -> Vec<u128> {
    let mut taken = Vec::new();
    while let Some(next) = queue.next(now.ms) {
        taken.push(next);
    }
    let ids = taken.iter().map(|(_, batch)| batch.id.0).collect();
    for (ticket, batch) in taken {
        queue.finish(ticket, batch, outcome, now);
    }
    ids
}

#[test]
fn a_full_queue_drops_its_oldest() {
    let mut queue = DeliveryQueue::new(3);
    let displaced: Vec<u128> = (0..10)
        .filter_map(|number| queue.push(batch(number, 10)))
        .map(|out| out.id.0)
        .collect();
    assert_eq!(displaced, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(queue.events_in_memory_only(), 30);
    assert_eq!(attempt(&mut queue, at(0), Outcome::Sent), [7, 8, 9]);
    assert_eq!(
        (
            queue.len(),
            queue.in_flight(),
            queue.events_in_memory_only()
        ),
        (0, 0, 0)
    );
}

#[test]
fn a_batch_on_disk_gives_way_to_older_ones() {
    let mut queue = DeliveryQueue::new(1);
    assert_eq!(queue.push(batch(1, 1)), None);
    let spooled = Batch {
        is_on_disk: true,
        ..batch(2, 1)
    };
    assert_eq!(queue.push(spooled).map(|out| out.id.0), Some(2));
}

#[test]
fn failures_wait_longer_and_longer_and_attempts_end() {
    let mut queue = DeliveryQueue::new(10);
    queue.push(batch(1, 5));
    let mut times = Vec::new();
    let mut now_ms = 0;
    let fate = loop {
        let (ticket, batch) = queue.next(now_ms).expect("due");
        times.push(now_ms / 1_000);
        match queue.finish(ticket, batch, RETRY, at(now_ms)).0 {
            Fate::WillRetry => {
                let due = queue.opens_at_ms(now_ms).expect("waits");
                assert!(queue.next(due - 1).is_none());
                now_ms = due;
            }
            other => break other,
        }
    };
    assert_eq!(times, [0, 1, 3, 7, 15, 31, 63, 127, 247, 367, 487]);
    assert!(matches!(fate, Fate::Dropped(Cause::Attempts)));
    assert_eq!(queue.opens_at_ms(now_ms), None);
}

#[test]
fn batches_on_disk_are_tried_for_ever() {
    let mut queue = DeliveryQueue::new(1);
    queue.push(Batch {
        is_on_disk: true,
        attempts: 100,
        ..batch(1, 1)
    });
    assert_eq!(attempt(&mut queue, at(0), RETRY), [1]);
    assert_eq!(queue.len(), 1);
}

#[test]
fn the_wait_is_shared_and_success_ends_it() {
    let mut queue = DeliveryQueue::new(10);
    queue.push(batch(1, 1));
    assert_eq!(attempt(&mut queue, at(0), RETRY), [1]);
    queue.push(batch(2, 1));
    assert_eq!(queue.due(999), 0);
    assert_eq!(queue.due(1_000), 2);
    let (ticket, first) = queue.next(1_000).expect("due");
    queue.finish(ticket, first, Outcome::Sent, at(1_000));
    assert_eq!(attempt(&mut queue, at(1_000), Outcome::Sent), [2]);
    assert_eq!(queue.backoff(), Duration::from_secs(1));
}

#[test]
fn the_server_can_ask_for_a_longer_wait() {
    let mut queue = DeliveryQueue::new(10);
    queue.push(batch(1, 1));
    let after = Some(Duration::from_secs(30));
    assert_eq!(attempt(&mut queue, at(0), Outcome::Retry { after }), [1]);
    assert_eq!(queue.opens_at_ms(0), Some(30_000));
}

#[test]
fn q14_q15_an_interval_from_the_ruleset_paces_successes_and_failures() {
    let mut queue = DeliveryQueue::new(10);
    for number in 1..=3 {
        queue.push(batch(number, 1));
    }
    let paced = |ms, seconds| Now {
        interval: Some(Duration::from_secs_f64(seconds)),
        ..at(ms)
    };
    let (ticket, first) = queue.next(900).expect("due");
    queue.finish(ticket, first, Outcome::Sent, paced(900, 3.0));
    assert_eq!(queue.opens_at_ms(900), Some(3_900));

    let mut times = Vec::new();
    let mut now_ms = 3_900;
    for _ in 0..5 {
        let (ticket, batch) = queue.next(now_ms).expect("due");
        times.push(now_ms);
        queue.finish(ticket, batch, RETRY, paced(now_ms, 0.2));
        now_ms = queue.opens_at_ms(now_ms).expect("waits");
    }
    assert_eq!(times, [3_900, 4_100, 4_300, 4_500, 4_700]);
}

#[test]
fn a_rejected_batch_is_dropped_and_delays_nobody() {
    let mut queue = DeliveryQueue::new(10);
    queue.push(batch(1, 1));
    queue.push(batch(2, 1));
    let (ticket, first) = queue.next(0).expect("due");
    let (fate, _) = queue.finish(ticket, first, Outcome::Rejected, at(0));
    assert!(matches!(fate, Fate::Dropped(Cause::Rejected)));
    assert_eq!(attempt(&mut queue, at(0), Outcome::Sent), [2]);
}

#[test]
fn urged_batches_are_tried_once_at_once() {
    let mut queue = DeliveryQueue::new(10);
    queue.push(batch(1, 1));
    queue.push(batch(2, 1));
    assert_eq!(attempt(&mut queue, at(0), RETRY), [1, 2]);
    assert_eq!(queue.due(1), 0);
    let mark = queue.urge();
    queue.push(batch(3, 1));
    assert!(!queue.is_settled(mark));
    assert_eq!(queue.due(1), 2);
    let (ticket, first) = queue.next(1).expect("urgent");
    queue.finish(ticket, first, RETRY, at(1));
    assert!(!queue.is_settled(mark), "the second was not tried yet");
    let (ticket, second) = queue.next(1).expect("urgent");
    assert!(!queue.is_settled(mark), "the second is under way");
    queue.finish(ticket, second, RETRY, at(1));
    assert!(queue.is_settled(mark), "a retry is not waited for");
    assert!(queue.next(1).is_none());
}

#[test]
fn a_retry_into_a_full_queue_drops_the_oldest_or_goes_back_to_disk() {
    let mut queue = DeliveryQueue::new(1);
    queue.push(batch(1, 1));
    let (ticket, first) = queue.next(0).expect("due");
    queue.push(batch(2, 1));
    let (fate, displaced) = queue.finish(ticket, first, RETRY, at(0));
    assert!(matches!(fate, Fate::WillRetry));
    assert_eq!(displaced.map(|out| out.id.0), Some(2));

    let mut queue = DeliveryQueue::new(1);
    queue.push(Batch {
        is_on_disk: true,
        ..batch(1, 1)
    });
    let (ticket, first) = queue.next(0).expect("due");
    queue.push(batch(2, 1));
    let (fate, displaced) = queue.finish(ticket, first, RETRY, at(0));
    assert!(matches!(fate, Fate::LeftOnDisk));
    assert_eq!(displaced, None);
}

#[test]
fn a_closed_queue_counts_everything_once() {
    let mut queue = DeliveryQueue::new(10);
    queue.push(batch(1, 1));
    queue.push(batch(2, 2));
    let (ticket, first) = queue.next(0).expect("due");
    assert_eq!(queue.close().iter().map(|out| out.events).sum::<u32>(), 3);
    assert!(matches!(
        queue.finish(ticket, first, Outcome::Sent, at(0)).0,
        Fate::Late
    ));
    assert_eq!(queue.push(batch(3, 1)).map(|out| out.id.0), Some(3));
    assert!(queue.close().is_empty());
}

#[test]
fn a_batch_that_lost_its_place_on_disk_counts_as_in_memory() {
    let mut queue = DeliveryQueue::new(10);
    queue.push(Batch {
        is_on_disk: true,
        ..batch(1, 3)
    });
    queue.push(Batch {
        is_on_disk: true,
        ..batch(2, 4)
    });
    let (ticket, first) = queue.next(0).expect("due");
    assert_eq!(queue.events_in_memory_only(), 0);
    queue.forget_disk(BatchId(1));
    queue.forget_disk(BatchId(2));
    assert_eq!(queue.events_in_memory_only(), 7);
    queue.finish(ticket, first, RETRY, at(0));
    assert_eq!(queue.events_in_memory_only(), 7);
}

#[test]
fn senders_are_hired_as_batches_come_due() {
    let mut queue = DeliveryQueue::new(10);
    assert_eq!(queue.hire(0), 0);
    queue.push(batch(1, 1));
    assert_eq!((queue.hire(0), queue.hire(0)), (1, 0));
    let (ticket, first) = queue.next_or_leave(0).expect("due");
    for number in 2..=9 {
        queue.push(batch(number, 1));
    }
    assert_eq!((queue.hire(0), queue.senders), (3, 4));
    queue.finish(ticket, first, RETRY, at(0));
    assert!(queue.next_or_leave(0).is_none());
    assert_eq!((queue.senders, queue.hire(0)), (3, 0));
    assert_eq!(queue.hire(1_000), 1);
}
