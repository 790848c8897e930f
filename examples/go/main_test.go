package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tidegate.example/tidegate/internal/localserver"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string, header http.Header) (int, string) {
	t.Helper()
	request, err := http.NewRequest("GET", url, nil)
	must(t, err)
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(text)
}

// The program as people run it: built, served, stopped by a signal.
func TestWebShop(t *testing.T) {
	server, err := localserver.Start()
	must(t, err)
	defer server.Close()
	program := filepath.Join(t.TempDir(), "web_shop")
	build := exec.Command("go", "build", "-tags", "tidegate_dev", "-o", program, ".")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}

	shop := exec.Command(program, "-api", server.API, "-key", "secret-web-shop")
	output, err := shop.StdoutPipe()
	must(t, err)
	shop.Stderr = os.Stderr
	must(t, shop.Start())
	defer shop.Process.Kill()
	line, err := bufio.NewReader(output).ReadString('\n')
	must(t, err)
	url := strings.TrimSpace(line)

	alice := http.Header{"X-User": {"alice"}, "X-Email": {"alice@shop.example"}}
	status, text := get(t, url, alice)
	var found page
	must(t, json.Unmarshal([]byte(text), &found))
	if expected := (page{true, "Welcome to the shop", "Buy now"}); status != 200 || found != expected {
		t.Errorf("%d: expected %v, got %v", status, expected, found)
	}
	if status, text := get(t, url+"buy", alice); status != 200 {
		t.Errorf("%d: %s", status, text)
	}
	if status, text := get(t, url+"healthz", nil); status != 200 || !strings.Contains(text, `"phase":"ready"`) {
		t.Errorf("%d: %s", status, text)
	}

	must(t, shop.Process.Signal(syscall.SIGTERM))
	must(t, shop.Wait())
	events, err := server.Events("secret-web-shop")
	must(t, err)
	names := map[string]int{}
	for _, event := range events {
		names[event.Name]++
	}
	for _, name := range []string{"purchase", "statsig::gate_exposure", "statsig::layer_exposure"} {
		if names[name] != 1 {
			t.Errorf("%s: expected 1, got %d", name, names[name])
		}
	}
}
