package tidegate

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// arrives waits for the first thing that fits.
func arrives[T any](t *testing.T, what string, inbox <-chan T, fits func(T) bool) T {
	t.Helper()
	timeout := generous(t).Done()
	for {
		select {
		case item := <-inbox:
			if fits(item) {
				return item
			}
		case <-timeout:
			t.Fatalf("%s: nothing arrived", what)
		}
	}
}

func anything[T any](T) bool { return true }

func TestEveryCallbackIsCalled(t *testing.T) {
	evaluations := make(chan *Evaluation, 100)
	updates := make(chan time.Time, 100)
	deliveries := make(chan Delivery, 100)
	client := ready(t, nextKey(), Options{
		OnEvaluation: func(found *Evaluation) { evaluations <- found },
		OnRulesUpdated: func(at time.Time, specs json.RawMessage) {
			if !json.Valid(specs) {
				at = time.Time{}
			}
			updates <- at
		},
		OnFlushed: func(delivery Delivery) { deliveries <- delivery },
	})
	equal(t, "update", arrives(t, "update", updates, anything[time.Time]).UnixMilli(), 1768471200000)
	_, err := client.CheckGate(alice(t), "employees_only")
	must(t, err)
	equal(t, "evaluation", arrives(t, "evaluation", evaluations, anything[*Evaluation]).Name, "employees_only")
	_, err = client.Flush(generous(t))
	must(t, err)
	delivery := arrives(t, "delivery", deliveries, anything[Delivery])
	equal(t, "delivery", delivery.Success && delivery.Status == 202 && delivery.Error == "", true)
}

func TestErrorsInsideAreTold(t *testing.T) {
	key := nextKey()
	must(t, server.Control("POST", "faults", nil,
		[]byte(`[{"endpoint": "specs", "key": "`+key+`", "garbage": true, "times": -1}]`), nil))
	reports := make(chan ErrorReport, 100)
	client := newClient(t, key, Options{OnError: func(report ErrorReport) { reports <- report }})
	must(t, client.Initialize(generous(t)))
	report := arrives(t, "error", reports, anything[ErrorReport])
	equal(t, "report", report.Tag != "" && report.Message != "", true)
}

func TestInitializationInTheBackgroundTellsWhenItIsDone(t *testing.T) {
	done := make(chan InitDetails, 1)
	client := newClient(t, nextKey(), Options{})
	must(t, client.InitializeAsync(func(details InitDetails) { done <- details }))
	equal(t, "success", arrives(t, "details", done, anything[InitDetails]).InitSuccess, true)
	second := newClient(t, nextKey(), Options{})
	must(t, second.InitializeAsync(nil))
	must(t, second.WaitInitialized(generous(t)))
}

// What the library holds is let go when the last client is gone.
func TestCallbacksAreLetGo(t *testing.T) {
	var gone atomic.Int32
	func() {
		held := new([100]byte)
		runtime.SetFinalizer(held, func(*[100]byte) { gone.Add(1) })
		client := ready(t, nextKey(), Options{OnEvaluation: func(*Evaluation) { held[0]++ }})
		_, err := client.CheckGate(alice(t), "employees_only")
		must(t, err)
		runtime.GC()
		equal(t, "gone", gone.Load(), 0)
		must(t, client.Close())
	}()
	eventually(t, "the callback is gone", func() bool { return gone.Load() == 1 })
}

func TestPanicsEndAtTheCallback(t *testing.T) {
	panics := make(chan string, 100)
	SetPanicHandler(func(callback string, value any) { panics <- callback + ": " + value.(string) })
	defer SetPanicHandler(nil)
	client := ready(t, nextKey(), Options{
		OnEvaluation:   func(*Evaluation) { panic("evaluation") },
		OnRulesUpdated: func(time.Time, json.RawMessage) { panic("rules") },
		OnFlushed:      func(Delivery) { panic("flush") },
		DataStore:      panickyStore{},
	})
	on, err := client.CheckGate(alice(t), "employees_only")
	must(t, err)
	equal(t, "employees_only", on, true)
	_, err = client.Flush(generous(t))
	must(t, err)
	missing := map[string]bool{
		"OnEvaluation: evaluation": true, "OnRulesUpdated: rules": true, "OnFlushed: flush": true, "DataStore.Set: set": true,
	}
	arrives(t, "panics", panics, func(found string) bool {
		delete(missing, found)
		return len(missing) == 0
	})
}

type panickyStore struct{}

func (panickyStore) Get(string) (string, bool, error)    { return "", false, errors.New("no store") }
func (panickyStore) Set(string, string, time.Time) error { panic("set") }
func (panickyStore) SupportsPolling(string) bool         { return false }
func (panickyStore) Shutdown()                           {}

type mapStore struct {
	lock      sync.Mutex
	values    map[string]string
	written   chan string
	shutdowns atomic.Int32
}

func (s *mapStore) Get(key string) (string, bool, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	value, found := s.values[key]
	return value, found, nil
}

func (s *mapStore) Set(key, value string, at time.Time) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.values[key] = value
	s.written <- key
	return nil
}

func (s *mapStore) SupportsPolling(string) bool { return false }
func (s *mapStore) Shutdown()                   { s.shutdowns.Add(1) }

func TestDataStoreKeepsRulesForTheNextStart(t *testing.T) {
	key := nextKey()
	store := &mapStore{values: map[string]string{}, written: make(chan string, 100)}
	first := ready(t, key, Options{DataStore: store})
	arrives(t, "a write", store.written, anything[string])
	must(t, first.Close())
	equal(t, "shutdowns", store.shutdowns.Load(), 1)

	offline := newClient(t, key, Options{
		API: "http://127.0.0.1:1/v1", DataStore: store, InitializeSources: []string{"data_store"},
	})
	must(t, offline.Initialize(generous(t)))
	details, err := offline.InitDetails()
	must(t, err)
	equal(t, "source", details.Source, "DataAdapter")
	on, err := offline.CheckGate(alice(t), "employees_only")
	must(t, err)
	equal(t, "employees_only", on, true)
}

type recorder struct{ names chan string }

func (r recorder) Increment(name string, _ float64, tags map[string]string)    { r.names <- name }
func (r recorder) Gauge(name string, _ float64, tags map[string]string)        { r.names <- name }
func (r recorder) Distribution(name string, _ float64, tags map[string]string) { r.names <- name }

func TestMetricsAreCounted(t *testing.T) {
	metrics := recorder{make(chan string, 1000)}
	client := ready(t, nextKey(), Options{Metrics: metrics, HighCardinalityMetrics: true})
	name := arrives(t, "a metric", metrics.names, anything[string])
	equal(t, "name", strings.HasPrefix(name, "statsig.sdk."), true)
	must(t, client.Close())
}

func TestTheLogComesToTheProgram(t *testing.T) {
	lines := make(chan string, 1000)
	must(t, SetLogSink(LogDebug, func(level LogLevel, tag, message string) {
		select {
		case lines <- tag + ": " + message:
		default:
		}
	}))
	client := ready(t, nextKey(), Options{OutputLoggerLevel: "debug"})
	arrives(t, "a line", lines, anything[string])
	must(t, client.Close())
	must(t, SetLogSink(LogNone, nil))
}

func TestClosedCallbacksAreNotCalled(t *testing.T) {
	var calls atomic.Int32
	client := ready(t, nextKey(), Options{OnEvaluation: func(*Evaluation) { calls.Add(1) }})
	_, err := client.CheckGate(alice(t), "employees_only")
	must(t, err)
	before := calls.Load()
	equal(t, "called", before > 0, true)
	must(t, client.CloseCallbacks(generous(t)))
	_, err = client.CheckGate(alice(t), "employees_only")
	must(t, err)
	equal(t, "calls", calls.Load(), before)
}

func TestCallbacksMayUseTheClient(t *testing.T) {
	var inner *Client
	user := alice(t)
	results := make(chan error, 100)
	client := ready(t, nextKey(), Options{OnEvaluation: func(found *Evaluation) {
		if found.Kind == KindGate {
			results <- inner.LogEvent(user, Event{Name: "evaluated"})
		}
	}})
	inner = client
	_, err := client.CheckGate(user, "employees_only")
	must(t, err)
	must(t, arrives(t, "a result", results, anything[error]))
}
