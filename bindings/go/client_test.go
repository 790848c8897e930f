package tidegate

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestCheckGateAnswersAndLogsAnExposure(t *testing.T) {
	key := nextKey()
	client := ready(t, key, Options{})
	for _, item := range []struct {
		user     *PreparedUser
		expected bool
	}{{alice(t), true}, {bob(t), false}} {
		on, err := client.CheckGate(item.user, "employees_only")
		must(t, err)
		equal(t, "employees_only", on, item.expected)
		on, err = client.CheckGate(item.user, "employees_only", NoExposure)
		must(t, err)
		equal(t, "employees_only", on, item.expected)
	}
	exposures := logged(t, client, key, "statsig::gate_exposure")
	if len(exposures) != 2 {
		t.Fatalf("expected 2 exposures, got %v", exposures)
	}
	equal(t, "user", exposures[0].User["userID"], any("alice"))
	equal(t, "value", exposures[0].Metadata["gateValue"], any("true"))
	equal(t, "value", exposures[1].Metadata["gateValue"], any("false"))
}

func TestCheckGateTakesUsersInJSON(t *testing.T) {
	client := ready(t, nextKey(), Options{})
	user, err := alice(t).JSON()
	must(t, err)
	on, err := client.CheckGateJSON(user, "employees_only")
	must(t, err)
	equal(t, "employees_only", on, true)
	_, err = client.CheckGateJSON(json.RawMessage("{"), "employees_only")
	fails(t, err, ErrJSON)
}

func TestGateHasItsRuleAndDetails(t *testing.T) {
	client := ready(t, nextKey(), Options{})
	gate, err := client.GetGate(alice(t), "employees_only")
	must(t, err)
	defer gate.Close()
	equal(t, "value", gate.Value(), true)
	equal(t, "kind", gate.Kind(), KindGate)
	equal(t, "name", gate.Name(), "employees_only")
	equal(t, "rule", gate.RuleID(), "wy0F6cP4khTeP3cJb7PpBq")
	group, there := gate.GroupName()
	equal(t, "group", group, "by email")
	equal(t, "group", there, true)
	equal(t, "id type", gate.IDType(), "userID")
	equal(t, "reason", gate.Reason(), "Network")
	times, err := gate.Times()
	must(t, err)
	equal(t, "time", times.ConfigSync.UnixMilli(), 1768471200000)
	equal(t, "time", times.Init.UnixMilli(), 1768471200000)
	equal(t, "recent", times.Server.After(time.UnixMilli(1600000000000)), true)

	plain, err := gate.Evaluation()
	must(t, err)
	equal(t, "plain kind", plain.Kind, KindGate)
	equal(t, "value", string(plain.Value), "true")
	equal(t, "source", plain.Details.Source, "Network")
	text, err := json.Marshal(gate)
	must(t, err)
	equal(t, "JSON", strings.Contains(string(text), `"rule_id":"wy0F6cP4khTeP3cJb7PpBq"`), true)
}

func TestUnknownNameIsNoError(t *testing.T) {
	client := ready(t, nextKey(), Options{})
	gate, err := client.GetGate(alice(t), "no such gate")
	must(t, err)
	equal(t, "value", gate.Value(), false)
	equal(t, "reason", gate.Reason(), "Network:Unrecognized")
	equal(t, "rule", gate.RuleID(), "")
	_, there := gate.GroupName()
	equal(t, "group", there, false)
	config, err := client.GetConfig(alice(t), "")
	must(t, err)
	value, err := config.Value()
	must(t, err)
	equal(t, "value", string(value), "{}")
	equal(t, "passed", config.Passed(), false)
}

func TestConfigsExperimentsAndLayers(t *testing.T) {
	key := nextKey()
	client := ready(t, key, Options{})
	banner, err := client.GetConfig(bob(t), "shop_banner")
	must(t, err)
	equal(t, "title", banner.GetString("title", ""), "Good to see you again")
	equal(t, "passed", banner.Passed(), true)
	experiment, err := client.GetExperiment(alice(t), "free_shipping_threshold")
	must(t, err)
	group, _ := experiment.GroupName()
	equal(t, "group", group, "Test")
	equal(t, "threshold", experiment.GetInt("threshold", 0), 35)
	equal(t, "exposures", len(logged(t, client, key, "statsig::config_exposure")), 2)

	layer, err := client.GetLayer(bob(t), "checkout_layer")
	must(t, err)
	equal(t, "has", layer.Has("button_text"), true)
	equal(t, "exposures", len(logged(t, client, key, "statsig::layer_exposure")), 0)
	equal(t, "text", layer.GetString("button_text", ""), "Place order")
	exposures := logged(t, client, key, "statsig::layer_exposure")
	if len(exposures) != 1 {
		t.Fatalf("expected 1 exposure, got %v", exposures)
	}
	equal(t, "parameter", exposures[0].Metadata["parameterName"], any("button_text"))
	silent, err := client.GetLayer(alice(t), "checkout_layer", NoExposure)
	must(t, err)
	equal(t, "text", silent.GetString("button_text", ""), "Buy now")
	equal(t, "exposures", len(logged(t, client, key, "statsig::layer_exposure")), 1)
}

func TestEvaluatesPlainData(t *testing.T) {
	client := ready(t, nextKey(), Options{})
	user := User{UserID: "alice", Email: "alice@shop.example"}
	found, err := client.Evaluate(KindGate, user, "employees_only")
	must(t, err)
	equal(t, "passed", found.Passed, true)
	rows, err := client.EvaluateBatch(Batch{
		Users:    []User{user, {UserID: "bob"}, {}},
		Entities: []Entity{{KindGate, "employees_only"}, {KindConfig, "shop_banner"}},
	})
	must(t, err)
	equal(t, "alice", rows[0][0].Passed, true)
	equal(t, "bob", rows[1][0].Passed, false)
	equal(t, "kind", rows[1][1].Kind, KindConfig)
	if failed := rows[2][0].Err; failed == nil {
		t.Error("a user without an id was evaluated")
	} else {
		fails(t, failed, ErrArgument)
	}
	_, err = client.EvaluateBatch(Batch{Entities: []Entity{{Kind: 9}}})
	fails(t, err, ErrArgument)

	all, err := client.EvaluateAll(alice(t))
	must(t, err)
	equal(t, "all", string(all.FeatureGates["employees_only"].Value), "true")
	why, err := client.Explain(alice(t), KindGate, "employees_only")
	must(t, err)
	equal(t, "explain", strings.Contains(string(why), `"steps":[{`), true)
}

func TestAnswersForClientSDKs(t *testing.T) {
	client := ready(t, nextKey(), Options{})
	hashed, err := client.ClientInitResponse(alice(t), ClientInitOptions{})
	must(t, err)
	equal(t, "hashed", strings.Contains(string(hashed), `"employees_only"`), false)
	plain, err := client.ClientInitResponse(alice(t), ClientInitOptions{Hash: "none"})
	must(t, err)
	equal(t, "plain", strings.Contains(string(plain), `"employees_only"`), true)
	_, err = client.ClientInitResponse(alice(t), ClientInitOptions{Hash: "md5"})
	fails(t, err, ErrArgument)
}

func TestEventsHaveValuesAndMetadata(t *testing.T) {
	type color string
	key := nextKey()
	client := ready(t, key, Options{})
	user := alice(t)
	for _, event := range []Event{
		{Name: "plain"},
		{Name: "number", Value: 12.5, Metadata: map[string]any{"sku": "hat"}},
		{Name: "int", Value: 3},
		{Name: "uint", Value: uint8(4)},
		{Name: "text", Value: color("blue")},
		{Name: "empty", Value: ""},
	} {
		must(t, client.LogEvent(user, event))
	}
	must(t, client.LogEvents(
		UserEvent{User: User{UserID: "bob"}, Event: Event{Name: "many", Value: "x"}},
		UserEvent{User: User{UserID: "bob"}, Event: Event{Name: "timed"}, Time: time.UnixMilli(1700000000000)},
	))
	for name, expected := range map[string]any{
		"plain": nil, "number": 12.5, "int": 3.0, "uint": 4.0, "text": "blue", "empty": "", "many": "x", "timed": nil,
	} {
		found := logged(t, client, key, name)
		if len(found) != 1 {
			t.Fatalf("%s: %v", name, found)
		}
		equal(t, name, found[0].Value, expected)
	}
	equal(t, "metadata", logged(t, client, key, "number")[0].Metadata["sku"], any("hat"))
	equal(t, "user", logged(t, client, key, "many")[0].User["userID"], any("bob"))

	fails(t, client.LogEvent(user, Event{}), ErrArgument)
	fails(t, client.LogEvent(user, Event{Name: "x", Value: []int{1}}), ErrArgument)
	fails(t, client.LogEvent(user, Event{Name: "x", Metadata: map[string]any{"a": func() {}}}), ErrArgument)
	fails(t, client.LogEvents(UserEvent{Event: Event{Name: "nobody"}}), ErrArgument)
}

func TestManualExposuresAreMarked(t *testing.T) {
	key := nextKey()
	client := ready(t, key, Options{})
	must(t, client.LogExposure(alice(t), KindGate, "employees_only", ""))
	must(t, client.LogExposure(alice(t), KindLayer, "checkout_layer", "button_text"))
	config, err := client.GetConfig(bob(t), "shop_banner", NoExposure)
	must(t, err)
	must(t, client.LogExposureFor(config, ""))
	layer, err := client.GetLayer(bob(t), "checkout_layer", NoExposure)
	must(t, err)
	must(t, client.LogExposureFor(layer, "show_reviews"))
	gates := logged(t, client, key, "statsig::gate_exposure")
	equal(t, "gates", len(gates), 1)
	equal(t, "manual", gates[0].Metadata["isManualExposure"], any("true"))
	equal(t, "configs", len(logged(t, client, key, "statsig::config_exposure")), 1)
	equal(t, "layers", len(logged(t, client, key, "statsig::layer_exposure")), 2)
}

func TestOverridesWinUntilRemoved(t *testing.T) {
	client := ready(t, nextKey(), Options{})
	on := func(user *PreparedUser, name string) bool {
		t.Helper()
		value, err := client.CheckGate(user, name, NoExposure)
		must(t, err)
		return value
	}
	must(t, client.OverrideGate("employees_only", true, ""))
	must(t, client.OverrideGate("employees_only", false, "alice"))
	equal(t, "bob", on(bob(t), "employees_only"), true)
	equal(t, "alice", on(alice(t), "employees_only"), false)
	must(t, client.RemoveOverride(KindGate, "employees_only", "alice"))
	equal(t, "alice", on(alice(t), "employees_only"), true)
	must(t, client.RemoveOverride(KindGate, "employees_only", ""))
	equal(t, "bob", on(bob(t), "employees_only"), false)

	must(t, client.OverrideConfig("shop_banner", struct {
		Title string `json:"title"`
	}{"Hello"}, ""))
	must(t, client.OverrideExperiment("free_shipping_threshold", map[string]any{"threshold": 5}, ""))
	must(t, client.OverrideLayer("checkout_layer", map[string]any{"button_text": "Go"}, "bob"))
	must(t, client.OverrideGate("gift_wrapping", true, ""))
	config, err := client.GetConfig(bob(t), "shop_banner")
	must(t, err)
	equal(t, "title", config.GetString("title", ""), "Hello")
	experiment, err := client.GetExperiment(bob(t), "free_shipping_threshold")
	must(t, err)
	equal(t, "threshold", experiment.GetInt("threshold", 0), 5)
	layer, err := client.GetLayer(bob(t), "checkout_layer")
	must(t, err)
	equal(t, "text", layer.GetString("button_text", ""), "Go")

	dump, err := client.DumpOverrides()
	must(t, err)
	equal(t, "dump", string(dump.Configs["shop_banner"][""]), `{"title":"Hello"}`)
	equal(t, "dump", dump.Gates["gift_wrapping"][""], true)
	must(t, client.RemoveAllOverrides())
	equal(t, "removed", on(bob(t), "gift_wrapping"), false)
	must(t, client.LoadOverrides(dump))
	equal(t, "loaded", on(bob(t), "gift_wrapping"), true)
	fails(t, client.OverrideConfig("shop_banner", 7, ""), ErrArgument)
	fails(t, client.OverrideConfig("shop_banner", func() {}, ""), ErrArgument)
}

func TestRulesCanBeFetchedPushedAndListed(t *testing.T) {
	key := nextKey()
	client := ready(t, key, Options{})
	specs, err := client.Specs()
	must(t, err)
	equal(t, "specs", string(specs), readFile(t, "examples/rules/shop.json"))
	var rules map[string]any
	must(t, json.Unmarshal(specs, &rules))

	rules["time"], rules["feature_gates"] = 1800000000000, []any{}
	changed, err := json.Marshal(rules)
	must(t, err)
	must(t, client.UpdateSpecs(changed))
	fails(t, client.UpdateSpecs(json.RawMessage("{")), ErrJSON)
	gates, err := client.Entities(KindGate)
	must(t, err)
	equal(t, "gates", len(gates), 0)
	all, err := client.AllEntities()
	must(t, err)
	equal(t, "all", len(all) > 3, true)

	must(t, client.SetPolling(false))
	must(t, client.SetPolling(true))
	rules["time"], rules["dynamic_configs"] = 1900000000000, []any{}
	changed, err = json.Marshal(rules)
	must(t, err)
	must(t, server.Control("PUT", "rules", url.Values{"key": {key}}, changed, nil))
	must(t, client.SyncNow(generous(t)))
	configs, err := client.Entities(KindConfig)
	must(t, err)
	equal(t, "configs", len(configs), 0)
	stats, err := client.Stats()
	must(t, err)
	equal(t, "stats", strings.Contains(string(stats), "1900000000000"), true)
}

func TestEnvironmentCanChange(t *testing.T) {
	client := ready(t, nextKey(), Options{Tier: "production"})
	for _, item := range []struct {
		environment map[string]string
		expected    bool
	}{{map[string]string{"tier": "staging"}, true}, {nil, false}} {
		must(t, client.SetEnvironment(item.environment))
		on, err := client.CheckGate(bob(t), "debug_panel")
		must(t, err)
		equal(t, "debug_panel", on, item.expected)
	}
}

func TestHangingServerCostsNoMoreThanTheContext(t *testing.T) {
	key := nextKey()
	hold := []map[string]any{{"endpoint": "specs", "key": key, "hold": key}}
	faults, err := json.Marshal(hold)
	must(t, err)
	must(t, server.Control("POST", "faults", nil, faults, nil))
	client := newClient(t, key, Options{})

	err = client.Initialize(within(t, time.Millisecond))
	fails(t, err, ErrTimeout)
	equal(t, "deadline", errors.Is(err, context.DeadlineExceeded), true)
	var detailed *Error
	equal(t, "as", errors.As(err, &detailed) && detailed.Timeout(), true)
	equal(t, "initialized", client.IsInitialized(), false)
	_, err = client.CheckGate(alice(t), "employees_only")
	fails(t, err, ErrState)

	cancelled, cancel := context.WithCancel(context.Background())
	waiting := make(chan error)
	go func() { waiting <- client.WaitInitialized(cancelled) }()
	cancel()
	equal(t, "cancelled", errors.Is(<-waiting, context.Canceled), true)
	equal(t, "cancelled", errors.Is(client.Initialize(cancelled), context.Canceled), true)

	must(t, server.Control("POST", "release", url.Values{"name": {key}}, nil, nil))
	must(t, client.WaitInitialized(generous(t)))
	on, err := client.CheckGate(alice(t), "employees_only")
	must(t, err)
	equal(t, "employees_only", on, true)
}

func TestShutdownDeliversAndEnds(t *testing.T) {
	key := nextKey()
	client := ready(t, key, Options{})
	must(t, client.LogEvent(alice(t), Event{Name: "last words"}))
	report, err := client.Shutdown(generous(t))
	must(t, err)
	equal(t, "sent", report.Sent > 0, true)
	equal(t, "rest", report.Queued+report.Dropped+report.Spooled, 0)
	events, err := server.Events(key)
	must(t, err)
	equal(t, "events", len(events), 1)
	fails(t, client.LogEvent(alice(t), Event{Name: "too late"}), ErrState)
	again, err := client.Shutdown(generous(t))
	must(t, err)
	equal(t, "again", again, FlushReport{})
}

func TestCloseDeliversAndFrees(t *testing.T) {
	key := nextKey()
	client := ready(t, key, Options{})
	must(t, client.LogEvent(alice(t), Event{Name: "on the way out"}))
	must(t, client.Close())
	events, err := server.Events(key)
	must(t, err)
	equal(t, "events", len(events), 1)
	_, err = client.CheckGate(alice(t), "employees_only")
	fails(t, err, ErrHandle)
	fails(t, client.Close(), ErrHandle)
}

func TestClientsLiveSideBySide(t *testing.T) {
	ours, other := ready(t, nextKey(), Options{}), ready(t, nextKey(), Options{})
	must(t, ours.OverrideGate("gift_wrapping", true, ""))
	on, err := other.CheckGate(bob(t), "gift_wrapping")
	must(t, err)
	equal(t, "other", on, false)
	must(t, ours.Close())
	on, err = other.CheckGate(alice(t), "employees_only")
	must(t, err)
	equal(t, "other", on, true)
}

func TestWorksWithoutThreads(t *testing.T) {
	key := nextKey()
	client := ready(t, key, Options{Threads: "none"})
	must(t, client.LogEvent(alice(t), Event{Name: "ticked"}))
	next, err := client.Tick(100 * time.Millisecond)
	must(t, err)
	equal(t, "next", next > 0, true)
	notes := 0
	for {
		note, there, err := client.PollEvent()
		must(t, err)
		if !there {
			break
		}
		equal(t, "note", strings.Contains(string(note), `"type"`), true)
		notes++
	}
	equal(t, "notes", notes > 0, true)
	equal(t, "events", len(logged(t, client, key, "ticked")), 1)
	_, err = ready(t, nextKey(), Options{}).Tick(time.Millisecond)
	fails(t, err, ErrState)
}

func TestDefaultClient(t *testing.T) {
	_, err := Default().CheckGate(alice(t), "employees_only")
	fails(t, err, ErrHandle)
	key := nextKey()
	must(t, Initialize(generous(t), key, &Options{API: server.API, DisableDiagnostics: true}))
	must(t, Initialize(generous(t), "secret-ignored", nil))
	on, err := Default().CheckGate(alice(t), "employees_only")
	must(t, err)
	equal(t, "employees_only", on, true)
	report, err := Shutdown(generous(t))
	must(t, err)
	equal(t, "sent", report.Sent > 0, true)
	if Default() != nil {
		t.Error("there is a client after the shutdown")
	}
	_, err = Shutdown(generous(t))
	must(t, err)
	fails(t, Initialize(generous(t), key, &Options{Tier: "\xff", Threads: "many"}), ErrArgument)
}

func TestNilAndClosedObjectsFail(t *testing.T) {
	client := local(t, Options{})
	_, err := client.CheckGate(nil, "employees_only")
	fails(t, err, ErrHandle)
	user := prepared(t, User{UserID: "ada"})
	user.Close()
	user.Close()
	_, err = client.GetConfig(user, "shop_banner")
	fails(t, err, ErrHandle)
	_, err = user.JSON()
	fails(t, err, ErrHandle)
	config, err := client.GetConfig(alice(t), "shop_banner")
	must(t, err)
	config.Close()
	equal(t, "default", config.GetString("title", "other"), "other")
	equal(t, "name", config.Name(), "")
	_, err = config.Evaluation()
	fails(t, err, ErrHandle)
}
