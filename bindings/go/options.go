package tidegate

// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"reflect"
	"runtime"
	"strings"
	"time"
)

// Options of a client. What is zero has the library's default, see [DescribeOptions]; a zero that
// is meant can be said in Further. The library checks all of them, and names what it refuses.
type Options struct {
	// Where the service is. Each base contains the version: https://host/v1
	API                       string           `json:"api"`
	APIForDownloadConfigSpecs string           `json:"api_for_download_config_specs"`
	APIForGetIDLists          string           `json:"api_for_get_id_lists"`
	APIForLogEvent            string           `json:"api_for_log_event"`
	APIForStatsigNetwork      string           `json:"api_for_statsig_network"`
	APIForSDKException        string           `json:"api_for_sdk_exception"`
	ProxyConfigs              map[string]Proxy `json:"proxy_configs"`
	// NetworkProxy is an HTTP or SOCKS proxy for every request.
	NetworkProxy string `json:"network_proxy"`
	// CAPEM is further certificate authorities to trust, as PEM.
	CAPEM string `json:"ca_pem"`

	// Who we are. Tier is the member of Environment that most rules look at.
	Tier               string            `json:"tier"`
	Environment        map[string]string `json:"environment"`
	ServiceName        string            `json:"service_name"`
	Wrapper            *Wrapper          `json:"wrapper"`
	GlobalCustomFields map[string]any    `json:"global_custom_fields"`

	// Time-outs and intervals.
	InitTimeout          time.Duration `json:"init_timeout"`
	OverallInitTimeout   time.Duration `json:"overall_init_timeout"`
	Timeout              time.Duration `json:"timeout"`
	RulesetsSyncInterval time.Duration `json:"rulesets_sync_interval"`
	IDListsSyncInterval  time.Duration `json:"idlists_sync_interval"`
	LoggingInterval      time.Duration `json:"logging_interval"`
	// SyncJitter is the share, 0 to 0.5, by which intervals vary.
	SyncJitter float64 `json:"sync_jitter"`

	// Where rules come from. LocalMode uses no network at all; BootstrapValues are rules to start
	// with, as JSON.
	LocalMode          bool          `json:"local_mode"`
	BootstrapValues    string        `json:"bootstrap_values"`
	InitializeSources  []string      `json:"initialize_sources"`
	ConfigSyncSources  []string      `json:"config_sync_sources"`
	FallbackToService  bool          `json:"fallback_to_statsig_api"`
	OutOfSyncThreshold time.Duration `json:"out_of_sync_threshold_in_s"`
	DataStoreKeySchema string        `json:"data_store_key_schema"`
	RedisURL           string        `json:"redis_url"`
	SpecCacheDir       string        `json:"spec_cache_dir"`
	IDListsThreadLimit int           `json:"idlists_thread_limit"`

	// Events.
	EventQueueSize          int           `json:"event_queue_size"`
	RetryQueueSize          int           `json:"retry_queue_size"`
	DisableAllLogging       bool          `json:"disable_all_logging"`
	DisableDiagnostics      bool          `json:"disable_diagnostics"`
	DisableErrorReporting   bool          `json:"disable_error_reporting"`
	LogEventConnectionReuse *bool         `json:"log_event_connection_reuse"`
	EventsInFlushCallback   bool          `json:"events_in_flush_callback"` // sets Delivery.Body
	EventSpoolDir           string        `json:"event_spool_dir"`
	EventSpoolSync          time.Duration `json:"event_spool_sync_ms"`
	EventSpoolMaxBytes      int64         `json:"event_spool_max_bytes"`
	EventSpoolMaxAge        time.Duration `json:"event_spool_max_age_ms"`

	// The process.
	OutputLoggerLevel    string `json:"output_logger_level"`
	EnableDebugLogs      bool   `json:"enable_debug_logs"`
	DisableUAParser      bool   `json:"disable_ua_parser"`
	DisableCountryLookup bool   `json:"disable_country_lookup"`
	// Threads is "own" or, for hosts that call [Client.Tick], "none".
	Threads string `json:"threads"`
	OnFork  string `json:"on_fork"`
	Strict  *bool  `json:"strict"`

	// Further options by the library's names; they win over the fields.
	Further map[string]any `json:"-"`

	// DataStore keeps rules and id lists for other processes and the next start.
	DataStore DataStore `json:"-"`
	// Metrics receives the library's own metrics.
	Metrics Metrics `json:"-"`
	// HighCardinalityMetrics adds tags with many values.
	HighCardinalityMetrics bool `json:"-"`

	// OnEvaluation is called after each evaluation, by the goroutine that evaluates.
	OnEvaluation func(*Evaluation) `json:"-"`
	// OnRulesUpdated is called with the time of the rules, and the rules as received, after each
	// update.
	OnRulesUpdated func(at time.Time, specs json.RawMessage) `json:"-"`
	// OnFlushed is called with the outcome of each attempt to deliver events.
	OnFlushed func(Delivery) `json:"-"`
	// OnError is called with errors inside the library, each once.
	OnError func(ErrorReport) `json:"-"`
}

// Proxy is how requests of one kind reach the service, by a forward proxy.
type Proxy struct {
	Protocol                    string  `json:"protocol"`
	ProxyAddress                string  `json:"proxy_address"`
	MaxRetryAttempt             int     `json:"max_retry_attempt,omitempty"`
	RetryBackoffMultiplier      float64 `json:"retry_backoff_multiplier,omitempty"`
	RetryBackoffBaseMS          int64   `json:"retry_backoff_base_ms,omitempty"`
	RetryBackoffMaxMS           int64   `json:"retry_backoff_max_ms,omitempty"`
	PushWorkerFailoverThreshold int     `json:"push_worker_failover_threshold,omitempty"`
	AuthenticationMode          string  `json:"authentication_mode,omitempty"`
	TLSCACertPath               string  `json:"tls_ca_cert_path,omitempty"`
	TLSClientCertPath           string  `json:"tls_client_cert_path,omitempty"`
	TLSClientKeyPath            string  `json:"tls_client_key_path,omitempty"`
	TLSServerName               string  `json:"tls_server_name,omitempty"`
}

// Wrapper says what the library is used through; it is this package unless set.
type Wrapper struct {
	Name            string `json:"name"`
	Version         string `json:"version"`
	LanguageVersion string `json:"language_version,omitempty"`
}

// MarshalJSON returns the options as the library takes them.
func (o Options) MarshalJSON() ([]byte, error) {
	all := map[string]any{
		"wrapper": Wrapper{"go", Version, strings.TrimPrefix(runtime.Version(), "go")},
	}
	value, kind := reflect.ValueOf(o), reflect.TypeOf(o)
	for i := 0; i < kind.NumField(); i++ {
		name := kind.Field(i).Tag.Get("json")
		if name == "-" || value.Field(i).IsZero() {
			continue
		}
		field := value.Field(i).Interface()
		if duration, is := field.(time.Duration); is {
			// The library counts in seconds, unless the name says otherwise.
			field = duration.Seconds()
			if strings.HasSuffix(name, "_ms") {
				field = duration.Milliseconds()
			}
		}
		all[name] = field
	}
	for name, value := range o.Further {
		all[name] = value
	}
	return json.Marshal(all)
}

// DescribeOptions returns every option with its effective value; keys and passwords are masked.
func DescribeOptions(options *Options) (json.RawMessage, error) {
	id, err := newOptions(options)
	if err != nil {
		return nil, err
	}
	defer C.tidegate_options_release(id)
	return raw(C.tg_options_describe(id))
}

// newOptions makes options in the library, to be released.
func newOptions(options *Options) (C.tidegate_options, error) {
	if err := checkLibrary(); err != nil {
		return 0, err
	}
	if options == nil {
		options = &Options{}
	}
	text, err := encode("options", options)
	if err != nil {
		return 0, err
	}
	answer := C.tg_options_new(text)
	if err := check(answer.outcome); err != nil {
		return 0, err
	}
	id := C.tidegate_options(answer.id)
	if err := setCallbacks(id, options); err != nil {
		C.tidegate_options_release(id)
		return 0, err
	}
	return id, nil
}
