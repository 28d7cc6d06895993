//go:build cgo

package hostile_test

// withCgo reports whether the system's resolver is available.
const withCgo = true
