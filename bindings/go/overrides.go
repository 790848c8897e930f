package tidegate

// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"runtime"
)

// Overrides are all local values, by name and then by id; the empty id means all users.
type Overrides struct {
	Gates       map[string]map[string]bool            `json:"gates,omitempty"`
	Configs     map[string]map[string]json.RawMessage `json:"configs,omitempty"`
	Experiments map[string]map[string]json.RawMessage `json:"experiments,omitempty"`
	Layers      map[string]map[string]json.RawMessage `json:"layers,omitempty"`
}

// OverrideGate makes one user id or custom id, or with an empty id everybody, get a value of your
// choice.
func (c *Client) OverrideGate(name string, value bool, id string) error {
	return c.override(KindGate, name, value, id)
}

// OverrideConfig is the same for a dynamic config. The value is an object in JSON: a map, a struct.
func (c *Client) OverrideConfig(name string, value any, id string) error {
	return c.override(KindConfig, name, value, id)
}

// OverrideExperiment is the same for an experiment. It does not reach the layer that holds it.
func (c *Client) OverrideExperiment(name string, value any, id string) error {
	return c.override(KindExperiment, name, value, id)
}

// OverrideLayer is the same for a layer.
func (c *Client) OverrideLayer(name string, value any, id string) error {
	return c.override(KindLayer, name, value, id)
}

func (c *Client) override(kind Kind, name string, value any, id string) error {
	defer runtime.KeepAlive(c)
	text, err := encode("value", value)
	if err != nil {
		return err
	}
	return check(C.tg_override(c.client(), C.int32_t(kind), name, text, id))
}

// RemoveOverride removes one override, if it is there.
func (c *Client) RemoveOverride(kind Kind, name, id string) error {
	defer runtime.KeepAlive(c)
	return check(C.tg_remove_override(c.client(), C.int32_t(kind), name, id))
}

// RemoveAllOverrides removes every override.
func (c *Client) RemoveAllOverrides() error {
	defer runtime.KeepAlive(c)
	return check(C.tg_remove_all_overrides(c.client()))
}

// LoadOverrides replaces all overrides, by [Overrides] or anything else that is the same in JSON.
func (c *Client) LoadOverrides(overrides any) error {
	defer runtime.KeepAlive(c)
	text, err := encode("overrides", overrides)
	if err != nil {
		return err
	}
	return check(C.tg_load_overrides(c.client(), text))
}

// DumpOverrides returns all overrides.
func (c *Client) DumpOverrides() (Overrides, error) {
	defer runtime.KeepAlive(c)
	var found Overrides
	err := decode(C.tg_dump_overrides(c.client()), &found)
	return found, err
}
