// Package heap tells tests how much of C's heap is in use.
package heap

// #include <malloc.h>
// #include <stdlib.h>
import "C"

// InUse returns the bytes that were allocated and not freed.
func InUse() int {
	info := C.mallinfo2()
	return int(info.uordblks) + int(info.hblkhd)
}

// Leak allocates bytes that nobody frees: for the test that leaks are seen.
func Leak(bytes int) {
	C.malloc(C.size_t(bytes))
}
