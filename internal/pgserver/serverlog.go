//go:build unix

package pgserver

import (
	"bytes"
	"os"
)

// readyLine is the log line of every PostgreSQL that takes connections (with lc_messages=C).
const readyLine = "database system is ready to accept connections"

// tailSize is the size of the part of the log that an error quotes, in bytes.
const tailSize = 4 << 10

// serverLog is the server's log file, and tells when the server is ready. One goroutine writes it.
type serverLog struct {
	file  *os.File
	start []byte        // the output before the ready line
	ready chan struct{} // closed at the ready line
}

func openServerLog(path string) (*serverLog, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &serverLog{file: file, ready: make(chan struct{})}, nil
}

func (l *serverLog) Write(text []byte) (int, error) {
	select {
	case <-l.ready:
	default:
		l.start = append(l.start, text...)
		if bytes.Contains(l.start, []byte(readyLine)) {
			l.start = nil
			close(l.ready)
		}
	}
	return l.file.Write(text)
}

// tail returns the last lines of the log.
func (l *serverLog) tail() string {
	text, err := os.ReadFile(l.file.Name())
	if err != nil {
		return err.Error()
	}
	if len(text) > tailSize {
		text = text[len(text)-tailSize:]
		_, text, _ = bytes.Cut(text, []byte("\n")) // the first line is cut
	}
	return string(text)
}

func (l *serverLog) Close() error { return l.file.Close() }
