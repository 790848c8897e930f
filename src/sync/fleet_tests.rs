//! Ten thousand clients and one service, on a clock that is moved by hand: when do they ask?

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::pace::RoundEnd;
use super::schedule::Schedule;
use crate::clock::{Clock, ManualClock};
use crate::options::Settings;

const CLIENTS: u32 = 10_000;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
/// Requests per second of a fleet that is left alone, at the default interval of ten seconds.
const STEADY: u32 = 1_000;

/// Clients in order of their next round.
struct Fleet {
    clock: ManualClock,
    clients: Vec<Schedule>,
    due: BinaryHeap<Reverse<(i64, usize)>>,
    /// Requests for specs by second.
    asked: Vec<u32>,
}

impl Fleet {
    /// Starts each client at a time of its own.
    fn start(settings: &Settings, start_ms: impl Fn(u32) -> i64) -> Fleet {
        let mut random = fastrand::Rng::with_seed(7);
        let mut fleet = Fleet {
            clock: ManualClock::new(0),
            clients: Vec::new(),
            due: BinaryHeap::new(),
            asked: vec![0; 1800],
        };
        for number in 0..CLIENTS {
            let mut client = Schedule::new(settings, &mut random);
            client.begin(start_ms(number), false);
            fleet.plan(number as usize, &client);
            fleet.clients.push(client);
        }
        fleet
    }

    fn plan(&mut self, number: usize, client: &Schedule) {
        if let Some(next_ms) = client.next_ms() {
            self.due.push(Reverse((next_ms, number)));
        }
    }

    /// Lets time pass until `until_ms`; `answer` says how a request at some time ends.
    fn run(&mut self, until_ms: i64, answer: impl Fn(i64) -> RoundEnd) {
        while let Some(Reverse((due_ms, number))) = self.due.pop() {
            if due_ms >= until_ms {
                self.due.push(Reverse((due_ms, number)));
                break;
            }
            self.clock
                .advance((due_ms - self.clock.monotonic_ms()).max(0));
            let now_ms = self.clock.monotonic_ms();
            let client = &mut self.clients[number];
            let due = client.take_due(now_ms);
            if due.specs {
                self.asked[usize::try_from(now_ms / SECOND).unwrap()] += 1;
                client.specs_ended(now_ms, answer(now_ms));
            }
            if due.id_lists {
                client.id_lists_ended(now_ms, RoundEnd::default());
            }
            if let Some(next_ms) = client.next_ms() {
                self.due.push(Reverse((next_ms, number)));
            }
        }
        self.clock
            .advance((until_ms - self.clock.monotonic_ms()).max(0));
    }

    /// The most requests of one second.
    fn peak(&self, from_ms: i64, to_ms: i64) -> u32 {
        let second = |ms: i64| usize::try_from(ms / SECOND).unwrap();
        let span = &self.asked[second(from_ms)..second(to_ms)];
        span.iter().copied().max().unwrap()
    }
}

/// Started by and by, as a fleet that has grown.
fn spread_start(number: u32) -> i64 {
    i64::from(number) * 10 * SECOND / i64::from(CLIENTS)
}

fn failed(retry_after: Option<Duration>) -> RoundEnd {
    RoundEnd {
        is_overload: true,
        retry_after,
    }
}

#[test]
fn an_outage_is_not_followed_by_a_burst() {
    let (outage, back, end) = (3 * MINUTE, 11 * MINUTE, 16 * MINUTE);
    for (name, start) in [
        ("grown", spread_start as fn(u32) -> i64),
        ("started in the same second", |_| 0),
    ] {
        let mut fleet = Fleet::start(&Settings::default(), start);
        fleet.run(end, |now_ms| {
            if (outage..back).contains(&now_ms) {
                failed(None)
            } else {
                RoundEnd::default()
            }
        });
        let during = fleet.peak(outage + 6 * MINUTE, back);
        let after = fleet.peak(back, end);
        println!(
            "{name}: most requests in a second {during} at the end of the outage, {after} after it"
        );
        assert!(
            during < STEADY / 2,
            "{name}: a service in trouble is left alone"
        );
        assert!(after < STEADY * 3 / 2, "{name}: {after}");
    }
}

/// All are told the same date.
#[test]
fn a_date_to_come_back_at_does_not_bring_all_back_at_once() {
    let (outage, back, end) = (MINUTE, 4 * MINUTE, 8 * MINUTE);
    let mut fleet = Fleet::start(&Settings::default(), spread_start);
    fleet.run(end, |now_ms| {
        if (outage..back).contains(&now_ms) {
            let left = u64::try_from(back - now_ms).unwrap();
            failed(Some(Duration::from_millis(left)))
        } else {
            RoundEnd::default()
        }
    });
    // The last ones before the date are those whose delay was longer than what was left.
    assert_eq!(fleet.peak(outage + MINUTE, back), 0, "the date is honored");
    let after = fleet.peak(back, end);
    println!("most requests in a second after the date: {after}");
    assert!(after < STEADY * 3 / 2, "{after}");
}

/// A proxy that dies takes all streams along in the same instant; clients then poll the service.
#[test]
fn clients_of_a_proxy_that_dies_do_not_fall_upon_the_service() {
    let (dies, returns, end) = (MINUTE, 4 * MINUTE, 5 * MINUTE);
    let mut fleet = Fleet::start(&Settings::default(), spread_start);
    for client in &mut fleet.clients {
        client.follow_stream(None);
    }
    fleet.run(dies, |_| RoundEnd::default());
    assert_eq!(fleet.peak(10 * SECOND, dies), 0, "specs are pushed");
    for number in 0..fleet.clients.len() {
        fleet.clients[number].follow_stream(Some(dies));
        let next_ms = fleet.clients[number].next_ms().unwrap();
        fleet.due.push(Reverse((next_ms, number)));
    }
    fleet.run(returns, |_| RoundEnd::default());
    let peak = fleet.peak(dies, returns);
    println!("most requests in a second after the proxy has died: {peak}");
    assert!(peak < STEADY * 5 / 2, "{peak}");
    for client in &mut fleet.clients {
        client.follow_stream(None);
    }
    fleet.run(end, |_| RoundEnd::default());
    assert_eq!(fleet.peak(returns + SECOND, end), 0);
}

#[cfg(feature = "grpc")]
#[test]
fn streams_that_broke_together_are_not_opened_together() {
    use super::grpc::openings_after;
    // Every client loses its stream at 0; the proxy is back after a minute.
    let mut asked = vec![0_u32; 3600];
    let mut opened = vec![0_u32; 3600];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..CLIENTS {
        let times = openings_after(Duration::from_secs(60), 0.1, random.fork());
        for time in &times {
            asked[usize::try_from(time.as_secs()).unwrap()] += 1;
        }
        let last = times.last().unwrap();
        opened[usize::try_from(last.as_secs()).unwrap()] += 1;
    }
    let peak = |seconds: &[u32]| seconds.iter().copied().max().unwrap();
    println!(
        "most openings in a second {}, of streams that stay {}",
        peak(&asked),
        peak(&opened)
    );
    assert!(peak(&asked) < CLIENTS / 4, "{}", peak(&asked));
    assert!(peak(&opened) < CLIENTS / 20, "{}", peak(&opened));
}
