//! Options: JSON to validated settings with named defaults and limits.
//!
//! Names, units and defaults are those of the vendor's Python SDK (`spec` section "StatsigOptions"):
//! durations in seconds, fractions allowed. Options of our own that are times end in `_ms`.
//! Anything unknown or of the wrong type is an error that names the key, never a silent default.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::host::Hooks;
use crate::json_input;

/// Everything JSON can say about a client. Serializes to the effective options.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    // Endpoints. Each base must contain the version segment, for example `https://host/v1`.
    pub api: Option<String>,
    pub api_for_download_config_specs: Option<String>,
    pub api_for_get_id_lists: Option<String>,
    pub api_for_log_event: Option<String>,
    /// Base used by the `statsig_network` source and the id list fallback.
    pub api_for_statsig_network: Option<String>,
    /// Full URL that error reports are posted to.
    pub api_for_sdk_exception: Option<String>,
    pub proxy_configs: BTreeMap<Endpoint, ProxyConfig>,
    /// HTTP or SOCKS proxy for every request, for example `http://user:pw@host:3128`.
    pub network_proxy: Option<String>,
    /// PEM text of further certificate authorities to trust.
    pub ca_pem: Option<String>,

    // Who we are.
    pub tier: Option<String>,
    pub environment: Map<String, Value>,
    pub service_name: Option<String>,
    pub wrapper: Option<Wrapper>,
    pub global_custom_fields: Map<String, Value>,

    // Time-outs and intervals, in seconds.
    pub init_timeout: Option<f64>,
    pub overall_init_timeout: Option<f64>,
    pub timeout: Option<f64>,
    /// Between polls of the specs, from the end of one to the start of the next. After ten polls
    /// in a row that failed for the network or an overloaded server the pause doubles with each,
    /// up to tenfold, and a `Retry-After` of up to ten minutes is honored.
    pub rulesets_sync_interval: f64,
    pub idlists_sync_interval: f64,
    /// Intervals are stretched or shrunk by a random share of up to this much (0 to 0.5). What many
    /// clients would do at the same instant (open the streams again that a proxy has closed, come
    /// back at the date of a `Retry-After`) is spread over five times as much.
    pub sync_jitter: f64,
    pub logging_interval: f64,

    // Sources.
    pub local_mode: bool,
    pub bootstrap_values: Option<String>,
    pub initialize_sources: Option<Vec<DataSource>>,
    pub config_sync_sources: Option<Vec<DataSource>>,
    pub fallback_to_statsig_api: bool,
    pub out_of_sync_threshold_in_s: Option<f64>,
    pub data_store_key_schema: KeySchema,
    /// A Redis server or cluster as the data store.
    pub redis_url: Option<String>,
    /// Folder of the last good copy, used only when every source of initialize fails. Whoever can
    /// write there can change the rules.
    pub spec_cache_dir: Option<String>,
    pub idlists_thread_limit: u32,

    // Events.
    pub event_queue_size: u32,
    pub retry_queue_size: u32,
    pub disable_all_logging: bool,
    pub disable_diagnostics: bool,
    /// Error reports to the service are not sent; the error callback still runs.
    pub disable_error_reporting: bool,
    pub log_event_connection_reuse: bool,
    /// The flush callback gets the body of the request with its events; costs unpacking it.
    pub events_in_flush_callback: bool,
    pub event_spool_dir: Option<String>,
    pub event_spool_sync_ms: u64,
    pub event_spool_max_bytes: u64,
    pub event_spool_max_age_ms: u64,

    // Process.
    pub output_logger_level: Option<LogLevel>,
    pub enable_debug_logs: bool,
    pub disable_ua_parser: bool,
    pub disable_country_lookup: bool,
    pub threads: Threads,
    pub on_fork: OnFork,
    pub strict: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            api: None,
            api_for_download_config_specs: None,
            api_for_get_id_lists: None,
            api_for_log_event: None,
            api_for_statsig_network: None,
            api_for_sdk_exception: None,
            proxy_configs: BTreeMap::new(),
            network_proxy: None,
            ca_pem: None,
            tier: None,
            environment: Map::new(),
            service_name: None,
            wrapper: None,
            global_custom_fields: Map::new(),
            init_timeout: None,
            overall_init_timeout: None,
            timeout: None,
            rulesets_sync_interval: 10.0,
            idlists_sync_interval: 60.0,
            sync_jitter: 0.1,
            logging_interval: 60.0,
            local_mode: false,
            bootstrap_values: None,
            initialize_sources: None,
            config_sync_sources: None,
            fallback_to_statsig_api: false,
            out_of_sync_threshold_in_s: None,
            data_store_key_schema: KeySchema::Legacy,
            redis_url: None,
            spec_cache_dir: None,
            idlists_thread_limit: 3,
            event_queue_size: 500,
            retry_queue_size: 10,
            disable_all_logging: false,
            disable_diagnostics: false,
            disable_error_reporting: false,
            log_event_connection_reuse: true,
            events_in_flush_callback: false,
            event_spool_dir: None,
            event_spool_sync_ms: 50,
            event_spool_max_bytes: 64 << 20,
            event_spool_max_age_ms: 7 * 24 * 3_600_000,
            output_logger_level: None,
            enable_debug_logs: false,
            disable_ua_parser: false,
            disable_country_lookup: false,
            threads: Threads::Own,
            on_fork: OnFork::Restart,
            strict: true,
        }
    }
}

/// One of the service's endpoints, as a key of `proxy_configs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    LogEvent,
    DownloadConfigSpecs,
    GetIdLists,
    DownloadIdListFile,
    All,
}

impl Endpoint {
    /// The key in `proxy_configs`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Endpoint::LogEvent => "log_event",
            Endpoint::DownloadConfigSpecs => "download_config_specs",
            Endpoint::GetIdLists => "get_id_lists",
            Endpoint::DownloadIdListFile => "download_id_list_file",
            Endpoint::All => "all",
        }
    }
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    Http,
    Grpc,
    GrpcWebsocket,
}

/// How a proxy's identity and ours are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticationMode {
    #[default]
    None,
    Tls,
    Mtls,
}

/// One entry of `proxy_configs` (forward proxy).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyConfig {
    pub protocol: Protocol,
    pub proxy_address: String,
    #[serde(default)]
    pub max_retry_attempt: Option<u32>,
    #[serde(default)]
    pub retry_backoff_multiplier: Option<f64>,
    #[serde(default)]
    pub retry_backoff_base_ms: Option<u64>,
    #[serde(default)]
    pub retry_backoff_max_ms: Option<u64>,
    #[serde(default)]
    pub push_worker_failover_threshold: Option<u32>,
    #[serde(default)]
    pub authentication_mode: AuthenticationMode,
    #[serde(default)]
    pub tls_ca_cert_path: Option<String>,
    #[serde(default)]
    pub tls_client_cert_path: Option<String>,
    #[serde(default)]
    pub tls_client_key_path: Option<String>,
    #[serde(default)]
    pub tls_server_name: Option<String>,
}

/// Where specs can come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataSource {
    #[serde(alias = "NETWORK")]
    Network,
    #[serde(alias = "STATSIG_NETWORK")]
    StatsigNetwork,
    #[serde(alias = "DATASTORE", alias = "data_store")]
    Datastore,
    #[serde(alias = "BOOTSTRAP")]
    Bootstrap,
}

/// How keys in a data store are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySchema {
    Legacy,
    V2Hashed,
    V3Prefix,
}

/// The language package that wraps the library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrapper {
    pub name: String,
    #[serde(default)]
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language_version: String,
}

/// Levels of the output log, numbered as in C: 0 none to 4 debug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    #[serde(alias = "NONE")]
    None,
    #[serde(alias = "ERROR", alias = "exception", alias = "EXCEPTION")]
    Error,
    #[serde(alias = "WARNING", alias = "warn", alias = "WARN")]
    Warning,
    #[serde(alias = "INFO")]
    Info,
    #[serde(alias = "DEBUG")]
    Debug,
}

/// Who runs background work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threads {
    /// Two threads of the client's own.
    Own,
    /// No thread: the host calls `tidegate_client_tick`.
    None,
}

/// What a client does in a forked child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFork {
    /// Evaluates at once and starts its own threads on first use.
    Restart,
    /// Evaluates with the inherited specs; no network, no events.
    EvaluateOnly,
    /// Every call fails with a fork error.
    Disable,
}

/// Names the vendor's newer core gives to the same settings: (theirs, ours, theirs is milliseconds).
const CORE_ALIASES: &[(&str, &str, bool)] = &[
    ("disable_network", "local_mode", false),
    ("specs_sync_interval_ms", "rulesets_sync_interval", true),
    ("id_lists_sync_interval_ms", "idlists_sync_interval", true),
    ("init_timeout_ms", "init_timeout", true),
    ("event_logging_max_queue_size", "event_queue_size", false),
    (
        "event_logging_max_pending_batch_queue_size",
        "retry_queue_size",
        false,
    ),
    ("disable_user_agent_parsing", "disable_ua_parser", false),
    ("output_log_level", "output_logger_level", false),
];

impl Settings {
    /// Parses options JSON; empty text means defaults. Returns the settings and the keys that were
    /// ignored because `strict` is false.
    ///
    /// # Errors
    /// [`Error::Json`] for text that is not JSON; [`Error::Argument`] naming the key otherwise.
    pub fn from_json(text: &str) -> Result<(Settings, Vec<String>), Error> {
        if text.trim().is_empty() {
            return Ok((Settings::default(), Vec::new()));
        }
        let value: Value = json_input::parse_any("options", text)?;
        let Value::Object(mut map) = value else {
            return Err(Error::argument("options", "expected a JSON object"));
        };
        apply_aliases(&mut map)?;
        map.retain(|_, value| !value.is_null());
        let ignored = reject_unknown(&mut map)?;
        let settings: Settings = serde_path_to_error::deserialize(map)
            .map_err(|e| Error::argument(e.path().to_string(), e.inner().to_string()))?;
        settings.validate()?;
        Ok((settings, ignored))
    }

    fn validate(&self) -> Result<(), Error> {
        let durations = [
            ("init_timeout", self.init_timeout),
            ("overall_init_timeout", self.overall_init_timeout),
            ("timeout", self.timeout),
            ("rulesets_sync_interval", Some(self.rulesets_sync_interval)),
            ("idlists_sync_interval", Some(self.idlists_sync_interval)),
            ("logging_interval", Some(self.logging_interval)),
            (
                "out_of_sync_threshold_in_s",
                self.out_of_sync_threshold_in_s,
            ),
        ];
        for (key, seconds) in durations {
            if seconds.is_some_and(|s| !(0.0..=31_536_000.0).contains(&s)) {
                return Err(Error::argument(key, "expected seconds from 0 to 31536000"));
            }
        }
        if !(0.0..=0.5).contains(&self.sync_jitter) {
            return Err(Error::argument(
                "sync_jitter",
                "expected a share from 0 to 0.5",
            ));
        }
        check_environment(&self.environment)?;
        for key in ["redis_url"] {
            if self.redis_url.is_some() && !cfg!(feature = "redis") {
                return Err(Error::Unsupported {
                    what: format!("{key} (built without `redis`)"),
                });
            }
        }
        Ok(())
    }

    /// Events per batch: 0 is read as 1, and no batch is larger than 2000.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.event_queue_size.clamp(1, 2000) as usize
    }

    /// Time-out of an ordinary request: the option, or 20 s.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        positive_seconds(self.timeout).unwrap_or(Duration::from_secs(20))
    }

    /// Time between polls of the specs.
    #[must_use]
    pub fn specs_interval(&self) -> Duration {
        positive_seconds(Some(self.rulesets_sync_interval)).unwrap_or(Duration::from_secs(10))
    }

    /// Time between polls of the id lists.
    #[must_use]
    pub fn id_lists_interval(&self) -> Duration {
        positive_seconds(Some(self.idlists_sync_interval)).unwrap_or(Duration::from_secs(60))
    }

    /// The level below which nothing is logged.
    #[must_use]
    pub fn log_level(&self) -> LogLevel {
        self.output_logger_level
            .unwrap_or(if self.enable_debug_logs {
                LogLevel::Debug
            } else {
                LogLevel::Warning
            })
    }

    /// An environment on its own, `tier` included; `None` for an empty one.
    ///
    /// # Errors
    /// [`Error::Json`], and [`Error::Argument`] for anything but an object of texts.
    pub fn parse_environment(json: &str) -> Result<Option<Map<String, Value>>, Error> {
        let value: Value = json_input::parse_any("environment", json)?;
        let Value::Object(environment) = value else {
            return Err(Error::argument("environment", "expected a JSON object"));
        };
        check_environment(&environment)?;
        Ok((!environment.is_empty()).then_some(environment))
    }

    /// The options' environment with `tier` merged in, or `None` if the options have none.
    #[must_use]
    pub fn effective_environment(&self) -> Option<Map<String, Value>> {
        let mut environment = self.environment.clone();
        if let Some(tier) = &self.tier {
            environment.insert("tier".to_owned(), Value::String(tier.clone()));
        }
        (!environment.is_empty()).then_some(environment)
    }
}

fn check_environment(environment: &Map<String, Value>) -> Result<(), Error> {
    match environment.iter().find(|(_, value)| !value.is_string()) {
        Some((key, _)) => Err(Error::argument(
            format!("environment.{key}"),
            "expected a string",
        )),
        None => Ok(()),
    }
}

/// Seconds as a duration; `None` for absent or zero, which both mean "the default".
#[must_use]
pub fn positive_seconds(seconds: Option<f64>) -> Option<Duration> {
    seconds.filter(|s| *s > 0.0).map(Duration::from_secs_f64)
}

fn apply_aliases(map: &mut Map<String, Value>) -> Result<(), Error> {
    for (theirs, ours, is_ms) in CORE_ALIASES {
        let Some(value) = map.shift_remove(*theirs) else {
            continue;
        };
        if map.contains_key(*ours) {
            return Err(Error::argument(
                *theirs,
                format!("says the same as `{ours}`; give one"),
            ));
        }
        let value = match value.as_f64() {
            Some(ms) if *is_ms => Value::from(ms / 1000.0),
            _ => value,
        };
        map.insert((*ours).to_owned(), value);
    }
    Ok(())
}

fn reject_unknown(map: &mut Map<String, Value>) -> Result<Vec<String>, Error> {
    let known = match serde_json::to_value(Settings::default()) {
        Ok(Value::Object(known)) => known,
        _ => Map::new(),
    };
    let unknown: Vec<String> = map
        .keys()
        .filter(|k| !known.contains_key(*k))
        .cloned()
        .collect();
    let strict = map.get("strict").and_then(Value::as_bool).unwrap_or(true);
    match unknown.first() {
        Some(key) if strict => Err(Error::argument(
            key.as_str(),
            "unknown option (set \"strict\": false to ignore unknown options)",
        )),
        _ => {
            map.retain(|key, _| !unknown.contains(key));
            Ok(unknown)
        }
    }
}

/// Validated settings and the host's hooks: what a client is made from.
#[derive(Clone, Default)]
pub struct Options {
    /// What JSON said.
    pub settings: Settings,
    /// What JSON cannot carry.
    pub hooks: Hooks,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_key() {
        for (text, key) in [
            (
                r#"{"rulesets_sync_intervall": 5}"#,
                "rulesets_sync_intervall",
            ),
            (
                r#"{"rulesets_sync_interval": "5"}"#,
                "rulesets_sync_interval",
            ),
            (r#"{"event_queue_size": -1}"#, "event_queue_size"),
            (r#"{"timeout": -1}"#, "timeout"),
            (r#"{"wrapper": {"version": "1"}}"#, "wrapper"),
            (
                r#"{"proxy_configs": {"all": {"protocol": "smtp", "proxy_address": ""}}}"#,
                "proxy_configs",
            ),
        ] {
            let error = Settings::from_json(text).expect_err(text).to_string();
            assert!(error.contains(key), "{text}: {error}");
        }
    }

    #[test]
    fn null_means_default_and_strict_false_ignores_unknown_keys() {
        let (settings, ignored) =
            Settings::from_json(r#"{"api": null, "strict": false, "zzz": 1}"#).expect("accepted");
        assert_eq!(settings.api, None);
        assert_eq!(ignored, ["zzz"]);
    }

    #[test]
    fn an_environment_is_an_object_of_texts_and_empty_means_none() {
        assert!(matches!(Settings::parse_environment("{}"), Ok(None)));
        let some = Settings::parse_environment(r#"{"tier": "staging"}"#).expect("accepted");
        assert_eq!(
            some.and_then(|e| e.get("tier").cloned()),
            Some("staging".into())
        );
        for text in ["", "[]", "null", r#"{"tier": 1}"#] {
            assert!(Settings::parse_environment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_of_the_newer_core_are_accepted() {
        let (settings, _) =
            Settings::from_json(r#"{"specs_sync_interval_ms": 1500}"#).expect("accepted");
        assert_eq!(settings.specs_interval(), Duration::from_millis(1500));
    }
}
