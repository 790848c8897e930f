// Package bench measures the same calls on this package and on the vendor's package for Go, with the
// same rules from the same local server. It is a module of its own: nobody else needs the vendor's.
package bench

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	statsig "github.com/statsig-io/go-sdk"

	"tidegate.example/tidegate"
	"tidegate.example/tidegate/internal/localserver"
)

var (
	ours      *tidegate.Client
	ourUser   *tidegate.PreparedUser
	vendors   *statsig.Client
	userID    = "ada"
	userEmail = "ada@shop.example"
)

func TestMain(m *testing.M) {
	server, err := localserver.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the local server:", err)
		os.Exit(1)
	}
	ours, err = tidegate.NewClient("secret-bench", &tidegate.Options{API: server.API})
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	check(ours.Initialize(ctx))
	ourUser, err = tidegate.User{UserID: userID, Email: userEmail}.Prepare()
	check(err)
	vendors = statsig.NewClientWithOptions("secret-bench", &statsig.Options{
		API:                  server.API,
		OutputLoggerOptions:  statsig.OutputLoggerOptions{LogCallback: func(string, error) {}},
		StatsigLoggerOptions: statsig.StatsigLoggerOptions{DisableInitDiagnostics: true, DisableSyncDiagnostics: true},
	})
	code := m.Run()
	ours.Close()
	vendors.Shutdown()
	cancel()
	server.Close()
	os.Exit(code)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func vendorUser() statsig.User {
	return statsig.User{UserID: userID, Email: userEmail}
}

// TestBothAnswer makes sure that the two sides do the same work.
func TestBothAnswer(t *testing.T) {
	on, err := ours.CheckGate(ourUser, "employees_only")
	if err != nil || !on || !vendors.CheckGate(vendorUser(), "employees_only") {
		t.Fatalf("employees_only: %v, %v", on, err)
	}
	config, err := ours.GetConfig(ourUser, "shop_banner")
	check(err)
	title := config.GetString("title", "none of ours")
	vendorConfig := vendors.GetConfig(vendorUser(), "shop_banner")
	if vendorTitle := vendorConfig.GetString("title", "none of theirs"); title != vendorTitle {
		t.Fatalf("shop_banner: %q, %q", title, vendorTitle)
	}
}

func BenchmarkCheckGate(b *testing.B) {
	b.Run("tidegate", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i++ {
			ours.CheckGate(ourUser, "employees_only")
		}
	})
	b.Run("vendor", func(b *testing.B) {
		user := vendorUser()
		b.ReportAllocs()
		for i := 0; i < b.N; i++ {
			vendors.CheckGate(user, "employees_only")
		}
	})
}

func BenchmarkCheckGateOfANewUser(b *testing.B) {
	b.Run("tidegate", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i++ {
			user, err := tidegate.User{UserID: userID, Email: userEmail}.Prepare()
			check(err)
			ours.CheckGate(user, "new_checkout")
			user.Close()
		}
	})
	b.Run("vendor", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i++ {
			vendors.CheckGate(vendorUser(), "new_checkout")
		}
	})
}

func BenchmarkGetConfig(b *testing.B) {
	b.Run("tidegate", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i++ {
			config, err := ours.GetConfig(ourUser, "shop_banner")
			check(err)
			config.GetString("title", "")
			config.Close()
		}
	})
	b.Run("vendor", func(b *testing.B) {
		user := vendorUser()
		b.ReportAllocs()
		for i := 0; i < b.N; i++ {
			config := vendors.GetConfig(user, "shop_banner")
			config.GetString("title", "")
		}
	})
}

func BenchmarkGetLayer(b *testing.B) {
	b.Run("tidegate", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i++ {
			layer, err := ours.GetLayer(ourUser, "checkout_layer")
			check(err)
			layer.GetString("button_text", "")
			layer.Close()
		}
	})
	b.Run("vendor", func(b *testing.B) {
		user := vendorUser()
		b.ReportAllocs()
		for i := 0; i < b.N; i++ {
			layer := vendors.GetLayer(user, "checkout_layer")
			layer.GetString("button_text", "")
		}
	})
}
