package hostile

import (
	"bufio"
	"io"
	"net"
	"time"
)

// Wait returns when the other side has closed the connection, or the server ends.
func Wait(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// HangUp closes the connection.
func HangUp(conn net.Conn) { _ = conn.Close() }

// Reset ends the connection with a RST.
func Reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// Sends sends a text and then calls a function.
func Sends(text string, then func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		then(conn)
	}
}

// Repeats sends a text a number of times.
func Repeats(text string, times int) func(net.Conn) {
	return func(conn net.Conn) {
		out := bufio.NewWriterSize(conn, 64<<10)
		for range times {
			if _, err := out.WriteString(text); err != nil {
				return
			}
		}
		_ = out.Flush()
		Wait(conn)
	}
}

// Endless sends a text again and again.
func Endless(text string) func(net.Conn) { return Repeats(text, 1<<40) }

// Drips sends a text a byte at a time.
func Drips(text string, every time.Duration) func(net.Conn) {
	return func(conn net.Conn) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for i := range len(text) {
			if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
				return
			}
			<-tick.C
		}
	}
}

// later waits before it calls then, so that the client reads the response first: a RST overtakes it.
func later(then func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		pause := time.NewTimer(500 * time.Millisecond)
		defer pause.Stop()
		<-pause.C
		then(conn)
	}
}
