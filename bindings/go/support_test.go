package tidegate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"tidegate.example/tidegate/internal/localserver"
)

var (
	server *localserver.Server
	keys   atomic.Int64
)

func TestMain(m *testing.M) {
	started, err := localserver.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the local server:", err)
		os.Exit(1)
	}
	server = started
	code := m.Run()
	server.Close()
	os.Exit(code)
}

// nextKey is a secret key of the test's own: the server keeps the tests apart by it.
func nextKey() string {
	return fmt.Sprintf("secret-go%d", keys.Add(1))
}

func within(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

func generous(t testing.TB) context.Context {
	t.Helper()
	return within(t, 60*time.Second)
}

// newClient makes a client of the server that is not initialized.
func newClient(t testing.TB, key string, options Options) *Client {
	t.Helper()
	if options.API == "" {
		options.API = server.API
	}
	options.DisableDiagnostics = true
	client, err := NewClient(key, &options)
	must(t, err)
	t.Cleanup(func() {
		if client.client() != 0 {
			client.Close()
		}
	})
	return client
}

// ready makes a client that has its rules from the server.
func ready(t testing.TB, key string, options Options) *Client {
	t.Helper()
	client := newClient(t, key, options)
	must(t, client.Initialize(generous(t)))
	details, err := client.InitDetails()
	must(t, err)
	if !details.InitSuccess {
		t.Fatalf("no rules: %+v", details)
	}
	return client
}

// local makes a client with the shop's rules and without network.
func local(t testing.TB, options Options) *Client {
	t.Helper()
	options.LocalMode = true
	options.BootstrapValues = readFile(t, "examples/rules/shop.json")
	client, err := NewClient("secret-local", &options)
	must(t, err)
	t.Cleanup(client.release)
	must(t, client.Initialize(generous(t)))
	return client
}

func prepared(t testing.TB, user User) *PreparedUser {
	t.Helper()
	handle, err := user.Prepare()
	must(t, err)
	t.Cleanup(handle.Close)
	return handle
}

func alice(t testing.TB) *PreparedUser {
	t.Helper()
	return prepared(t, User{UserID: "alice", Email: "alice@shop.example"})
}

func bob(t testing.TB) *PreparedUser {
	t.Helper()
	return prepared(t, User{UserID: "bob", Custom: map[string]any{"orders": 23}})
}

// logged returns the delivered events of a name.
func logged(t testing.TB, client *Client, key, name string) []localserver.Event {
	t.Helper()
	report, err := client.Flush(generous(t))
	must(t, err)
	if report.Dropped+report.Queued != 0 {
		t.Fatalf("not delivered: %+v", report)
	}
	events, err := server.Events(key)
	must(t, err)
	var found []localserver.Event
	for _, event := range events {
		if event.Name == name {
			found = append(found, event)
		}
	}
	return found
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(localserver.Root(), path))
	must(t, err)
	return string(text)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fails checks that an error has a status.
func fails(t testing.TB, err error, status Status) {
	t.Helper()
	if !errors.Is(err, status) {
		t.Errorf("expected %v, got %v", status, err)
	}
}

func equal[T any](t testing.TB, what string, got, expected T) {
	t.Helper()
	if any(got) != any(expected) {
		t.Errorf("%s: expected %v, got %v", what, expected, got)
	}
}

// eventually waits until something holds. The library's threads let go of things shortly after a
// client ends.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for bound := time.Now().Add(30 * time.Second); !condition(); {
		if time.Now().After(bound) {
			t.Fatalf("%s: not in time", what)
		}
		runtime.GC()
		runtime.Gosched()
	}
}
