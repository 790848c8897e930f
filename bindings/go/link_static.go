//go:build !tidegate_dev && tidegate_static

package tidegate

// What pkg-config adds after the archive is for the system's libraries; the shared library that it
// also names is not needed any more, and left out.

// #cgo LDFLAGS: -l:libtidegate.a -Wl,--as-needed
// #cgo pkg-config: --static tidegate
import "C"
