package tidegate

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestUserHasItsAttributes(t *testing.T) {
	user := prepared(t, User{
		UserID:            "ada",
		CustomIDs:         map[string]string{"companyID": "initech"},
		Email:             "ada@shop.example",
		IP:                "192.0.2.1",
		UserAgent:         "curl/8",
		Country:           "NL",
		Locale:            "nl_NL",
		AppVersion:        "1.2.3",
		Custom:            map[string]any{"orders": 12},
		PrivateAttributes: map[string]any{"salary": 1e5},
		Environment:       map[string]string{"tier": "staging"},
	})
	logged, err := json.Marshal(user)
	must(t, err)
	for _, member := range []string{
		`"userID":"ada"`, `"companyID":"initech"`, `"email":"ada@shop.example"`, `"ip":"192.0.2.1"`, `"userAgent":"curl/8"`,
		`"country":"NL"`, `"locale":"nl_NL"`, `"appVersion":"1.2.3"`, `"orders":12`, `"tier":"staging"`,
	} {
		equal(t, member, strings.Contains(string(logged), member), true)
	}
	equal(t, "private", strings.Contains(string(logged), "salary"), false)
	all, err := user.PrivateJSON()
	must(t, err)
	equal(t, "private", strings.Contains(string(all), "salary"), true)
}

func TestRefusedUsers(t *testing.T) {
	_, err := User{Email: "ada@shop.example"}.Prepare()
	fails(t, err, ErrArgument)
	_, err = User{UserID: "ada", Custom: map[string]any{"f": func() {}}}.Prepare()
	fails(t, err, ErrArgument)
	_, err = PrepareJSON(json.RawMessage(`{`))
	fails(t, err, ErrJSON)
	_, err = PrepareJSON(nil)
	fails(t, err, ErrJSON)
	_, err = PrepareJSON(json.RawMessage("{\"userID\":\"\xff\"}"))
	fails(t, err, ErrUTF8)
	_, err = User{CustomIDs: map[string]string{"companyID": "7"}}.Prepare()
	must(t, err)
}

func TestParameters(t *testing.T) {
	client := local(t, Options{})
	must(t, client.OverrideConfig("all", map[string]any{
		"yes": true, "whole": 9007199254740993, "half": 0.5, "text": "a\x00b", "empty": "",
		"list": []any{1, "two"}, "object": map[string]any{"a": 1}, "nothing": nil,
	}, ""))
	config, err := client.GetConfig(alice(t), "all")
	must(t, err)

	equal(t, "bool", config.GetBool("yes", false), true)
	equal(t, "int", config.GetInt("whole", 0), 9007199254740993)
	equal(t, "float", config.GetFloat("half", 0), 0.5)
	equal(t, "string", config.GetString("text", ""), "a\x00b")
	equal(t, "string", config.GetString("empty", "other"), "")
	equal(t, "bool", config.GetBool("absent", true), true)
	equal(t, "bool", config.GetBool("text", true), true)
	equal(t, "int", config.GetInt("half", -7), -7)
	equal(t, "float", config.GetFloat("text", 1.5), 1.5)
	equal(t, "string", config.GetString("yes", "other"), "other")
	equal(t, "string", config.GetString("", "other"), "other")

	var list []any
	there, err := config.Get("list", &list)
	must(t, err)
	equal(t, "list", there && len(list) == 2, true)
	there, err = config.Get("absent", &list)
	must(t, err)
	equal(t, "absent", there, false)
	_, err = config.Get("text", &list)
	fails(t, err, ErrArgument)
	null, there, err := config.GetJSON("nothing")
	must(t, err)
	equal(t, "null", string(null), "null")
	equal(t, "null", there && config.Has("nothing") && !config.Has("absent"), true)

	for key, expected := range map[string]JSONType{
		"absent": JSONAbsent, "nothing": JSONNull, "yes": JSONBool, "half": JSONNumber,
		"text": JSONString, "list": JSONArray, "object": JSONObject,
	} {
		equal(t, key, config.Type(key), expected)
	}
	must(t, client.Close())
	equal(t, "after the client", config.GetBool("yes", false), true)
}

func TestKinds(t *testing.T) {
	equal(t, "name", KindLayer.String(), "layer")
	equal(t, "name", Kind(9).String(), "Kind(9)")
	var kind Kind
	must(t, json.Unmarshal([]byte(`"experiment"`), &kind))
	equal(t, "kind", kind, KindExperiment)
	fails(t, json.Unmarshal([]byte(`"toggle"`), &kind), ErrArgument)
}

func TestStatuses(t *testing.T) {
	equal(t, "name", ErrHandle.Error(), "TIDEGATE_E_HANDLE")
	_, err := NewClient("secret-x", &Options{Threads: "many"})
	fails(t, err, ErrArgument)
	equal(t, "message", strings.Contains(err.Error(), "threads"), true)
}

func TestABI(t *testing.T) {
	must(t, checkLibrary())
	must(t, checkABI(1<<16|7))
	for _, found := range []uint32{0, 2 << 16} {
		err := checkABI(found)
		fails(t, err, ErrABI)
		equal(t, "message", strings.Contains(err.Error(), LibraryVersion()), true)
	}
}

func TestVersions(t *testing.T) {
	equal(t, "library", LibraryVersion(), Version)
	equal(t, "Cargo.toml", strings.Contains(readFile(t, "Cargo.toml"), `version = "`+Version+`"`), true)
	equal(t, "build", json.Valid(BuildInfo()), true)
}

func TestOptionsAreThoseOfTheLibrary(t *testing.T) {
	text, err := DescribeOptions(nil)
	must(t, err)
	var described map[string]any
	must(t, json.Unmarshal(text, &described))
	delete(described, "callbacks")
	kind := reflect.TypeOf(Options{})
	for i := 0; i < kind.NumField(); i++ {
		name := kind.Field(i).Tag.Get("json")
		if _, known := described[name]; !known && name != "-" {
			t.Errorf("the library has no option %q", name)
		}
		delete(described, name)
	}
	for name := range described {
		t.Errorf("the option %q is missing", name)
	}
}

func TestOptionsArriveAsTheyAreMeant(t *testing.T) {
	no := false
	text, err := DescribeOptions(&Options{
		Tier:                 "staging",
		RulesetsSyncInterval: 1500 * time.Millisecond,
		EventSpoolSync:       2 * time.Second,
		EventQueueSize:       7,
		Strict:               &no,
		Further:              map[string]any{"sync_jitter": 0, "event_queue_size": 8},
	})
	must(t, err)
	for _, member := range []string{
		`"tier":"staging"`, `"rulesets_sync_interval":1.5`, `"event_spool_sync_ms":2000`,
		`"event_queue_size":8`, `"strict":false`, `"sync_jitter":0.0`, `"name":"go"`,
	} {
		equal(t, member, strings.Contains(string(text), member), true)
	}
	_, err = DescribeOptions(&Options{Further: map[string]any{"teir": 1}})
	fails(t, err, ErrArgument)
	equal(t, "message", strings.Contains(err.Error(), "teir"), true)
	_, err = DescribeOptions(&Options{Further: map[string]any{"tier": func() {}}})
	fails(t, err, ErrArgument)
}

// Every function of the library is called, or left out for a reason.
func TestSurface(t *testing.T) {
	leftOut := map[string]string{
		"tidegate_before_fork":       "a Go program cannot fork without exec",
		"tidegate_after_fork_parent": "the same",
		"tidegate_after_fork_child":  "the same",
	}
	source := ""
	for _, file := range []string{
		"bridge.h", "callbacks.c", "client.go", "error.go", "load.go", "options.go", "result.go", "user.go",
	} {
		source += readFile(t, "bindings/go/"+file)
	}
	exports := strings.Fields(readFile(t, "include/exports.txt"))
	if len(exports) < 80 {
		t.Fatalf("only %d functions", len(exports))
	}
	for _, name := range exports {
		called := regexp.MustCompile(`\b` + name + `\b`).MatchString(source)
		if _, out := leftOut[name]; called == out {
			t.Errorf("%s: called: %v, left out: %v", name, called, out)
		}
		delete(leftOut, name)
	}
	for name := range leftOut {
		t.Errorf("%s does not exist", name)
	}
}

func TestMilliseconds(t *testing.T) {
	for duration, expected := range map[time.Duration]uint32{
		-time.Second: 0, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, time.Second: 1000,
		1 << 62: 1<<32 - 1,
	} {
		equal(t, duration.String(), uint32(milliseconds(duration)), expected)
	}
}
