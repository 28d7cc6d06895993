//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package guard

import "syscall"

// readable reports false: this system has no way to look without reading.
func readable(syscall.RawConn) bool { return false }
