package tidegate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tidegate.example/tidegate/internal/localserver"
)

type caseFile struct {
	Specs   string                     `json:"specs"`
	Options map[string]json.RawMessage `json:"options"`
	Cases   []struct {
		ID        string          `json:"id"`
		Kind      Kind            `json:"kind"`
		Name      string          `json:"name"`
		User      json.RawMessage `json:"user"`
		Overrides json.RawMessage `json:"overrides"`
		Expect    json.RawMessage `json:"expect"`
	} `json:"cases"`
}

// The shared cases of tests/cases, through this package.
func TestConformance(t *testing.T) {
	folder := filepath.Join(localserver.Root(), "tests")
	server, err := localserver.Start("--dir", filepath.Join(folder, "specs"))
	must(t, err)
	defer server.Close()
	paths, err := filepath.Glob(filepath.Join(folder, "cases", "*.json"))
	must(t, err)

	count := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		must(t, err)
		var file caseFile
		must(t, json.Unmarshal(text, &file))
		further := map[string]any{}
		for name, value := range file.Options {
			further[name] = value
		}
		client, err := NewClient("secret-"+file.Specs, &Options{
			API: server.API, DisableAllLogging: true, DisableDiagnostics: true, Further: further,
		})
		must(t, err)
		must(t, client.Initialize(generous(t)))
		details, err := client.InitDetails()
		must(t, err)
		equal(t, "source", details.Source, "Network")
		for _, item := range file.Cases {
			count++
			if item.Overrides != nil {
				must(t, client.LoadOverrides(item.Overrides))
			}
			label := filepath.Base(path) + " " + item.ID
			whole, err := client.EvaluateJSON(item.Kind, item.User, item.Name, NoExposure)
			must(t, err)
			compare(t, label, item.Expect, whole)
			compare(t, label, item.Expect, byHandle(t, client, item.Kind, item.User, item.Name))
			must(t, client.RemoveAllOverrides())
		}
		must(t, client.Close())
	}
	expected, err := strconv.Atoi(strings.TrimSpace(readFile(t, "tests/cases/COUNT")))
	must(t, err)
	equal(t, "cases", count, expected)
}

// byHandle evaluates with the type of the kind, and through the plain data of its result.
func byHandle(t *testing.T, client *Client, kind Kind, user json.RawMessage, name string) json.RawMessage {
	t.Helper()
	handle, err := PrepareJSON(user)
	must(t, err)
	defer handle.Close()
	var found Result
	switch kind {
	case KindGate:
		found, err = client.GetGate(handle, name, NoExposure)
	case KindConfig:
		found, err = client.GetConfig(handle, name, NoExposure)
	case KindExperiment:
		found, err = client.GetExperiment(handle, name, NoExposure)
	case KindLayer:
		found, err = client.GetLayer(handle, name, NoExposure)
	}
	must(t, err)
	defer found.Close()
	plain, err := found.Evaluation()
	must(t, err)
	text, err := json.Marshal(plain)
	must(t, err)
	return text
}

// compare checks that the members of expected are those of got.
func compare(t *testing.T, label string, expected, got json.RawMessage) {
	t.Helper()
	wanted, found := members(t, expected), members(t, got)
	for key, value := range wanted {
		other, there := found[key]
		switch {
		case !there:
			t.Errorf("%s: %s is missing", label, key)
		case key == "details":
			compare(t, label, value, other)
		case !same(parse(t, value), parse(t, other)):
			t.Errorf("%s: %s: expected %s, got %s", label, key, value, other)
		}
	}
}

func members(t *testing.T, text json.RawMessage) map[string]json.RawMessage {
	t.Helper()
	var found map[string]json.RawMessage
	must(t, json.Unmarshal(text, &found))
	return found
}

func parse(t *testing.T, text json.RawMessage) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	must(t, decoder.Decode(&value))
	return value
}

// same compares JSON values, numbers by value.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, is := b.(map[string]any)
		if !is || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			if other, there := b[key]; !there || !same(value, other) {
				return false
			}
		}
		return true
	case []any:
		b, is := b.([]any)
		if !is || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, is := b.(json.Number)
		return is && rational(a).Cmp(rational(b)) == 0
	}
	return a == b
}

func rational(number json.Number) *big.Rat {
	value, good := new(big.Rat).SetString(number.String())
	if !good {
		panic(fmt.Sprint("not a number: ", number))
	}
	return value
}
