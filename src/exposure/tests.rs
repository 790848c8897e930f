use std::path::PathBuf;

use serde_json::{Value, json};

use super::work::Extent;
use super::*;
use crate::clock::ManualClock;
use crate::eval::trace::NoTrace;
use crate::eval::{World, evaluate};
use crate::options::Options;
use crate::spec::id_list::IdLists;

/// Events of a client without threads and without a server, on a clock that stands still.
struct Fixture {
    events: Arc<Events>,
    clock: Arc<ManualClock>,
    dir: PathBuf,
}

impl Fixture {
    fn new(name: &str) -> Fixture {
        let dir = std::env::temp_dir().join(format!("tidegate-{name}-{}", std::process::id()));
        // Nobody listens on the port of the discard service.
        let options = json!({
            "api": "http://127.0.0.1:9/v1", "disable_error_reporting": true, "threads": "none",
            "event_spool_dir": dir, "event_queue_size": 5,
        });
        let (settings, _) = Settings::from_json(&options.to_string()).expect("options");
        let options = Options {
            settings,
            ..Options::default()
        };
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let clock_of_context = Arc::clone(&clock) as Arc<dyn crate::clock::Clock>;
        let ctx = Context::new("secret-0123456789", options, clock_of_context).expect("a context");
        let http = Http::new(&ctx.settings).expect("a network");
        let events = Events::new(Arc::new(ctx), &http).expect("events");
        Fixture { events, clock, dir }
    }

    fn log(&self, count: usize) {
        let user = Arc::new(User::from_json(r#"{"userID":"u"}"#).expect("a user"));
        for _ in 0..count {
            let event = CustomEvent {
                user: Arc::clone(&user),
                name: "e".into(),
                value: EventValue::None,
                metadata: None,
                statsig_metadata: None,
                time_ms: 0,
            };
            self.events.log(event).expect("accepted");
        }
    }

    /// Has what was accepted written to disk, if that works.
    fn sync(&self) {
        let state = self.events.state.get();
        for _ in 0..2 {
            self.events.work(state, Extent::Due, i64::MAX);
            self.clock.advance(50);
        }
    }

    /// Accepted, spooled, queued; checks that nothing is counted twice.
    fn counts(&self) -> [u64; 3] {
        let stats = self.events.stats();
        let number = |value: &Value| value.as_u64().expect("a number");
        let [accepted, spooled, queued] =
            ["accepted", "spooled", "queued"].map(|name| number(&stats[name]));
        let gone = number(&stats["sent"]) + number(&stats["dropped"]["total"]);
        assert_eq!(accepted, gone + spooled + queued, "{stats}");
        [accepted, spooled, queued]
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn an_exposure_that_was_seen_takes_no_lock_and_counts_nothing() {
    let fixture = Fixture::new("seen");
    let user = Arc::new(User::from_json(r#"{"userID":"u"}"#).expect("a user"));
    let snapshot = Arc::new(Snapshot::default());
    let (lists, global) = (IdLists::default(), serde_json::Map::new());
    let world = World {
        specs: &snapshot.specs,
        id_lists: &lists,
        overrides: None,
        user: &user,
        environment: None,
        global_custom_fields: &global,
        app_id: None,
        user_agent_enabled: false,
        country_enabled: false,
        now_ms: &|| 0,
    };
    let evaluation = evaluate(&world, Kind::Gate, "g", &mut NoTrace);
    let expose = || {
        let events = &fixture.events;
        events.expose(&snapshot, &user, &evaluation, None, false);
    };
    expose();
    assert_eq!(fixture.counts()[0], 1);
    let state = fixture.events.state.get();
    let held = (
        state.intake.lock_all(),
        state.seen.lock_all(),
        state.sighted.lock_all(),
        (state.work.lock(), state.queue.lock(), state.mail.lock()),
    );
    // Would wait for ever if it took one of them.
    expose();
    drop(held);
    assert_eq!(fixture.counts()[0], 1);
}

#[test]
fn a_batch_that_is_half_on_disk_is_counted_once() {
    let fixture = Fixture::new("half");
    fixture.log(2);
    fixture.sync();
    assert_eq!(fixture.counts(), [2, 2, 0]);

    let state = fixture.events.state.get();
    let break_spool = || {
        let mut work = state.work.lock();
        work.spool.spool.as_mut().expect("a spool").break_active();
    };
    break_spool();
    fixture.log(1);
    fixture.sync();
    assert_eq!(fixture.counts(), [3, 2, 1], "the open batch goes on");
    fixture.log(2);
    fixture.events.work(state, Extent::Due, i64::MAX);
    assert_eq!(
        fixture.counts(),
        [5, 0, 5],
        "the sealed one is in memory as a whole"
    );
    assert_eq!(fixture.events.stats()["spool"]["failing"], true);

    fixture.clock.advance(30_000);
    fixture.log(5);
    fixture.sync();
    assert_eq!(
        fixture.counts(),
        [10, 5, 5],
        "the next batch is on disk again"
    );
    assert_eq!(fixture.events.stats()["spool"]["failing"], false);

    let info = fixture.events.shutdown(0);
    assert_eq!((info.spooled, info.dropped, info.queued), (5, 5, 0));
    assert_eq!(fixture.counts(), [10, 5, 0]);
}

#[test]
fn a_hanging_disk_holds_up_no_flush_and_no_shutdown() {
    let fixture = Fixture::new("hanging");
    fixture.log(3);
    let state = fixture.events.state.get();
    let hanging = state.work.lock();
    let info = fixture.events.flush(Duration::ZERO);
    assert_eq!((info.sent, info.queued), (0, 3));
    fixture.events.shutdown(0);
    drop(hanging);
    assert_eq!(
        fixture.counts(),
        [3, 0, 3],
        "nothing is lost without being told"
    );
}

#[test]
fn windows_keep_their_phase() {
    let fixture = Fixture::new("windows");
    let state = fixture.events.state.get();
    let first_end_ms = state.window_end_ms();
    for (now_ms, ends_after_ms) in [
        (first_end_ms - 1, 0),
        (first_end_ms, 60_000),
        (first_end_ms + 59_999, 60_000),
        (first_end_ms + 200_000, 240_000),
    ] {
        state.end_window_if_due(now_ms);
        assert_eq!(
            state.window_end_ms() - first_end_ms,
            ends_after_ms,
            "at {now_ms}"
        );
    }
}
