//go:build tidegate_dev && tidegate_static

package tidegate

// #cgo CFLAGS: -I${SRCDIR}/../../include
// #cgo LDFLAGS: -L${SRCDIR}/../../target/release -l:libtidegate.a -lm -ldl -lpthread
import "C"
