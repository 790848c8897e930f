package tidegate

// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"math"
	"sync/atomic"
	"time"
	"unsafe"
)

// Version is the version of this package.
const Version = "0.1.0"

// LibraryVersion returns the release of the library in use.
func LibraryVersion() string {
	return C.GoString(C.tidegate_version())
}

// BuildInfo says how the library in use was built, as JSON.
func BuildInfo() json.RawMessage {
	return json.RawMessage(C.GoString(C.tidegate_build_info()))
}

// checkLibrary fails unless the library fits the header that this package was built with.
func checkLibrary() error {
	return checkABI(uint32(C.tidegate_abi_version()))
}

func checkABI(found uint32) error {
	major, minor := found>>16, found&0xffff
	if major == C.TIDEGATE_ABI_MAJOR && minor >= C.TIDEGATE_ABI_MINOR {
		return nil
	}
	return fail(ErrABI, "the loaded library %s has ABI %d.%d, this package needs %d.%d",
		LibraryVersion(), major, minor, C.TIDEGATE_ABI_MAJOR, C.TIDEGATE_ABI_MINOR)
}

// handle is the id of an object of the library, until it is released.
type handle struct {
	id atomic.Uint64
	// Go packs small objects without pointers together, and such a neighbor would keep this one from
	// its finalizer.
	_ *byte
}

// take ends the handle's life; what it gives is to be released.
func (h *handle) take() uint64 {
	return h.id.Swap(0)
}

// text copies what a call gave, and frees it. The second value is false if it gave nothing.
func text(answer C.tg_answer) (string, bool, error) {
	if answer.buf != nil {
		defer C.tidegate_buf_free(answer.buf)
	}
	if err := check(answer.outcome); err != nil {
		return "", false, err
	}
	if answer.text == nil {
		return "", false, nil
	}
	return goString(answer.text, answer.len), true, nil
}

// raw is text for calls that always give JSON.
func raw(answer C.tg_answer) (json.RawMessage, error) {
	found, _, err := text(answer)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(found), nil
}

// decode is raw, parsed into value.
func decode(answer C.tg_answer, value any) error {
	found, err := raw(answer)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(found, value); err != nil {
		return fail(ErrJSON, "the library's answer: %v", err)
	}
	return nil
}

// encode makes JSON of a value that a caller gave; what names it in errors.
func encode(what string, value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", fail(ErrArgument, "%s: %v", what, err)
	}
	return string(text), nil
}

// goString copies text of the library, which may be longer than C.GoStringN takes.
func goString(text *C.char, length C.size_t) string {
	if length == 0 {
		return ""
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(text)), int(length)))
}

// milliseconds is a duration as the library takes it, rounded up: a short one is not none.
func milliseconds(d time.Duration) C.uint32_t {
	if d <= 0 {
		return 0
	}
	count := (d + time.Millisecond - 1) / time.Millisecond
	if d > math.MaxUint32*time.Millisecond {
		return math.MaxUint32
	}
	return C.uint32_t(count)
}

func boolean(value bool) C.int32_t {
	if value {
		return 1
	}
	return 0
}
