//go:build tidegate_dev && !tidegate_static

package tidegate

// #cgo CFLAGS: -I${SRCDIR}/../../include
// #cgo LDFLAGS: -L${SRCDIR}/../../target/release -ltidegate -Wl,-rpath,${SRCDIR}/../../target/release
import "C"
