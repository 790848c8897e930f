// A web shop that asks Tidegate what each visitor gets.
//
//	go run -tags tidegate_dev . -api http://127.0.0.1:40213/v1 -listen 127.0.0.1:8080
//	curl -H 'X-User: ada' http://127.0.0.1:8080/
//
// SIGINT and SIGTERM end it in order: requests finish, and events are delivered.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"tidegate.example/tidegate"
)

func main() {
	api := flag.String("api", "", "base URL of the service; empty for the real one")
	key := flag.String("key", "secret-web-shop", "secret key")
	listen := flag.String("listen", "127.0.0.1:0", "address to serve on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *key, *api, *listen); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, key, api, listen string) error {
	client, err := tidegate.NewClient(key, &tidegate.Options{
		API:         api,
		ServiceName: "web_shop",
		OnError: func(report tidegate.ErrorReport) {
			log.Printf("tidegate: %s: %s", report.Tag, report.Message)
		},
	})
	if err != nil {
		return err
	}
	defer client.Close()

	// A slow start is no reason not to serve: until the rules are there, everybody gets defaults.
	starting, cancel := context.WithTimeout(ctx, 3*time.Second)
	if err := client.Initialize(starting); err != nil {
		log.Print(err)
	}
	cancel()

	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", listener.Addr())
	server := &http.Server{Handler: routes(client), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}

	ending, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return err
	}
	report, err := client.Shutdown(ending)
	if err != nil {
		return err
	}
	log.Printf("events: %+v", report)
	return nil
}

func routes(client *tidegate.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", withUser(client, home))
	mux.HandleFunc("/buy", withUser(client, buy))
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		stats, err := client.Stats()
		answer(w, stats, err)
	})
	return mux
}

type handler func(*tidegate.Client, *tidegate.PreparedUser) (any, error)

// withUser prepares the user of a request once, for everything in the request.
func withUser(client *tidegate.Client, next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, err := tidegate.User{
			UserID:    r.Header.Get("X-User"),
			Email:     r.Header.Get("X-Email"),
			UserAgent: r.UserAgent(),
			CustomIDs: map[string]string{"sessionID": r.RemoteAddr},
		}.Prepare()
		if err != nil {
			answer(w, nil, err)
			return
		}
		defer user.Close()
		page, err := next(client, user)
		answer(w, page, err)
	}
}

type page struct {
	NewCheckout bool   `json:"new_checkout"`
	Title       string `json:"title"`
	Button      string `json:"button"`
}

func home(client *tidegate.Client, user *tidegate.PreparedUser) (any, error) {
	checkout, err := client.CheckGate(user, "new_checkout")
	if err != nil {
		return nil, err
	}
	banner, err := client.GetConfig(user, "shop_banner")
	if err != nil {
		return nil, err
	}
	defer banner.Close()
	layer, err := client.GetLayer(user, "checkout_layer")
	if err != nil {
		return nil, err
	}
	defer layer.Close()
	return page{
		NewCheckout: checkout,
		Title:       banner.GetString("title", "Welcome"),
		Button:      layer.GetString("button_text", "Pay"),
	}, nil
}

func buy(client *tidegate.Client, user *tidegate.PreparedUser) (any, error) {
	event := tidegate.Event{Name: "purchase", Value: 12.5, Metadata: map[string]any{"sku": "hat"}}
	return map[string]string{"bought": "hat"}, client.LogEvent(user, event)
}

func answer(w http.ResponseWriter, body any, err error) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case errors.Is(err, tidegate.ErrState):
		w.WriteHeader(http.StatusServiceUnavailable)
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	}
	if err != nil {
		body = map[string]string{"error": err.Error()}
	}
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}
