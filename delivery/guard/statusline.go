package guard

import "bytes"

// A statusLine finds the status in the first line of a response of HTTP/1, which may arrive in
// pieces. It is stricter than net/http: a line that it cannot read has no status.
type statusLine struct {
	request int64 // which the response answers: what read was told
	begin   [len("HTTP/1.1 200\r\n")]byte
	size    int  // bytes of begin that have arrived
	ended   bool // nothing more is to be read
}

// read takes the next bytes that arrived, and returns the status when they end the line. The
// first bytes after a new request began are the beginning of another line. If they are not a
// response to the request (answers is false), that line has no status.
func (l *statusLine) read(p []byte, request int64, answers bool) (status int) {
	if len(p) == 0 {
		return 0
	}
	if request != l.request {
		*l = statusLine{request: request}
	}
	if l.size == 0 && !answers {
		l.ended = true
	}
	if l.ended {
		return 0
	}
	l.size += copy(l.begin[l.size:], p)
	if l.ended = bytes.IndexByte(p, '\n') >= 0; !l.ended {
		return 0
	}
	return l.status()
}

// status returns the status in the beginning of a line that has ended, 0 for none.
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
