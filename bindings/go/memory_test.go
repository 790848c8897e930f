//go:build !race

// The race detector keeps what is freed.

package tidegate

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// Memory stays flat, whatever is called how often.
func TestMemoryStaysFlat(t *testing.T) {
	client := local(t, Options{})
	user := alice(t)
	text := json.RawMessage(`{"userID": "alice", "email": "alice@shop.example"}`)
	calls := map[string]func() error{
		"user": func() error {
			user, err := User{UserID: "ada"}.Prepare()
			if err == nil {
				user.Close()
			}
			return err
		},
		"refused user": func() error {
			if _, err := PrepareJSON(json.RawMessage("{")); err == nil {
				return fmt.Errorf("accepted")
			}
			return nil
		},
		"gate": func() error {
			gate, err := client.GetGate(user, "new_checkout")
			if err == nil {
				gate.Close()
			}
			return err
		},
		"forgotten config": func() error {
			config, err := client.GetConfig(user, "shop_banner")
			if err == nil {
				config.GetString("title", "")
			}
			return err
		},
		"evaluate": func() error {
			_, err := client.EvaluateJSON(KindGate, text, "new_checkout", NoExposure)
			return err
		},
		"explain": func() error { _, err := client.Explain(user, KindGate, "new_checkout"); return err },
		"client init response": func() error {
			_, err := client.ClientInitResponse(user, ClientInitOptions{})
			return err
		},
		"override": func() error {
			if err := client.OverrideGate("new_checkout", true, "alice"); err != nil {
				return err
			}
			return client.RemoveAllOverrides()
		},
		"options": func() error {
			_, err := DescribeOptions(&Options{OnEvaluation: func(*Evaluation) {}})
			return err
		},
	}
	for name, call := range calls {
		repeat := func(times int) int {
			for i := 0; i < times; i++ {
				must(t, call())
			}
			// Twice: the first collection runs the finalizers, the second frees what they kept.
			runtime.GC()
			runtime.GC()
			debug.FreeOSMemory()
			return resident(t)
		}
		// The library keeps the room for as many objects as there once were.
		repeat(4000)
		// A leak of 200 bytes a call is 800,000 in every round; what the collector and the
		// allocator need, they need once.
		least := 1 << 62
		for round, before := 0, repeat(4000); round < 3 && least > 700_000; round++ {
			after := repeat(4000)
			if after-before < least {
				least = after - before
			}
			before = after
		}
		if least > 700_000 {
			t.Errorf("%s: %d bytes more, each time", name, least)
		}
	}
}

func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	must(t, err)
	var all, inUse int
	_, err = fmt.Sscan(strings.TrimSpace(string(text)), &all, &inUse)
	must(t, err)
	return inUse * os.Getpagesize()
}
