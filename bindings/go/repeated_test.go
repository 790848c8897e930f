//go:build linux && !race

package tidegate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"
)

func evaluations(t *testing.T) []repeated {
	client, user := local(t, Options{}), alice(t)
	text := json.RawMessage(`{"userID": "alice", "email": "alice@shop.example"}`)
	seen := 0
	told := local(t, Options{OnEvaluation: func(*Evaluation) { seen++ }})
	person := User{UserID: "alice", Email: "alice@shop.example", Custom: map[string]any{"orders": 23}}
	batch := Batch{
		Users:    []User{person},
		Entities: []Entity{{KindGate, "new_checkout"}, {KindLayer, "checkout_layer"}},
	}
	return []repeated{
		{name: "check gate", call: func(int) error {
			_, err := client.CheckGate(user, "new_checkout")
			return err
		}},
		{name: "check gate JSON", call: func(int) error {
			_, err := client.CheckGateJSON(text, "new_checkout")
			return err
		}},
		{name: "check gates that are not known", slack: 1 << 20, call: func(number int) error {
			_, err := client.CheckGate(user, "gate "+strconv.Itoa(number))
			return err
		}},
		{name: "gate", call: func(int) error {
			gate, err := client.GetGate(user, "new_checkout")
			if err != nil {
				return err
			}
			defer gate.Close()
			gate.Value()
			return read(gate)
		}},
		{name: "config", call: func(int) error {
			config, err := client.GetConfig(user, "shop_banner")
			if err != nil {
				return err
			}
			defer config.Close()
			return parameters(config)
		}},
		{name: "experiment", call: func(int) error {
			experiment, err := client.GetExperiment(user, "checkout_button")
			if err != nil {
				return err
			}
			defer experiment.Close()
			if err := read(experiment); err != nil {
				return err
			}
			return parameters(&experiment.Config)
		}},
		{name: "layer", call: func(int) error {
			layer, err := client.GetLayer(user, "checkout_layer")
			if err != nil {
				return err
			}
			defer layer.Close()
			return parameters(&layer.Config)
		}},
		{name: "forgotten config", call: func(number int) error {
			config, err := client.GetConfig(user, "shop_banner")
			if err != nil {
				return err
			}
			config.GetString("title", "")
			if number%forgottenMax == 0 {
				settled(t)
			}
			return nil
		}},
		{name: "evaluation that is told", call: func(int) error {
			before := seen
			if _, err := told.CheckGate(user, "new_checkout"); err != nil {
				return err
			}
			if seen != before+1 {
				return fmt.Errorf("told %d times", seen-before)
			}
			return nil
		}},
		{name: "evaluate", call: func(int) error {
			_, err := client.Evaluate(KindConfig, person, "shop_banner")
			return err
		}},
		{name: "evaluate JSON", call: func(int) error {
			_, err := client.EvaluateJSON(KindGate, text, "new_checkout", NoExposure)
			return err
		}},
		{name: "batch", call: func(int) error { _, err := client.EvaluateBatch(batch); return err }},
		{name: "everything", every: 10, call: func(int) error {
			_, err := client.EvaluateAll(user)
			return err
		}},
		{name: "explain", call: func(int) error {
			_, err := client.Explain(user, KindGate, "new_checkout")
			return err
		}},
		{name: "client init response", every: 10, call: func(int) error {
			_, err := client.ClientInitResponse(user, ClientInitOptions{Hash: "djb2"})
			return err
		}},
	}
}

// read reads what all results have.
func read(result Result) error {
	result.Kind()
	result.Name()
	result.RuleID()
	result.GroupName()
	result.IDType()
	result.Reason()
	_, err := result.Times()
	if err != nil {
		return err
	}
	_, err = result.Evaluation()
	return err
}

// parameters reads one of each type, there or not.
func parameters(config *Config) error {
	config.Passed()
	for _, key := range []string{"title", "button_text", "absent"} {
		config.GetString(key, "")
		config.GetInt(key, 1)
		config.GetFloat(key, 1)
		config.GetBool(key, true)
		config.Has(key)
		if _, _, err := config.GetJSON(key); err != nil {
			return err
		}
	}
	_, err := config.Value()
	return err
}

func surroundings(t *testing.T) []repeated {
	client, user := local(t, Options{}), alice(t)
	var specs map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(readFile(t, "examples/rules/shop.json")), &specs))
	return []repeated{
		{name: "user", call: func(int) error {
			user, err := User{UserID: "ada", Custom: map[string]any{"orders": 23}}.Prepare()
			if err != nil {
				return err
			}
			defer user.Close()
			_, err = user.PrivateJSON()
			return err
		}},
		{name: "forgotten user", call: func(number int) error {
			_, err := User{UserID: "ada"}.Prepare()
			if number%forgottenMax == 0 {
				settled(t)
			}
			return err
		}},
		{name: "errors", call: func(int) error { return refusals(client, user) }},
		{name: "overrides", call: func(int) error { return overrides(client) }},
		{name: "stats", call: func(int) error { _, err := client.Stats(); return err }},
		{name: "specs", call: func(int) error { _, err := client.Specs(); return err }},
		{name: "entities", call: func(int) error { _, err := client.AllEntities(); return err }},
		{name: "details", call: func(int) error { _, err := client.InitDetails(); return err }},
		{name: "environment", call: func(int) error {
			return client.SetEnvironment(map[string]string{"tier": "staging"})
		}},
		{name: "options", call: func(int) error {
			_, err := DescribeOptions(&Options{OnEvaluation: func(*Evaluation) {}})
			return err
		}},
		{name: "update of the rules", every: 100, call: func(number int) error {
			specs["time"] = json.RawMessage(strconv.Itoa(1_900_000_000_000 + number))
			text, err := json.Marshal(specs)
			if err != nil {
				return err
			}
			return client.UpdateSpecs(text)
		}},
		{name: "client", every: 100, call: func(int) error {
			client, err := NewClient("secret-local", &Options{
				LocalMode: true, OnEvaluation: func(*Evaluation) {}, OnFlushed: func(Delivery) {},
			})
			if err != nil {
				return err
			}
			if err := client.Initialize(context.Background()); err != nil {
				return err
			}
			return client.Close()
		}},
	}
}

// refusals makes calls that are refused, each for another reason.
func refusals(client *Client, user *PreparedUser) error {
	_, parse := PrepareJSON(json.RawMessage("{"))
	_, nobody := User{}.Prepare()
	_, gate := client.CheckGateJSON(json.RawMessage("{}"), "new_checkout")
	_, name := client.CheckGate(user, "\xff")
	_, kind := client.EvaluateJSON(Kind(9), json.RawMessage(`{"userID":"a"}`), "new_checkout")
	_, closed := (&PreparedUser{}).JSON()
	for _, err := range []error{
		parse, nobody, gate, name, kind, closed,
		client.LogEvent(user, Event{Name: "e", Value: struct{}{}}),
		client.OverrideConfig("shop_banner", []int{1}, ""),
		client.UpdateSpecs(json.RawMessage("[")),
	} {
		if !errors.As(err, new(*Error)) {
			return fmt.Errorf("not refused: %v", err)
		}
	}
	return nil
}

func overrides(client *Client) error {
	value := map[string]any{"title": "x"}
	for _, err := range []error{
		client.OverrideGate("new_checkout", true, "alice"),
		client.OverrideConfig("shop_banner", value, "alice"),
		client.OverrideExperiment("checkout_button", value, "alice"),
		client.OverrideLayer("checkout_layer", value, ""),
		client.RemoveOverride(KindGate, "new_checkout", "alice"),
	} {
		if err != nil {
			return err
		}
	}
	found, err := client.DumpOverrides()
	if err != nil {
		return err
	}
	if err := client.LoadOverrides(found); err != nil {
		return err
	}
	return client.RemoveAllOverrides()
}

// logging logs more than the server takes: the queue is full, and stays as it is.
func logging(t *testing.T) []repeated {
	key := nextKey()
	client := ready(t, key, Options{
		EventQueueSize: 100, RetryQueueSize: 2, OutputLoggerLevel: "none", DisableErrorReporting: true,
	})
	fault := fmt.Sprintf(`[{"endpoint": "log_event", "status": 503, "times": -1, "key": %q}]`, key)
	must(t, server.Control("POST", "faults", url.Values{}, []byte(fault), nil))
	t.Cleanup(func() { client.Shutdown(within(t, 100*time.Millisecond)) })
	user := alice(t)
	event := Event{Name: "purchase", Value: 9.99, Metadata: map[string]any{"sku": "a-17"}}
	person := User{UserID: "alice"}
	// Until only those wait that are sent again.
	settle := func() { client.Flush(within(t, 5*time.Second)) }
	return []repeated{
		{name: "event", slack: queueSlackBytes, settle: settle, call: func(int) error {
			return client.LogEvent(user, event)
		}},
		{name: "event with its user", slack: queueSlackBytes, settle: settle, call: func(int) error {
			return client.LogEvents(UserEvent{User: person, Event: Event{Name: "view", Value: "x"}})
		}},
		// The exposures that are remembered have a bound too.
		{name: "fresh exposure", slack: queueSlackBytes, settle: settle, call: func(number int) error {
			user := json.RawMessage(`{"userID": "u` + strconv.Itoa(number) + `"}`)
			_, err := client.CheckGateJSON(user, "new_checkout")
			return err
		}},
		{name: "manual exposures", slack: queueSlackBytes, settle: settle, call: func(int) error {
			if err := client.LogExposure(user, KindGate, "new_checkout", ""); err != nil {
				return err
			}
			layer, err := client.GetLayer(user, "checkout_layer", NoExposure)
			if err != nil {
				return err
			}
			defer layer.Close()
			return client.LogExposureFor(layer, "button_text")
		}},
	}
}
