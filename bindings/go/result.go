package tidegate

// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"runtime"
	"time"
)

// result is what the results have in common. It does not change, whatever the rules do afterwards.
type result struct {
	handle
}

func (r *result) open(id C.uint64_t) {
	r.id.Store(uint64(id))
	runtime.SetFinalizer(r, (*result).Close)
}

func (r *result) resultID() C.tidegate_result {
	if r == nil {
		return 0
	}
	return C.tidegate_result(r.id.Load())
}

// Close frees the result. Reading it afterwards gives defaults, or [ErrHandle].
func (r *result) Close() {
	C.tidegate_result_release(C.tidegate_result(r.take()))
	runtime.SetFinalizer(r, nil)
}

// Kind returns what was evaluated.
func (r *result) Kind() Kind {
	defer runtime.KeepAlive(r)
	return Kind(C.tidegate_result_kind(r.resultID()))
}

// Name returns the name that was asked for.
func (r *result) Name() string {
	defer runtime.KeepAlive(r)
	found, _, _ := text(C.tg_result_name(r.resultID()))
	return found
}

// RuleID returns the rule that decided; it is empty if there was none.
func (r *result) RuleID() string {
	defer runtime.KeepAlive(r)
	found, _, _ := text(C.tg_result_rule_id(r.resultID()))
	return found
}

// GroupName returns the experiment group, and whether there is one.
func (r *result) GroupName() (string, bool) {
	defer runtime.KeepAlive(r)
	found, there, _ := text(C.tg_result_group_name(r.resultID()))
	return found, there
}

// IDType returns the type of the id that was evaluated, for example userID; it is empty if that is
// not known.
func (r *result) IDType() string {
	defer runtime.KeepAlive(r)
	found, _, _ := text(C.tg_result_id_type(r.resultID()))
	return found
}

// Reason returns where the value came from, for example Network or Network:Unrecognized.
func (r *result) Reason() string {
	defer runtime.KeepAlive(r)
	found, _, _ := text(C.tg_result_reason(r.resultID()))
	return found
}

// Times are those of a result.
type Times struct {
	// ConfigSync is the time of the rules that the result was made with.
	ConfigSync time.Time
	// Init is the time of the rules that the client was initialized with.
	Init time.Time
	// Server is the time of the evaluation.
	Server time.Time
}

// Times returns when the rules and the evaluation were made.
func (r *result) Times() (Times, error) {
	defer runtime.KeepAlive(r)
	found := C.tg_result_times(r.resultID())
	if err := check(found.outcome); err != nil {
		return Times{}, err
	}
	return Times{
		ConfigSync: time.UnixMilli(int64(found.times.config_sync)),
		Init:       time.UnixMilli(int64(found.times.init)),
		Server:     time.UnixMilli(int64(found.times.server)),
	}, nil
}

// Evaluation returns everything about the result as plain data. It logs no exposure.
func (r *result) Evaluation() (*Evaluation, error) {
	defer runtime.KeepAlive(r)
	found := &Evaluation{}
	if err := decode(C.tg_result_to_json(r.resultID()), found); err != nil {
		return nil, err
	}
	return found, nil
}

// MarshalJSON returns everything about the result. It logs no exposure.
func (r *result) MarshalJSON() ([]byte, error) {
	defer runtime.KeepAlive(r)
	return raw(C.tg_result_to_json(r.resultID()))
}

// passed is the value of a gate, or whether the rule of a config was passed.
func (r *result) passed() bool {
	defer runtime.KeepAlive(r)
	return C.tidegate_result_bool(r.resultID()) != 0
}

// Gate is the result of a feature gate.
type Gate struct {
	result
}

// Value reports whether the user passes.
func (g *Gate) Value() bool {
	return g.passed()
}

// Config is the result of a dynamic config.
type Config struct {
	result
}

// Experiment is the result of an experiment.
type Experiment struct {
	Config
}

// Layer is a layer. Reading one of its parameters with a method Get logs that parameter's exposure.
type Layer struct {
	Config
}

// Passed reports whether the user passes the rule that decided.
func (c *Config) Passed() bool {
	return c.passed()
}

// Value returns all parameters as a JSON object. It logs no exposure.
func (c *Config) Value() (json.RawMessage, error) {
	defer runtime.KeepAlive(c)
	return raw(C.tg_result_value_json(c.resultID()))
}

// Get reads one parameter into value, as [json.Unmarshal] does, and reports whether it is there.
func (c *Config) Get(key string, value any) (bool, error) {
	found, there, err := c.GetJSON(key)
	if err != nil || !there {
		return false, err
	}
	if err := json.Unmarshal(found, value); err != nil {
		return false, fail(ErrArgument, "parameter %q: %v", key, err)
	}
	return true, nil
}

// GetJSON returns one parameter as JSON, and whether it is there.
func (c *Config) GetJSON(key string) (json.RawMessage, bool, error) {
	defer runtime.KeepAlive(c)
	found, there, err := text(C.tg_result_get_json(c.resultID(), key))
	if err != nil || !there {
		return nil, false, err
	}
	return json.RawMessage(found), true, nil
}

// GetBool returns one parameter, or other if it is absent or not true or false.
func (c *Config) GetBool(key string, other bool) bool {
	defer runtime.KeepAlive(c)
	return C.tg_result_get_bool(c.resultID(), key, boolean(other)) != 0
}

// GetInt returns one parameter, or other if it is absent or not a whole number of 64 bits.
func (c *Config) GetInt(key string, other int64) int64 {
	defer runtime.KeepAlive(c)
	return int64(C.tg_result_get_i64(c.resultID(), key, C.int64_t(other)))
}

// GetFloat returns one parameter, or other if it is absent or not a number.
func (c *Config) GetFloat(key string, other float64) float64 {
	defer runtime.KeepAlive(c)
	return float64(C.tg_result_get_f64(c.resultID(), key, C.double(other)))
}

// GetString returns one parameter, or other if it is absent or not a string.
func (c *Config) GetString(key string, other string) string {
	defer runtime.KeepAlive(c)
	found, there, _ := text(C.tg_result_get_str(c.resultID(), key))
	if !there {
		return other
	}
	return found
}

// JSONType is the type of a parameter.
type JSONType int32

// The types.
const (
	JSONAbsent JSONType = 0
	JSONNull   JSONType = C.TIDEGATE_JSON_NULL
	JSONBool   JSONType = C.TIDEGATE_JSON_BOOL
	JSONNumber JSONType = C.TIDEGATE_JSON_NUMBER
	JSONString JSONType = C.TIDEGATE_JSON_STRING
	JSONArray  JSONType = C.TIDEGATE_JSON_ARRAY
	JSONObject JSONType = C.TIDEGATE_JSON_OBJECT
)

// Type returns the type of a parameter. It logs no exposure.
func (c *Config) Type(key string) JSONType {
	defer runtime.KeepAlive(c)
	return JSONType(C.tg_result_has(c.resultID(), key))
}

// Has reports whether there is such a parameter, even if it is null. It logs no exposure.
func (c *Config) Has(key string) bool {
	return c.Type(key) != JSONAbsent
}
