//! Diagnostics: start and end markers of what the client does, sent as sampled events.
//!
//! Markers gather per context, up to a cap. When a context is emitted, a draw against the rate the
//! ruleset names decides whether its markers become an event.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::lock::Mutex;
use serde::Serialize;
use serde_json::{Map, Value};

use super::redact;
use crate::clock::Clock;
use crate::fork_cell::ForkCell;
use crate::options::Settings;

/// Markers kept per context; further ones are left out until the context is emitted.
const MARKERS_MAX: usize = 50;
/// Events that wait for the events thread; the oldest gives way.
const EVENTS_MAX: usize = 16;
/// Rates are out of this many.
const RATE_WHOLE: u32 = 10_000;
const RATE_INITIALIZE: u32 = 10_000;
const RATE_OTHER: u32 = 100;

/// What a group of markers is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiagnosticsContext {
    Initialize,
    ConfigSync,
    ApiCall,
    LogEvent,
}

impl DiagnosticsContext {
    const ALL: usize = 4;

    fn as_str(self) -> &'static str {
        match self {
            DiagnosticsContext::Initialize => "initialize",
            DiagnosticsContext::ConfigSync => "config_sync",
            DiagnosticsContext::ApiCall => "api_call",
            DiagnosticsContext::LogEvent => "log_event",
        }
    }
}

/// What a marker measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    Overall,
    DownloadConfigSpecs,
    DataStoreConfigSpecs,
    Bootstrap,
    GetIdListSources,
    GetIdList,
    CheckGate,
    GetConfig,
    GetExperiment,
    GetLayer,
}

impl Key {
    fn as_str(self) -> &'static str {
        match self {
            Key::Overall => "overall",
            Key::DownloadConfigSpecs => "download_config_specs",
            Key::DataStoreConfigSpecs => "data_store_config_specs",
            Key::Bootstrap => "bootstrap",
            Key::GetIdListSources => "get_id_list_sources",
            Key::GetIdList => "get_id_list",
            Key::CheckGate => "check_gate",
            Key::GetConfig => "get_config",
            Key::GetExperiment => "get_experiment",
            Key::GetLayer => "get_layer",
        }
    }

    /// The name of the rate that decides whether a config sync is told.
    fn sync_rate(self) -> Option<&'static str> {
        match self {
            Key::GetIdList | Key::GetIdListSources => Some("idlist"),
            Key::DownloadConfigSpecs => Some("dcs"),
            _ => None,
        }
    }
}

/// Which part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Process,
    NetworkRequest,
}

/// What is known at one end of the work; what is `None` is not written.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Marker<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_list_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdk_region: Option<&'a str>,
    #[serde(rename = "markerID", skip_serializing_if = "Option::is_none")]
    pub marker_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<MarkerError<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_protocol: Option<&'static str>,
}

/// What went wrong between start and end.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct MarkerError<'a> {
    pub name: &'a str,
    pub message: &'a str,
}

#[derive(Serialize)]
struct Stored<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Key>,
    action: &'static str,
    timestamp: i64,
    #[serde(flatten)]
    marker: Marker<'a>,
}

/// Markers as they are sent: the part after `"metadata":` and the time.
#[derive(Debug, Clone, PartialEq)]
pub struct DiagnosticsEvent {
    /// JSON object with `markers` and `context`.
    pub metadata: Box<str>,
    /// When the event was made.
    pub time_ms: i64,
}

/// Ties the end of an API call to its start.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct ApiMarker(Option<(Key, usize)>);

#[derive(Default)]
struct State {
    /// Comma-separated JSON objects, and how many, per context.
    markers: [(String, usize); DiagnosticsContext::ALL],
    events: Vec<DiagnosticsEvent>,
}

impl State {
    fn context(&mut self, context: DiagnosticsContext) -> &mut (String, usize) {
        let [initialize, config_sync, api_call, log_event] = &mut self.markers;
        match context {
            DiagnosticsContext::Initialize => initialize,
            DiagnosticsContext::ConfigSync => config_sync,
            DiagnosticsContext::ApiCall => api_call,
            DiagnosticsContext::LogEvent => log_event,
        }
    }
}

/// The markers of one client.
pub struct Diagnostics {
    clock: Arc<dyn Clock>,
    is_silent: bool,
    marks_api_calls: bool,
    in_background: AtomicBool,
    requests: AtomicU64,
    /// Mirrors the number of API call markers, so that a full context costs callers one load.
    api_markers: AtomicUsize,
    state: ForkCell<Mutex<State>>,
}

impl Diagnostics {
    pub(super) fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let is_silent = settings.disable_all_logging || settings.local_mode;
        Diagnostics {
            clock,
            is_silent,
            marks_api_calls: !is_silent && !settings.disable_diagnostics,
            in_background: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            api_markers: AtomicUsize::new(0),
            state: ForkCell::new(|| Mutex::new(State::default())),
        }
    }

    /// Marks the start of work on specs or id lists.
    pub fn start(&self, key: Key, marker: Marker<'_>) {
        self.store(self.sync_context(key), Some(key), "start", marker);
    }

    /// Marks its end.
    pub fn end(&self, key: Key, marker: Marker<'_>) {
        self.store(self.sync_context(key), Some(key), "end", marker);
    }

    fn sync_context(&self, key: Key) -> DiagnosticsContext {
        if key == Key::Overall || !self.in_background.load(Ordering::Relaxed) {
            DiagnosticsContext::Initialize
        } else {
            DiagnosticsContext::ConfigSync
        }
    }

    /// From here on markers belong to background sync, not to initialize.
    pub fn enter_background(&self) {
        self.in_background.store(true, Ordering::Relaxed);
    }

    /// Numbers the HTTP requests of the client, from 0: the ids of event delivery markers.
    pub fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Marks the start of an evaluation call. Costs one load once the context is full.
    pub fn api_start(&self, key: Key, config_name: &str) -> ApiMarker {
        if !self.marks_api_calls || self.api_markers.load(Ordering::Relaxed) >= MARKERS_MAX {
            return ApiMarker(None);
        }
        let number = {
            let mut state = self.state.get().lock();
            state.context(DiagnosticsContext::ApiCall).1
        };
        let marker = ApiMarker(Some((key, number)));
        self.store_api(marker, "start", config_name, None);
        marker
    }

    /// Marks its end.
    pub fn api_end(&self, start: ApiMarker, config_name: &str, success: bool) {
        self.store_api(start, "end", config_name, Some(success));
    }

    fn store_api(&self, api: ApiMarker, action: &'static str, name: &str, success: Option<bool>) {
        let ApiMarker(Some((key, number))) = api else {
            return;
        };
        let id = format!("{}_{number}", key.as_str());
        let marker = Marker {
            success,
            marker_id: Some(&id),
            config_name: Some(name),
            ..Marker::default()
        };
        self.store(DiagnosticsContext::ApiCall, Some(key), action, marker);
    }

    /// Marks the start of the delivery of a batch.
    pub fn delivery_start(&self, marker: Marker<'_>) {
        self.store(DiagnosticsContext::LogEvent, None, "start", marker);
    }

    /// Marks its end.
    pub fn delivery_end(&self, marker: Marker<'_>) {
        self.store(DiagnosticsContext::LogEvent, None, "end", marker);
    }

    fn store(
        &self,
        context: DiagnosticsContext,
        key: Option<Key>,
        action: &'static str,
        marker: Marker<'_>,
    ) {
        if self.is_silent {
            return;
        }
        let url = marker.url.map(redact);
        let message = marker.error.map(|error| redact(error.message));
        let marker = Marker {
            url: url.as_deref(),
            error: marker
                .error
                .zip(message.as_deref())
                .map(|(error, message)| MarkerError {
                    name: error.name,
                    message,
                }),
            ..marker
        };
        let stored = Stored {
            key,
            action,
            timestamp: self.clock.now_ms(),
            marker,
        };
        let Ok(json) = serde_json::to_string(&stored) else {
            return;
        };
        let mut state = self.state.get().lock();
        let (text, count) = state.context(context);
        if *count >= MARKERS_MAX {
            return;
        }
        if *count > 0 {
            text.push(',');
        }
        text.push_str(&json);
        *count += 1;
        if context == DiagnosticsContext::ApiCall {
            self.api_markers.store(*count, Ordering::Relaxed);
        }
    }

    /// Ends initialize: its markers become an event if `rates` (the ruleset's `diagnostics`) and
    /// the draw allow it, and are forgotten otherwise. `options` is the options copy.
    pub fn emit_initialize(&self, rates: &Map<String, Value>, options: &Map<String, Value>) {
        let rate = rate(rates, "initialize", RATE_INITIALIZE);
        self.emit(DiagnosticsContext::Initialize, draw(rate), Some(options));
    }

    /// Ends a background sync round that was about `key`.
    pub fn emit_config_sync(&self, key: Key, rates: &Map<String, Value>) {
        let rate = match key.sync_rate() {
            Some(name) => rate(rates, name, RATE_OTHER),
            None => RATE_OTHER,
        };
        self.emit(DiagnosticsContext::ConfigSync, draw(rate), None);
    }

    /// At the making of a batch: the markers of API calls and deliveries become events if the draw
    /// allows it, and are kept for the next batch otherwise.
    pub fn emit_at_batch(&self, rates: &Map<String, Value>) {
        for (context, name) in [
            (DiagnosticsContext::ApiCall, "api_call"),
            (DiagnosticsContext::LogEvent, "logevent"),
        ] {
            if draw(rate(rates, name, RATE_OTHER)) {
                self.emit(context, true, None);
            }
        }
    }

    fn emit(&self, context: DiagnosticsContext, keep: bool, options: Option<&Map<String, Value>>) {
        let mut state = self.state.get().lock();
        let (markers, count) = std::mem::take(state.context(context));
        if context == DiagnosticsContext::ApiCall {
            self.api_markers.store(0, Ordering::Relaxed);
        }
        if !keep || count == 0 || self.is_silent {
            return;
        }
        let mut metadata = format!(
            r#"{{"markers":[{markers}],"context":"{}""#,
            context.as_str()
        );
        if let Some(options) = options.and_then(|options| serde_json::to_string(options).ok()) {
            metadata.push_str(r#","statsigOptions":"#);
            metadata.push_str(&options);
        }
        metadata.push('}');
        if state.events.len() >= EVENTS_MAX {
            state.events.remove(0);
        }
        state.events.push(DiagnosticsEvent {
            metadata: metadata.into_boxed_str(),
            time_ms: self.clock.now_ms(),
        });
    }

    /// Takes the events that wait to be queued.
    #[must_use]
    pub fn take_events(&self) -> Vec<DiagnosticsEvent> {
        std::mem::take(&mut self.state.get().lock().events)
    }

    pub(super) fn after_fork_child(&self) {
        self.state.renew();
        self.api_markers.store(0, Ordering::Relaxed);
    }
}

/// The rate named `name`: any number, cut to a whole number from 0 to 10,000.
fn rate(rates: &Map<String, Value>, name: &str, default: u32) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=10000 just before"
    )]
    rates
        .get(name)
        .and_then(Value::as_f64)
        .map_or(default, |rate| {
            rate.clamp(0.0, f64::from(RATE_WHOLE)) as u32
        })
}

fn draw(rate: u32) -> bool {
    fastrand::u32(0..RATE_WHOLE) < rate
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::ManualClock;

    fn diagnostics(options: &str) -> Diagnostics {
        let (settings, _) = Settings::from_json(options).expect("options");
        Diagnostics::new(&settings, Arc::new(ManualClock::new(1_000)))
    }

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other}"),
        }
    }

    fn only_event(diagnostics: &Diagnostics) -> Value {
        let events = diagnostics.take_events();
        assert_eq!(events.len(), 1);
        serde_json::from_str(&events[0].metadata).expect("JSON")
    }

    #[test]
    fn initialize_markers_become_one_event_without_the_key() {
        let diagnostics = diagnostics("");
        diagnostics.start(Key::Overall, Marker::default());
        diagnostics.end(
            Key::DownloadConfigSpecs,
            Marker {
                step: Some(Step::NetworkRequest),
                url: Some("http://h/v1/specs/secret-0123456789.json"),
                status_code: Some(500),
                success: Some(false),
                error: Some(MarkerError {
                    name: "Network",
                    message: "secret-0123456789",
                }),
                ..Marker::default()
            },
        );
        diagnostics.emit_initialize(&Map::new(), &map(json!({"tier": "x"})));
        assert_eq!(
            only_event(&diagnostics),
            json!({"markers": [
                {"key": "overall", "action": "start", "timestamp": 1000},
                {"key": "download_config_specs", "action": "end", "timestamp": 1000,
                 "step": "network_request", "url": "http://h/v1/specs/secret-01234*****.json",
                 "statusCode": 500, "success": false,
                 "error": {"name": "Network", "message": "secret-01234*****"}},
            ], "context": "initialize", "statsigOptions": {"tier": "x"}})
        );
        assert!(diagnostics.take_events().is_empty());
    }

    #[test]
    fn markers_are_capped_and_ids_count_them() {
        let diagnostics = diagnostics("");
        for _ in 0..40 {
            let start = diagnostics.api_start(Key::CheckGate, "g");
            diagnostics.api_end(start, "g", true);
        }
        diagnostics.emit_at_batch(&map(json!({"api_call": 10_000, "logevent": 0})));
        let event = only_event(&diagnostics);
        let markers = event["markers"].as_array().expect("array");
        assert_eq!(markers.len(), 50);
        assert_eq!(
            markers[49],
            json!({"key": "check_gate", "action": "end", "timestamp": 1000, "success": true,
                   "markerID": "check_gate_48", "configName": "g"})
        );
        let start = diagnostics.api_start(Key::GetLayer, "l");
        assert!(start.0.is_some(), "the context is open again");
    }

    #[test]
    fn a_failed_draw_forgets_sync_markers_but_keeps_those_of_calls() {
        let diagnostics = diagnostics("");
        diagnostics.enter_background();
        diagnostics.start(Key::GetIdList, Marker::default());
        diagnostics.emit_config_sync(Key::GetIdList, &map(json!({"idlist": 0})));
        diagnostics.emit_config_sync(Key::GetIdList, &map(json!({"idlist": 10_000})));
        assert!(diagnostics.take_events().is_empty());

        diagnostics.delivery_start(Marker::default());
        diagnostics.emit_at_batch(&map(json!({"api_call": 0, "logevent": 0})));
        assert!(diagnostics.take_events().is_empty());
        diagnostics.emit_at_batch(&map(json!({"api_call": 0, "logevent": 10_000})));
        assert_eq!(only_event(&diagnostics)["context"], "log_event");
    }

    #[test]
    fn switches_are_obeyed() {
        let quiet_calls = diagnostics(r#"{"disable_diagnostics": true}"#);
        assert!(quiet_calls.api_start(Key::CheckGate, "g").0.is_none());
        quiet_calls.start(Key::Overall, Marker::default());
        quiet_calls.emit_initialize(&Map::new(), &Map::new());
        assert_eq!(quiet_calls.take_events().len(), 1);

        for options in [
            r#"{"disable_all_logging": true}"#,
            r#"{"local_mode": true}"#,
        ] {
            let silent = diagnostics(options);
            silent.start(Key::Overall, Marker::default());
            silent.emit_initialize(&Map::new(), &Map::new());
            assert!(silent.take_events().is_empty());
        }
    }

    #[test]
    fn g6_rates_are_clamped_and_cut() {
        let rates = map(json!({"initialize": 20_000, "dcs": -4, "idlist": "x", "api_call": 55.7}));
        assert_eq!(rate(&rates, "initialize", 1), 10_000);
        assert_eq!(rate(&rates, "dcs", 1), 0);
        assert_eq!(rate(&rates, "idlist", RATE_OTHER), 100);
        assert_eq!(rate(&rates, "api_call", 1), 55);
    }
}
