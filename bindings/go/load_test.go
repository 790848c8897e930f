package tidegate

import (
	"fmt"
	"sync"
	"testing"
)

func TestCheckGateDoesNotAllocate(t *testing.T) {
	client, user := local(t, Options{}), alice(t)
	for name, check := range map[string]func() (bool, error){
		"silent": func() (bool, error) { return client.CheckGate(user, "employees_only", NoExposure) },
		"logged": func() (bool, error) { return client.CheckGate(user, "employees_only") },
	} {
		allocations := testing.AllocsPerRun(1000, func() {
			if on, err := check(); err != nil || !on {
				t.Error(on, err)
			}
		})
		equal(t, name, allocations, 0)
	}
}

func TestManyGoroutines(t *testing.T) {
	key := nextKey()
	client := ready(t, key, Options{})
	shared := alice(t)
	const goroutines, rounds = 8, 200
	var group sync.WaitGroup
	for number := 0; number < goroutines; number++ {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			user, err := User{UserID: fmt.Sprint("user", number)}.Prepare()
			if err != nil {
				t.Error(err)
				return
			}
			defer user.Close()
			name := fmt.Sprint("config ", number)
			for round := 0; round < rounds; round++ {
				if on, err := client.CheckGate(shared, "employees_only"); !on || err != nil {
					t.Error(on, err)
				}
				if err := client.OverrideConfig(name, map[string]int{"round": round}, ""); err != nil {
					t.Error(err)
				}
				config, err := client.GetConfig(user, name)
				if err != nil {
					t.Error(err)
					return
				}
				if config.Name() != name || config.GetInt("round", -1) != int64(round) {
					t.Error(config.Evaluation())
				}
				if err := client.LogEvent(user, Event{Name: "round", Value: round}); err != nil {
					t.Error(err)
				}
			}
		}(number)
	}
	group.Wait()
	equal(t, "events", len(logged(t, client, key, "round")), goroutines*rounds)
}

func TestShutdownUnderLoad(t *testing.T) {
	client, user := ready(t, nextKey(), Options{}), alice(t)
	var group, started sync.WaitGroup
	for number := 0; number < 3; number++ {
		group.Add(1)
		started.Add(1)
		go func() {
			defer group.Done()
			started.Done()
			for {
				on, err := client.CheckGate(user, "employees_only")
				if err != nil {
					fails(t, err, ErrState)
					return
				}
				if !on {
					t.Error("off")
				}
			}
		}()
	}
	started.Wait()
	_, err := client.Shutdown(generous(t))
	must(t, err)
	group.Wait()
}

// Objects that are forgotten are freed with the garbage.
func TestForgottenObjectsAreFreed(t *testing.T) {
	client := local(t, Options{})
	usable := func(id uint64) bool {
		stale := &PreparedUser{}
		stale.id.Store(id)
		_, err := stale.JSON()
		return err == nil
	}
	id := func() uint64 {
		user, err := User{UserID: "ada"}.Prepare()
		must(t, err)
		_, err = client.GetGate(user, "employees_only")
		must(t, err)
		return user.id.Load()
	}()
	eventually(t, "the user is gone", func() bool { return !usable(id) })
}

func BenchmarkCheckGate(b *testing.B) {
	client, user := local(b, Options{}), alice(b)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		client.CheckGate(user, "employees_only", NoExposure)
	}
}

func BenchmarkCheckGateExposure(b *testing.B) {
	client, user := local(b, Options{}), alice(b)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		client.CheckGate(user, "employees_only")
	}
}

func BenchmarkCheckGateParallel(b *testing.B) {
	client, user := local(b, Options{}), alice(b)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			client.CheckGate(user, "employees_only", NoExposure)
		}
	})
}

func BenchmarkGetConfig(b *testing.B) {
	client, user := local(b, Options{}), alice(b)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		config, err := client.GetConfig(user, "shop_banner", NoExposure)
		must(b, err)
		config.GetString("title", "")
		config.Close()
	}
}

func BenchmarkPrepare(b *testing.B) {
	user := User{UserID: "alice", Email: "alice@shop.example"}
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		handle, err := user.Prepare()
		must(b, err)
		handle.Close()
	}
}

func BenchmarkEvaluate(b *testing.B) {
	client := local(b, Options{})
	user := User{UserID: "alice", Email: "alice@shop.example"}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		_, err := client.Evaluate(KindGate, user, "employees_only", NoExposure)
		must(b, err)
	}
}
