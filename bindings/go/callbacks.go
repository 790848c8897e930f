package tidegate

// #include <tidegate.h>
import "C"

import (
	"encoding/json"
	"log"
	"runtime/cgo"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// DataStore is a key-value store for specs and id lists, for example on Redis. It is called on a
// thread of the library, or by the goroutine that initializes or ticks.
type DataStore interface {
	// Get returns the value of a key, and whether there is one.
	Get(key string) (value string, found bool, err error)
	// Set stores a value; at is the time of the specs in it, or zero.
	Set(key, value string, at time.Time) error
	// SupportsPolling reports whether the store is polled for updates of path instead of the
	// network.
	SupportsPolling(path string) bool
	// Shutdown is called once, after the last use.
	Shutdown()
}

// Metrics receives the library's own metrics, named statsig.sdk.*. It is called on any thread.
type Metrics interface {
	// Increment adds to a counter.
	Increment(name string, value float64, tags map[string]string)
	// Gauge sets a gauge.
	Gauge(name string, value float64, tags map[string]string)
	// Distribution records one value of a distribution.
	Distribution(name string, value float64, tags map[string]string)
}

// Delivery is the outcome of one attempt to deliver a batch of events.
type Delivery struct {
	Success bool `json:"success"`
	Events  int  `json:"events"`
	// Status is the HTTP status, or 0 if there was no answer.
	Status int `json:"status"`
	// Error says what went wrong, if something did.
	Error string `json:"error"`
	// Body is what was sent, events included, with the option EventsInFlushCallback.
	Body json.RawMessage `json:"body"`
}

// ErrorReport is an error inside the library: where it happened, what kind it is, and what is known
// of it.
type ErrorReport struct {
	Tag     string
	Code    string
	Message string
}

// LogLevel says how much is logged; each level contains those before it.
type LogLevel int32

// The levels.
const (
	LogNone    LogLevel = C.TIDEGATE_LOG_NONE
	LogError   LogLevel = C.TIDEGATE_LOG_ERROR
	LogWarning LogLevel = C.TIDEGATE_LOG_WARNING
	LogInfo    LogLevel = C.TIDEGATE_LOG_INFO
	LogDebug   LogLevel = C.TIDEGATE_LOG_DEBUG
)

type (
	initCallback  func(InitDetails)
	rulesCallback func(time.Time, json.RawMessage)
	logSink       func(LogLevel, string, string)
	panicHandler  func(callback string, value any)
)

var onPanic atomic.Value

// SetPanicHandler says what happens with a panic of a callback, which ends there. Without a handler
// it is printed by package log, with its stack. The handler must not panic.
func SetPanicHandler(handler func(callback string, value any)) {
	onPanic.Store(panicHandler(handler))
}

// contain ends a panic of the host at the border: it must not unwind through C.
func contain(callback string) {
	value := recover()
	if value == nil {
		return
	}
	if handler, _ := onPanic.Load().(panicHandler); handler != nil {
		handler(callback, value)
		return
	}
	log.Printf("tidegate: %s: panic: %v\n%s", callback, value, debug.Stack())
}

// held is the Go value behind a number that was given to the library.
func held[T any](value C.uintptr_t) T {
	return cgo.Handle(value).Value().(T)
}

//export tidegateGoDestroy
func tidegateGoDestroy(value C.uintptr_t) {
	cgo.Handle(value).Delete()
}

//export tidegateGoEvaluated
func tidegateGoEvaluated(value C.uintptr_t, result *C.char, length C.size_t) {
	defer contain("OnEvaluation")
	found := &Evaluation{}
	if err := json.Unmarshal([]byte(goString(result, length)), found); err != nil {
		panic(err)
	}
	held[func(*Evaluation)](value)(found)
}

//export tidegateGoRulesUpdated
func tidegateGoRulesUpdated(value C.uintptr_t, ms C.int64_t, specs *C.char, length C.size_t) {
	defer contain("OnRulesUpdated")
	held[rulesCallback](value)(time.UnixMilli(int64(ms)), json.RawMessage(goString(specs, length)))
}

//export tidegateGoFlushed
func tidegateGoFlushed(value C.uintptr_t, delivery *C.char, length C.size_t) {
	defer contain("OnFlushed")
	var found Delivery
	if err := json.Unmarshal([]byte(goString(delivery, length)), &found); err != nil {
		panic(err)
	}
	held[func(Delivery)](value)(found)
}

//export tidegateGoFailed
func tidegateGoFailed(value C.uintptr_t, tag *C.char, tagLength C.size_t, code *C.char,
	codeLength C.size_t, message *C.char, length C.size_t) {
	defer contain("OnError")
	held[func(ErrorReport)](value)(ErrorReport{
		Tag:     goString(tag, tagLength),
		Code:    goString(code, codeLength),
		Message: goString(message, length),
	})
}

//export tidegateGoInitialized
func tidegateGoInitialized(value C.uintptr_t, details *C.char, length C.size_t) {
	defer contain("InitializeAsync")
	var found InitDetails
	if err := json.Unmarshal([]byte(goString(details, length)), &found); err != nil {
		panic(err)
	}
	held[initCallback](value)(found)
}

//export tidegateGoLogged
func tidegateGoLogged(value C.uintptr_t, level C.int32_t, tag *C.char, tagLength C.size_t,
	message *C.char, length C.size_t) {
	defer contain("SetLogSink")
	held[logSink](value)(LogLevel(level), goString(tag, tagLength), goString(message, length))
}

// These answer 0 for success; a panic leaves -1.

//export tidegateGoStoreGet
func tidegateGoStoreGet(value C.uintptr_t, key *C.char, length C.size_t, reply *C.tidegate_reply) (status C.int32_t) {
	defer contain("DataStore.Get")
	status = -1
	text, found, err := held[DataStore](value).Get(goString(key, length))
	if err != nil {
		return -1
	}
	if !found {
		return 0
	}
	return answer(reply, text)
}

//export tidegateGoStoreSet
func tidegateGoStoreSet(value C.uintptr_t, key *C.char, length C.size_t, text *C.char,
	textLength C.size_t, ms C.int64_t) (status C.int32_t) {
	defer contain("DataStore.Set")
	status = -1
	var at time.Time
	if ms != 0 {
		at = time.UnixMilli(int64(ms))
	}
	err := held[DataStore](value).Set(goString(key, length), goString(text, textLength), at)
	if err != nil {
		return -1
	}
	return 0
}

//export tidegateGoStorePolls
func tidegateGoStorePolls(value C.uintptr_t, path *C.char, length C.size_t) C.int32_t {
	defer contain("DataStore.SupportsPolling")
	return boolean(held[DataStore](value).SupportsPolling(goString(path, length)))
}

//export tidegateGoStoreShutdown
func tidegateGoStoreShutdown(value C.uintptr_t) {
	defer contain("DataStore.Shutdown")
	held[DataStore](value).Shutdown()
}

//export tidegateGoMetric
func tidegateGoMetric(value C.uintptr_t, kind C.int, name *C.char, length C.size_t, number C.double,
	tags *C.char, tagsLength C.size_t) {
	defer contain("Metrics")
	found := map[string]string{}
	if err := json.Unmarshal([]byte(goString(tags, tagsLength)), &found); err != nil {
		panic(err)
	}
	metrics := held[Metrics](value)
	record := []func(string, float64, map[string]string){
		metrics.Increment, metrics.Gauge, metrics.Distribution,
	}[kind]
	record(goString(name, length), float64(number), found)
}
