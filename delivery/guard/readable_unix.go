//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package guard

import "syscall"

// readable reports that bytes, the end or an error wait to be read from a connection. It
// neither reads them nor waits.
func readable(socket syscall.RawConn) (yes bool) {
	// Control, because Read would wait for net/http, which reads from the connection all the time.
	_ = socket.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK) // the socket is non-blocking
		yes = err != syscall.EAGAIN
	})
	return yes
}
