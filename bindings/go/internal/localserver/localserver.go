// Package localserver runs the local server for tests: the service's protocol on loopback.
package localserver

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Server is a running local server. It ends with this process, however that ends.
type Server struct {
	URL string `json:"url"`
	API string `json:"api"`

	input   io.Closer
	process *exec.Cmd
}

// Root is the folder of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "..")
}

// Program is a file among what cargo has built; TIDEGATE_PROFILE says how, debug unless set.
func Program(elements ...string) string {
	profile := os.Getenv("TIDEGATE_PROFILE")
	if profile == "" {
		profile = "debug"
	}
	return filepath.Join(append([]string{Root(), "target", profile}, elements...)...)
}

// Start starts a server.
func Start(arguments ...string) (*Server, error) {
	arguments = append([]string{"--quiet", "--exit-with-parent"}, arguments...)
	server := &Server{process: exec.Command(Program("examples", "local_server"), arguments...)}
	input, err := server.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	server.input = input
	output, err := server.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	server.process.Stderr = os.Stderr
	if err := server.process.Start(); err != nil {
		return nil, fmt.Errorf("%w (built by: cargo build --examples)", err)
	}
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	return server, json.Unmarshal(line, server)
}

// Close ends the server.
func (s *Server) Close() error {
	s.input.Close()
	return s.process.Wait()
}

// Control makes a request to /control/ and parses the answer into one, unless that is nil.
func (s *Server) Control(method, command string, query url.Values, body []byte, into any) error {
	address := s.URL + "/control/" + command + "?" + query.Encode()
	request, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, command, answer.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// Event is one that the server has accepted.
type Event struct {
	Name     string         `json:"eventName"`
	Value    any            `json:"value"`
	User     map[string]any `json:"user"`
	Metadata map[string]any `json:"metadata"`
}

// Events returns the accepted events of a key in order, without the client's diagnostics.
func (s *Server) Events(key string) ([]Event, error) {
	var entries []struct {
		Event Event `json:"event"`
	}
	if err := s.Control("GET", "events", url.Values{"key": {key}}, nil, &entries); err != nil {
		return nil, err
	}
	var found []Event
	for _, entry := range entries {
		if entry.Event.Name != "statsig::diagnostics" {
			found = append(found, entry.Event)
		}
	}
	return found, nil
}
