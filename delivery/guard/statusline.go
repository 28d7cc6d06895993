package guard

import "bytes"

// A statusLine finds the status of a response of HTTP/1, which may arrive in pieces. It is
// stricter than net/http: a line that it cannot read has no status.
type statusLine struct {
	request int64 // of the response, as read was told
	begin   [len("HTTP/1.1 200\r\n")]byte
	size    int  // bytes of begin that have arrived
	hints   bool // the line is in the headers of a 1xx, which the response follows
	ended   bool // nothing more is to be read
}

// read takes the next bytes that arrived, and returns the status when its line has ended. The
// first bytes after a new request began are the beginning of another response. If they are no
// response to the request (answers is false), it has no status.
func (l *statusLine) read(p []byte, request int64, answers bool) (status int) {
	if len(p) > 0 && request != l.request {
		*l = statusLine{request: request}
	}
	for len(p) > 0 && !l.ended {
		l.ended = l.size == 0 && !answers
		end := bytes.IndexByte(p, '\n') + 1
		whole := end > 0
		if !whole {
			end = len(p)
		}
		l.size += copy(l.begin[l.size:], p[:end])
		p = p[end:]
		if whole && !l.ended {
			status = l.endLine()
		}
	}
	return status
}

// endLine takes a line that has arrived, and returns the status if it is in that line.
func (l *statusLine) endLine() (status int) {
	if l.hints {
		line := string(l.begin[:l.size])
		l.hints = line != "\n" && line != "\r\n"
	} else if status = l.status(); status/100 == 1 && status != 101 {
		l.hints, status = true, 0
	} else {
		l.ended = true
	}
	l.size = 0
	return status
}

// status returns the status in the beginning of a line that has ended, 0 for none. Behind the
// newline of a short line, begin still holds the line before; no status contains a newline.
func (l *statusLine) status() (status int) {
	b := &l.begin
	version, ends := string(b[:9]), b[12] == ' ' || b[12] == '\n' || b[12] == '\r' && b[13] == '\n'
	if version != "HTTP/1.1 " && version != "HTTP/1.0 " || !ends {
		return 0
	}
	for _, digit := range b[9:12] {
		if digit < '0' || digit > '9' {
			return 0
		}
		status = status*10 + int(digit-'0')
	}
	return status
}
