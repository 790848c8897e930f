package tidegate

// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"runtime"
)

// Flag changes an evaluation.
type Flag uint32

// NoExposure logs no exposure.
const NoExposure Flag = C.TIDEGATE_EVAL_NO_EXPOSURE

func bits(flags []Flag) C.uint32_t {
	var all Flag
	for _, flag := range flags {
		all |= flag
	}
	return C.uint32_t(all)
}

// CheckGate reports whether the user passes a gate. It allocates nothing.
func (c *Client) CheckGate(user *PreparedUser, name string, flags ...Flag) (bool, error) {
	outcome := C.tg_check_gate(c.client(), user.user(), name, bits(flags))
	runtime.KeepAlive(c)
	runtime.KeepAlive(user)
	if outcome.status < 0 {
		return false, failure(outcome)
	}
	return outcome.flag != 0, nil
}

// CheckGateJSON is CheckGate for a user in JSON, in one call.
func (c *Client) CheckGateJSON(user json.RawMessage, name string, flags ...Flag) (bool, error) {
	defer runtime.KeepAlive(c)
	outcome := C.tg_check_gate_json(c.client(), string(user), name, bits(flags))
	return outcome.flag != 0, check(outcome)
}

// GetGate returns a gate with its rule and details.
func (c *Client) GetGate(user *PreparedUser, name string, flags ...Flag) (*Gate, error) {
	found := &Gate{}
	if err := c.get(&found.result, KindGate, user, name, flags); err != nil {
		return nil, err
	}
	return found, nil
}

// GetConfig returns a dynamic config.
func (c *Client) GetConfig(user *PreparedUser, name string, flags ...Flag) (*Config, error) {
	found := &Config{}
	if err := c.get(&found.result, KindConfig, user, name, flags); err != nil {
		return nil, err
	}
	return found, nil
}

// GetExperiment returns an experiment.
func (c *Client) GetExperiment(user *PreparedUser, name string, flags ...Flag) (*Experiment, error) {
	found := &Experiment{}
	if err := c.get(&found.result, KindExperiment, user, name, flags); err != nil {
		return nil, err
	}
	return found, nil
}

// GetLayer returns a layer. Reading one of its parameters logs that parameter's exposure.
func (c *Client) GetLayer(user *PreparedUser, name string, flags ...Flag) (*Layer, error) {
	found := &Layer{}
	if err := c.get(&found.result, KindLayer, user, name, flags); err != nil {
		return nil, err
	}
	return found, nil
}

func (c *Client) get(into *result, kind Kind, user *PreparedUser, name string, flags []Flag) error {
	defer runtime.KeepAlive(c)
	defer runtime.KeepAlive(user)
	answer := C.tg_get(c.client(), C.int32_t(kind), user.user(), name, bits(flags))
	if err := check(answer.outcome); err != nil {
		return err
	}
	into.open(answer.id)
	return nil
}

// Evaluate returns any kind of evaluation as plain data, in one call: for a user that is asked about
// once. Parameters of a layer log no exposure this way.
func (c *Client) Evaluate(kind Kind, user User, name string, flags ...Flag) (*Evaluation, error) {
	text, err := encode("user", user)
	if err != nil {
		return nil, err
	}
	found := &Evaluation{}
	answer, err := c.EvaluateJSON(kind, json.RawMessage(text), name, flags...)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(answer, found); err != nil {
		return nil, fail(ErrJSON, "the library's answer: %v", err)
	}
	return found, nil
}

// EvaluateJSON is Evaluate with JSON in and out.
func (c *Client) EvaluateJSON(kind Kind, user json.RawMessage, name string, flags ...Flag) (json.RawMessage, error) {
	defer runtime.KeepAlive(c)
	return raw(C.tg_evaluate_json(c.client(), C.int32_t(kind), string(user), name, bits(flags)))
}

// EvaluateBatch does many evaluations at once: a row for each user, a cell for each entity.
func (c *Client) EvaluateBatch(batch Batch) ([][]Cell, error) {
	defer runtime.KeepAlive(c)
	text, err := encode("batch", batch)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Results [][]Cell `json:"results"`
	}
	err = decode(C.tg_evaluate_batch(c.client(), text), &answer)
	return answer.Results, err
}

// AllEvaluations are those of one user.
type AllEvaluations struct {
	// FeatureGates by name; Value is true or false.
	FeatureGates map[string]BriefEvaluation `json:"feature_gates"`
	// DynamicConfigs and experiments by name; Value is an object.
	DynamicConfigs map[string]BriefEvaluation `json:"dynamic_configs"`
}

// BriefEvaluation is a value and the rule that decided.
type BriefEvaluation struct {
	Value  json.RawMessage `json:"value"`
	RuleID string          `json:"rule_id"`
}

// EvaluateAll returns all gates, configs and experiments for one user, without exposures.
func (c *Client) EvaluateAll(user *PreparedUser) (*AllEvaluations, error) {
	defer runtime.KeepAlive(c)
	defer runtime.KeepAlive(user)
	found := &AllEvaluations{}
	if err := decode(C.tg_evaluate_all(c.client(), user.user()), found); err != nil {
		return nil, err
	}
	return found, nil
}

// Explain says why the user gets what it gets: rules, conditions, values, hashes. No exposure.
func (c *Client) Explain(user *PreparedUser, kind Kind, name string) (json.RawMessage, error) {
	defer runtime.KeepAlive(c)
	defer runtime.KeepAlive(user)
	return raw(C.tg_explain(c.client(), user.user(), C.int32_t(kind), name))
}

// ClientInitOptions shape the answer for a browser or mobile SDK.
type ClientInitOptions struct {
	ClientSDKKey string `json:"client_sdk_key,omitempty"`
	// Hash is "sha256", "djb2" or "none".
	Hash                  string `json:"hash,omitempty"`
	IncludeLocalOverrides bool   `json:"include_local_overrides,omitempty"`
	TargetAppID           string `json:"target_app_id,omitempty"`
}

// ClientInitResponse returns what a browser or mobile SDK needs to start for this user.
func (c *Client) ClientInitResponse(user *PreparedUser, options ClientInitOptions) (json.RawMessage, error) {
	defer runtime.KeepAlive(c)
	defer runtime.KeepAlive(user)
	text, err := encode("options", options)
	if err != nil {
		return nil, err
	}
	return raw(C.tg_client_init_response(c.client(), user.user(), text))
}
