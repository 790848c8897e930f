package tidegate

// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"reflect"
	"runtime"
	"time"
)

// Event is something that happened.
type Event struct {
	Name string
	// Value is nil, a string or a number.
	Value any
	// Metadata is whatever else belongs to it.
	Metadata map[string]any
}

// UserEvent is an event with its user, and with its time if that is not now.
type UserEvent struct {
	User User
	Event
	Time time.Time
}

// MarshalJSON returns the event as the library takes it.
func (e UserEvent) MarshalJSON() ([]byte, error) {
	event := map[string]any{"user": e.User, "event_name": e.Name, "value": e.Value}
	if e.Metadata != nil {
		event["metadata"] = e.Metadata
	}
	if !e.Time.IsZero() {
		event["time"] = e.Time.UnixMilli()
	}
	return json.Marshal(event)
}

// LogEvent logs a custom event.
func (c *Client) LogEvent(user *PreparedUser, event Event) error {
	defer runtime.KeepAlive(c)
	defer runtime.KeepAlive(user)
	metadata := ""
	if len(event.Metadata) > 0 {
		text, err := encode("metadata", event.Metadata)
		if err != nil {
			return err
		}
		metadata = text
	}
	client, id := c.client(), user.user()
	value := reflect.ValueOf(event.Value)
	switch {
	case event.Value == nil:
		return check(C.tg_log_event(client, id, event.Name, metadata))
	case value.Kind() == reflect.String:
		return check(C.tg_log_event_text(client, id, event.Name, value.String(), metadata))
	case value.CanInt():
		return check(C.tg_log_event_number(client, id, event.Name, C.double(value.Int()), metadata))
	case value.CanUint():
		return check(C.tg_log_event_number(client, id, event.Name, C.double(value.Uint()), metadata))
	case value.CanFloat():
		return check(C.tg_log_event_number(client, id, event.Name, C.double(value.Float()), metadata))
	}
	return fail(ErrArgument, "value: expected nil, a string or a number, got %T", event.Value)
}

// LogEvents logs events that bring their users along. One that is refused does not keep the others
// out.
func (c *Client) LogEvents(events ...UserEvent) error {
	defer runtime.KeepAlive(c)
	text, err := encode("events", events)
	if err != nil {
		return err
	}
	return check(C.tg_log_event_json(c.client(), text))
}

// LogExposure evaluates, and logs the exposure as a manual one. The parameter is that of a layer,
// otherwise empty.
func (c *Client) LogExposure(user *PreparedUser, kind Kind, name, parameter string) error {
	defer runtime.KeepAlive(c)
	defer runtime.KeepAlive(user)
	return check(C.tg_log_exposure(c.client(), user.user(), C.int32_t(kind), name, parameter))
}

// Result is a [Gate], [Config], [Experiment] or [Layer].
type Result interface {
	Kind() Kind
	Name() string
	RuleID() string
	GroupName() (string, bool)
	IDType() string
	Reason() string
	Times() (Times, error)
	Evaluation() (*Evaluation, error)
	Close()

	resultID() C.tidegate_result
}

// LogExposureFor logs the manual exposure of a result that was taken without one.
func (c *Client) LogExposureFor(result Result, parameter string) error {
	defer runtime.KeepAlive(c)
	defer runtime.KeepAlive(result)
	return check(C.tg_log_exposure_for_result(c.client(), result.resultID(), parameter))
}
