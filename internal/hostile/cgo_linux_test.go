//go:build cgo

package hostile_test

// withCgo says whether the system's resolver can be had.
const withCgo = true
