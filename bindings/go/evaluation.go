package tidegate

// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"fmt"
)

// Kind is what is evaluated. In JSON it is "gate", "config", "experiment" or "layer".
type Kind int32

// The kinds.
const (
	KindGate       Kind = C.TIDEGATE_GATE
	KindConfig     Kind = C.TIDEGATE_CONFIG
	KindExperiment Kind = C.TIDEGATE_EXPERIMENT
	KindLayer      Kind = C.TIDEGATE_LAYER
)

var kindNames = map[Kind]string{
	KindGate:       "gate",
	KindConfig:     "config",
	KindExperiment: "experiment",
	KindLayer:      "layer",
}

// String returns the name of the kind.
func (k Kind) String() string {
	if name, known := kindNames[k]; known {
		return name
	}
	return fmt.Sprintf("Kind(%d)", int32(k))
}

// MarshalText returns the name of the kind.
func (k Kind) MarshalText() ([]byte, error) {
	if name, known := kindNames[k]; known {
		return []byte(name), nil
	}
	return nil, fail(ErrArgument, "kind: %v is none", k)
}

// UnmarshalText reads the name of a kind.
func (k *Kind) UnmarshalText(text []byte) error {
	for kind, name := range kindNames {
		if name == string(text) {
			*k = kind
			return nil
		}
	}
	return fail(ErrArgument, "kind: %q is none", text)
}

// Evaluation is everything about a result, as plain data.
type Evaluation struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
	// Value is true or false for a gate, otherwise an object.
	Value                         json.RawMessage     `json:"value"`
	Passed                        bool                `json:"passed"`
	RuleID                        string              `json:"rule_id"`
	GroupName                     *string             `json:"group_name"`
	IDType                        string              `json:"id_type"`
	Version                       *int64              `json:"version"`
	IsExperimentGroup             bool                `json:"is_experiment_group"`
	SecondaryExposures            []SecondaryExposure `json:"secondary_exposures"`
	UndelegatedSecondaryExposures []SecondaryExposure `json:"undelegated_secondary_exposures"`
	ExplicitParameters            []string            `json:"explicit_parameters"`
	AllocatedExperiment           *string             `json:"allocated_experiment"`
	OverrideConfigName            *string             `json:"override_config_name"`
	Details                       Details             `json:"details"`
}

// SecondaryExposure is a gate that was looked at on the way.
type SecondaryExposure struct {
	Gate      string `json:"gate"`
	GateValue string `json:"gateValue"`
	RuleID    string `json:"ruleID"`
}

// Details say where a value came from. Times are in ms since 1970.
type Details struct {
	Source         string `json:"source"`
	Reason         string `json:"reason"`
	DetailedReason string `json:"detailed_reason"`
	ConfigSyncTime int64  `json:"config_sync_time"`
	InitTime       int64  `json:"init_time"`
	ServerTime     int64  `json:"server_time"`
}

// Entity names something to evaluate.
type Entity struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}

// Batch asks for many evaluations at once.
type Batch struct {
	Users        []User   `json:"users"`
	Entities     []Entity `json:"entities"`
	LogExposures bool     `json:"log_exposures"`
}

// Cell is one evaluation of a batch, or why there is none.
type Cell struct {
	Evaluation
	Err *Error
}

// UnmarshalJSON reads an evaluation or {"error":{"code","message"}}.
func (c *Cell) UnmarshalJSON(text []byte) error {
	var failed struct {
		Error *struct {
			Code    int32  `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(text, &failed); err != nil {
		return err
	}
	if failed.Error != nil {
		c.Err = &Error{Status(failed.Error.Code), failed.Error.Message}
		return nil
	}
	return json.Unmarshal(text, &c.Evaluation)
}
