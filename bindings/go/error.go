package tidegate

// #include "bridge.h"
import "C"

import (
	"context"
	"fmt"
	"unsafe"
)

// Status says how a call failed. It is an error, for use with [errors.Is].
type Status int32

// The ways in which calls fail.
const (
	// ErrNull is a defect of this package: a pointer that must not be NULL was.
	ErrNull Status = C.TIDEGATE_E_NULL
	// ErrHandle is the use of an object after its Close, or of one that is nil.
	ErrHandle Status = C.TIDEGATE_E_HANDLE
	// ErrUTF8 is text that is not UTF-8.
	ErrUTF8 Status = C.TIDEGATE_E_UTF8
	// ErrJSON is text that is not JSON.
	ErrJSON Status = C.TIDEGATE_E_JSON
	// ErrArgument is a value that is not accepted; the message names it.
	ErrArgument Status = C.TIDEGATE_E_ARG
	// ErrState is a call that is not possible now: before Initialize, after Shutdown, or inside a
	// callback.
	ErrState Status = C.TIDEGATE_E_STATE
	// ErrTimeout is a call whose time was over. It is a [context.DeadlineExceeded], too.
	ErrTimeout Status = C.TIDEGATE_E_TIMEOUT
	// ErrNetwork is a failure of the network or of a server.
	ErrNetwork Status = C.TIDEGATE_E_NETWORK
	// ErrIO is a failure of a file or folder.
	ErrIO Status = C.TIDEGATE_E_IO
	// ErrNoMemory is a lack of memory.
	ErrNoMemory Status = C.TIDEGATE_E_NOMEM
	// ErrUnsupported is something that this build or version of the library does not do.
	ErrUnsupported Status = C.TIDEGATE_E_UNSUPPORTED
	// ErrFork is something that is not possible in a forked child.
	ErrFork Status = C.TIDEGATE_E_FORK
	// ErrPanic is a defect of the library that was contained; please report it with the message.
	ErrPanic Status = C.TIDEGATE_E_PANIC
	// ErrABI is a library that does not fit this package.
	ErrABI Status = C.TIDEGATE_E_ABI
	// ErrBusy is too many of something that is bounded.
	ErrBusy Status = C.TIDEGATE_E_BUSY
)

// Error returns the name of the status in C, for example TIDEGATE_E_HANDLE.
func (s Status) Error() string {
	return C.GoString(C.tidegate_status_name(C.tidegate_status(s)))
}

// Error is a failed call.
type Error struct {
	Status  Status
	Message string
}

// Error returns the message.
func (e *Error) Error() string {
	return "tidegate: " + e.Message
}

// Is reports whether target is the status of the error. A time-out is also a
// [context.DeadlineExceeded].
func (e *Error) Is(target error) bool {
	return target == e.Status || e.Status == ErrTimeout && target == context.DeadlineExceeded
}

// Timeout reports whether the time was over, as the errors of package net do.
func (e *Error) Timeout() bool {
	return e.Status == ErrTimeout
}

func fail(status Status, format string, arguments ...any) error {
	return &Error{status, fmt.Sprintf(format, arguments...)}
}

// check makes an error of a call's outcome, and frees its message.
func check(outcome C.tg_status) error {
	if outcome.status >= 0 {
		return nil
	}
	return failure(outcome)
}

func failure(outcome C.tg_status) error {
	status := Status(outcome.status)
	if outcome.message == nil {
		return &Error{status, status.Error()}
	}
	defer C.free(unsafe.Pointer(outcome.message))
	return &Error{status, C.GoString(outcome.message)}
}
