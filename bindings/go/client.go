package tidegate

// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/json"
	"math"
	"runtime"
	"time"
)

// CloseTimeout is how long [Client.Close] waits for events to be delivered.
const CloseTimeout = 3 * time.Second

// Client evaluates gates, configs, experiments and layers, and delivers what is logged.
//
// Make one for each secret key and process, and keep it.
type Client struct {
	handle
}

// FlushReport says what became of the events.
type FlushReport struct {
	// Sent were accepted by the server during the call.
	Sent uint64
	// Spooled were written to the spool during the call.
	Spooled uint64
	// Dropped were given up during the call.
	Dropped uint64
	// Queued are still waiting after the call.
	Queued uint64
}

// InitDetails say how the initialization went.
type InitDetails struct {
	DurationMS           int64   `json:"duration_ms"`
	Source               string  `json:"source"`
	InitSuccess          bool    `json:"init_success"`
	StorePopulated       bool    `json:"store_populated"`
	IDListCount          int     `json:"id_list_count"`
	Error                *string `json:"error"`
	InitSourceAPI        *string `json:"init_source_api"`
	InitSourceAPIIDLists *string `json:"init_source_api_id_lists"`
	FallbackSpecUsed     bool    `json:"fallback_spec_used"`
	FallbackIDListsUsed  bool    `json:"fallback_id_lists_used"`
	TimedOut             bool    `json:"timed_out"`
}

// NewClient makes a client; options may be nil. No network, file or thread is touched before
// [Client.Initialize].
func NewClient(sdkKey string, options *Options) (*Client, error) {
	id, err := newOptions(options)
	if err != nil {
		return nil, err
	}
	defer C.tidegate_options_release(id)
	answer := C.tg_client_new(sdkKey, id)
	if err := check(answer.outcome); err != nil {
		return nil, err
	}
	client := &Client{}
	client.id.Store(uint64(answer.id))
	runtime.SetFinalizer(client, (*Client).release)
	return client, nil
}

func (c *Client) client() C.tidegate_client {
	if c == nil {
		return 0
	}
	return C.tidegate_client(c.id.Load())
}

func (c *Client) release() {
	C.tidegate_client_release(C.tidegate_client(c.take()))
	runtime.SetFinalizer(c, nil)
}

// Initialize loads rules and starts to keep them fresh.
//
// It fails with [ErrTimeout] when the deadline of ctx is over, while the work goes on in the
// background. A network that fails is no error: evaluations then give defaults, and InitDetails
// says why.
func (c *Client) Initialize(ctx context.Context) error {
	return c.wait(ctx, func(ms C.uint32_t) error {
		return check(C.tg_client_initialize(c.client(), ms))
	})
}

// InitializeAsync does the same in the background, and then calls done, which may be nil, on a
// thread of the library.
func (c *Client) InitializeAsync(done func(InitDetails)) error {
	defer runtime.KeepAlive(c)
	if done == nil {
		done = func(InitDetails) {}
	}
	return check(C.tg_initialize_async(c.client(), hold(initCallback(done))))
}

// WaitInitialized waits until the client is initialized.
func (c *Client) WaitInitialized(ctx context.Context) error {
	return c.wait(ctx, func(ms C.uint32_t) error {
		return check(C.tg_client_wait_initialized(c.client(), ms))
	})
}

// IsInitialized reports whether evaluations work, if only with defaults.
func (c *Client) IsInitialized() bool {
	defer runtime.KeepAlive(c)
	return C.tidegate_client_is_initialized(c.client()) != 0
}

// InitDetails says how the initialization went.
func (c *Client) InitDetails() (InitDetails, error) {
	defer runtime.KeepAlive(c)
	var found InitDetails
	err := decode(C.tg_client_init_details(c.client()), &found)
	return found, err
}

// Flush delivers what is queued, until the deadline of ctx, and tells what became of it.
func (c *Client) Flush(ctx context.Context) (FlushReport, error) {
	return c.deliver(ctx, func(ms C.uint32_t) C.tg_delivery {
		return C.tg_client_flush(c.client(), ms)
	})
}

// Shutdown delivers what is queued, until the deadline of ctx, and stops the client's threads.
func (c *Client) Shutdown(ctx context.Context) (FlushReport, error) {
	return c.deliver(ctx, func(ms C.uint32_t) C.tg_delivery {
		return C.tg_client_shutdown(c.client(), ms)
	})
}

// Close shuts down, for up to [CloseTimeout], and frees the client. To choose another bound, or to
// know what became of the events, call [Client.Shutdown] before.
func (c *Client) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), CloseTimeout)
	defer cancel()
	_, err := c.Shutdown(ctx)
	c.release()
	return err
}

// CloseCallbacks lets no callback start any more, and waits for those that run.
func (c *Client) CloseCallbacks(ctx context.Context) error {
	return c.wait(ctx, func(ms C.uint32_t) error {
		return check(C.tg_callbacks_close(c.client(), ms))
	})
}

// Tick does what is due, if the option Threads is "none", and tells in how long more is.
func (c *Client) Tick(budget time.Duration) (time.Duration, error) {
	defer runtime.KeepAlive(c)
	answer := C.tg_client_tick(c.client(), milliseconds(budget))
	if err := check(answer.outcome); err != nil {
		return 0, err
	}
	return time.Duration(answer.id) * time.Millisecond, nil
}

// PollEvent returns the next notification that nobody has taken, and whether there is one.
func (c *Client) PollEvent() (json.RawMessage, bool, error) {
	defer runtime.KeepAlive(c)
	found, there, err := text(C.tg_client_poll_event(c.client()))
	return json.RawMessage(found), there, err
}

// SyncNow fetches rules and id lists now.
func (c *Client) SyncNow(ctx context.Context) error {
	return c.wait(ctx, func(ms C.uint32_t) error {
		return check(C.tg_client_sync_now(c.client(), ms))
	})
}

// SetPolling pauses or resumes the regular fetching of rules.
func (c *Client) SetPolling(on bool) error {
	defer runtime.KeepAlive(c)
	return check(C.tg_client_set_polling(c.client(), boolean(on)))
}

// SetEnvironment replaces the environment of the options, the tier included, from here on. An empty
// one leaves the environment to the users and the rules.
func (c *Client) SetEnvironment(environment map[string]string) error {
	defer runtime.KeepAlive(c)
	if environment == nil {
		environment = map[string]string{}
	}
	text, err := encode("environment", environment)
	if err != nil {
		return err
	}
	return check(C.tg_client_set_environment(c.client(), text))
}

// UpdateSpecs replaces the rules with some that you got by other means.
func (c *Client) UpdateSpecs(specs json.RawMessage) error {
	defer runtime.KeepAlive(c)
	return check(C.tg_client_update_specs(c.client(), string(specs)))
}

// Specs returns the rules in use as received; nil if there are none.
func (c *Client) Specs() (json.RawMessage, error) {
	defer runtime.KeepAlive(c)
	found, there, err := text(C.tg_client_get_specs(c.client()))
	if err != nil || !there {
		return nil, err
	}
	return json.RawMessage(found), nil
}

// Stats returns the client's health: last sync, queues, counters, threads, forks.
func (c *Client) Stats() (json.RawMessage, error) {
	defer runtime.KeepAlive(c)
	return raw(C.tg_client_stats(c.client()))
}

// Entities returns the names of one kind.
func (c *Client) Entities(kind Kind) ([]string, error) {
	defer runtime.KeepAlive(c)
	var names []string
	err := decode(C.tg_list_entities(c.client(), C.int32_t(kind)), &names)
	return names, err
}

// AllEntities returns the names of all kinds, by kind as the library names it.
func (c *Client) AllEntities() (map[string][]string, error) {
	defer runtime.KeepAlive(c)
	var names map[string][]string
	err := decode(C.tg_list_entities(c.client(), 0), &names)
	return names, err
}

func (c *Client) deliver(ctx context.Context, call func(C.uint32_t) C.tg_delivery) (FlushReport, error) {
	var report FlushReport
	err := c.wait(ctx, func(ms C.uint32_t) error {
		delivery := call(ms)
		if err := check(delivery.outcome); err != nil {
			return err
		}
		report = FlushReport{
			Sent:    uint64(delivery.info.sent),
			Spooled: uint64(delivery.info.spooled),
			Dropped: uint64(delivery.info.dropped),
			Queued:  uint64(delivery.info.queued),
		}
		return nil
	})
	if err != nil {
		// The call may still be writing the report.
		return FlushReport{}, err
	}
	return report, nil
}

// wait makes a call that blocks for up to the deadline of ctx. When ctx is cancelled the call is
// left behind, and ends when it may.
func (c *Client) wait(ctx context.Context, call func(ms C.uint32_t) error) error {
	limit := C.uint32_t(math.MaxUint32)
	if deadline, bounded := ctx.Deadline(); bounded {
		limit = milliseconds(time.Until(deadline))
	}
	if ctx.Err() == context.Canceled {
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() {
		defer runtime.KeepAlive(c)
		done <- call(limit)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if ctx.Err() == context.Canceled {
			return ctx.Err()
		}
		// The call has the same deadline, and knows how it ended.
		return <-done
	}
}
