//go:build !cgo

package hostile_test

const withCgo = false
