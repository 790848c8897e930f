//go:build linux && !race

// The race detector keeps what is freed.

package tidegate

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"tidegate.example/tidegate/internal/heap"
)

// repeated is a call that leaves memory as it was, however often it is made.
type repeated struct {
	name string
	call func(number int) error
	// every says that one call of so many is made: for what no program does all the time.
	every int
	// slack is for what has a bound that is not reached at once.
	slack int
	// settle ends what the calls have begun, before memory is looked at.
	settle func()
}

const (
	// bytesPerCallMax is less than the smallest leak there could be: 32 bytes of C's heap, 16 of Go's.
	bytesPerCallMax = 1
	// residentPerCallMax allows for pages that are partly in use.
	residentPerCallMax = 8
	// slackBytes is what the library may take for itself meanwhile.
	slackBytes = 64 << 10
	// heapSlackBytes is the same for Go.
	heapSlackBytes = 32 << 10
	// residentSlackBytes is the same for pages.
	residentSlackBytes = 1 << 20
	// queueSlackBytes is what a full queue varies by, with a batch that is being sent.
	queueSlackBytes = 1 << 20
	// forgottenMax is how many objects wait for the collector at once: the library keeps the room
	// for as many as there once were.
	forgottenMax = 4000
)

// leakCalls is how many calls of each kind are made: TIDEGATE_LEAK_CALLS, a few unless set.
func leakCalls(t *testing.T) int {
	t.Helper()
	text, found := os.LookupEnv("TIDEGATE_LEAK_CALLS")
	if !found {
		return 4000
	}
	calls, err := strconv.Atoi(text)
	must(t, err)
	return calls
}

// memory is bytes in use.
type memory struct{ library, heap, resident int }

// settled is the memory in use when everything forgotten is freed.
func settled(t *testing.T) memory {
	t.Helper()
	// Finalizers run one after the other: when the second of these has run, so have those of all
	// that the first collection found. The last collection frees what they kept.
	for i := 0; i < 2; i++ {
		ran := make(chan struct{})
		runtime.SetFinalizer(new([16]byte), func(*[16]byte) { close(ran) })
		runtime.GC()
		<-ran
	}
	runtime.GC()
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	text, err := os.ReadFile("/proc/self/statm")
	must(t, err)
	var all, inUse int
	_, err = fmt.Sscan(strings.TrimSpace(string(text)), &all, &inUse)
	must(t, err)
	return memory{heap.InUse(), int(stats.HeapAlloc), inUse * os.Getpagesize()}
}

// growth makes the calls, and returns by how much each memory has grown in the round in which it
// has grown least: a leak grows in each, what the runtime and the allocator need they need once. It
// returns as well whether all are within their bounds.
func growth(t *testing.T, what repeated) (memory, bool) {
	t.Helper()
	calls, number := leakCalls(t), 0
	if what.every > 0 {
		calls = calls/what.every + 20
	}
	repeat := func(times int) memory {
		for ; times > 0; times-- {
			must(t, what.call(number))
			number++
		}
		if what.settle != nil {
			what.settle()
		}
		return settled(t)
	}
	bytes := what.slack + calls*bytesPerCallMax
	pages := what.slack + calls*residentPerCallMax + residentSlackBytes
	least := memory{1 << 62, 1 << 62, 1 << 62}
	isFlat := false
	before := repeat(calls/4 + 1)
	for round := 0; round < 3 && !isFlat; round++ {
		after := repeat(calls)
		least.library = lesser(least.library, after.library-before.library)
		least.heap = lesser(least.heap, after.heap-before.heap)
		least.resident = lesser(least.resident, after.resident-before.resident)
		isFlat = least.library < bytes+slackBytes &&
			least.heap < bytes+heapSlackBytes && least.resident < pages
		before = after
	}
	t.Logf("%d calls: %+d bytes in the library, %+d in Go, %+d resident",
		calls, least.library, least.heap, least.resident)
	return least, isFlat
}

func lesser(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// Memory stays flat, whatever is called how often.
func TestMemoryStaysFlat(t *testing.T) {
	for _, what := range append(evaluations(t), append(surroundings(t), logging(t)...)...) {
		what := what
		t.Run(what.name, func(t *testing.T) {
			if grown, isFlat := growth(t, what); !isFlat {
				t.Errorf("more bytes, each time: %+v", grown)
			}
		})
	}
}

// What is measured shows the smallest leaks.
func TestALeakIsSeen(t *testing.T) {
	c := repeated{call: func(int) error { heap.Leak(16); return nil }}
	if grown, isFlat := growth(t, c); isFlat {
		t.Errorf("not seen in C: %+v", grown)
	}
	var kept []*[16]byte
	g := repeated{call: func(int) error { kept = append(kept, new([16]byte)); return nil }}
	if grown, isFlat := growth(t, g); isFlat {
		t.Errorf("not seen in Go: %+v", grown)
	}
	runtime.KeepAlive(kept)
}
