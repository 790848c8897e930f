//go:build !tidegate_dev && !tidegate_static

package tidegate

// #cgo pkg-config: tidegate
import "C"
