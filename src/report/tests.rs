use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;
use crate::clock::ManualClock;
use crate::host::Metrics;

#[derive(Default)]
struct Seen {
    errors: Mutex<Vec<(String, String)>>,
    metrics: Mutex<Vec<(String, f64, String)>>,
}

impl Metrics for Seen {
    fn increment(&self, name: &str, value: f64, tags_json: &str) {
        let entry = (name.to_owned(), value, tags_json.to_owned());
        self.metrics.lock().push(entry);
    }
    fn gauge(&self, _: &str, _: f64, _: &str) {
        panic!("a broken collector");
    }
    fn distribution(&self, name: &str, value: f64, tags_json: &str) {
        self.increment(name, value, tags_json);
    }
}

fn reporter(options: &str, seen: &Arc<Seen>) -> Reporter {
    let (settings, _) = Settings::from_json(options).expect("options");
    let errors = Arc::clone(seen);
    let hooks = Hooks {
        metrics: Some(Arc::clone(seen) as Arc<dyn Metrics>),
        error: Some(Arc::new(move |tag, code, text| {
            let entry = (tag.to_owned(), format!("{code}: {text}"));
            errors.errors.lock().push(entry);
            panic!("a broken callback");
        })),
        ..Hooks::default()
    };
    Reporter::new(&settings, &hooks, Arc::new(ManualClock::new(0)))
}

#[test]
fn an_error_is_told_once_per_kind_without_the_key() {
    let seen = Arc::new(Seen::default());
    let reporter = reporter("", &seen);
    let wakes = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&wakes);
    reporter.set_waker(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    for _ in 0..3 {
        reporter.error("get_config", "TypeError", "key secret-0123456789", None);
    }
    let reports = reporter.take_reports();
    assert_eq!(
        reports,
        [ErrorReport {
            exception: "TypeError".into(),
            tag: "get_config".into(),
            info: "key secret-01234*****".into(),
            extra: None,
        }]
    );
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    assert_eq!(
        *seen.errors.lock(),
        [(
            "get_config".into(),
            "TypeError: key secret-01234*****".into()
        )]
    );
    assert_eq!(
        *seen.metrics.lock(),
        [("statsig.sdk.sdk_exceptions_count".into(), 1.0, "{}".into())]
    );
    assert_eq!(
        reporter.last_error().as_deref(),
        Some("get_config: TypeError: key secret-01234*****")
    );
    let body: Value =
        serde_json::from_str(&reports[0].body(&json!({"sdkType": "t"}), reporter.options_copy()))
            .expect("JSON");
    assert_eq!(
        body,
        json!({"exception": "TypeError", "info": "key secret-01234*****", "tag": "get_config",
               "statsigMetadata": {"sdkType": "t"}, "extra": null,
               "statsigOptions": {"observability_client": "SET", "sdk_error_callback": "SET"}})
    );
}

#[test]
fn some_errors_are_told_each_time() {
    let seen = Arc::new(Seen::default());
    let reporter = reporter("", &seen);
    for _ in 0..3 {
        reporter.error_repeated("t", "e", "i", Some(json!({"n": 1})), Repeat::Always);
    }
    assert_eq!(reporter.take_reports().len(), 3);
    assert_eq!(seen.errors.lock().len(), 3);
}

#[test]
fn switches_stop_reports_and_callbacks() {
    for (options, callbacks) in [
        (r#"{"disable_all_logging": true}"#, 0),
        (r#"{"local_mode": true}"#, 1),
        (r#"{"disable_error_reporting": true}"#, 1),
    ] {
        let seen = Arc::new(Seen::default());
        let reporter = reporter(options, &seen);
        reporter.error("t", "e", "i", None);
        assert!(!reporter.has_reports(), "{options}");
        assert_eq!(seen.errors.lock().len(), callbacks, "{options}");
        assert_eq!(reporter.last_error().as_deref(), Some("t: e: i"));
    }
}

#[test]
fn metrics_lose_wide_tags_and_survive_a_broken_collector() {
    let seen = Arc::new(Seen::default());
    let reporter = reporter("", &seen);
    reporter.gauge("x", 1.0, &[]);
    reporter.distribution(
        "config_propagation_diff",
        2.5,
        &[("lcut", "17"), ("source", "n")],
    );
    assert_eq!(
        *seen.metrics.lock(),
        [(
            "statsig.sdk.config_propagation_diff".into(),
            2.5,
            r#"{"source":"n"}"#.into()
        )]
    );
}

#[test]
fn a_forked_child_forgets_the_reports_of_its_parent() {
    let reporter = reporter("", &Arc::new(Seen::default()));
    reporter.error("t", "e", "i", None);
    reporter.after_fork_child();
    assert!(!reporter.has_reports());
    assert_eq!(reporter.last_error(), None);
}
