package tidegate

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tidegate.example/tidegate/internal/localserver"
)

// The program of the README, as it is written there.
func TestReadmeRuns(t *testing.T) {
	_, rest, _ := strings.Cut(readFile(t, "bindings/go/README.md"), "```go\n")
	code, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the README has no program")
	}
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(code), 0o600))
	run := func(arguments ...string) string {
		t.Helper()
		command := exec.Command("go", arguments...)
		command.Dir = folder
		command.Stderr = os.Stderr
		text, err := command.Output()
		must(t, err)
		return string(text)
	}
	binding := filepath.Join(localserver.Root(), "bindings", "go")
	run("mod", "init", "readme.example/readme")
	run("mod", "edit", "-go", "1.19", "-require", "tidegate.example/tidegate@v0.0.0",
		"-replace", "tidegate.example/tidegate="+binding)
	output := run("run", "-tags", "tidegate_dev", ".", "-api", server.API)
	equal(t, "output", output, `employees_only is on for ada
Good to see you again (JeOcMkMXRUkH9VOLOWgTQj)
Buy now
all events delivered: true
`)
	events, err := server.Events("secret-key")
	must(t, err)
	names := map[string]int{}
	for _, event := range events {
		names[event.Name]++
	}
	equal(t, "purchases", names["purchase"], 1)
	equal(t, "exposures", names["statsig::layer_exposure"], 1)
}
