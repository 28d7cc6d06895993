package hostile

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"strings"
)

// The frames and settings of HTTP/2 that are needed here (RFC 9113, sections 6 and 6.5.2).
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway, frameWindow, frameContinuation = 0, 1, 3, 4, 6, 7, 8, 9

	flagEndStream, flagEndHeaders = 1, 4

	settingMaxStreams, settingWindow = 3, 4
)

// http2 returns receivers that break the rules of HTTP/2. They write frames by hand,
// because no library breaks these rules.
func http2() []Receiver {
	const (
		refused   = "the receiver refused the request before processing it "
		broken    = "http2: the receiver's response breaks the protocol"
		malformed = "the receiver's response is malformed"
	)
	headers := func(flags byte, fields ...string) string { return frame(frameHeaders, flags, 1, pack(fields...)) }
	list := []Receiver{
		{Name: "HTTP2NoWindow", Serve: speaks(setting(settingWindow, 0), nil), Error: Timeout},
		{Name: "HTTP2NoStreams", Serve: unread(speaks(setting(settingMaxStreams, 0), nil)), Error: Timeout, Unsent: true},
		{Name: "HTTP2HangsBeforeTheStatus", Serve: speaks("", Wait), Error: Timeout},
		{Name: "HTTP2EndlessPings", Serve: speaks("", Endless(frame(framePing, 0, 0, "pingpong"))), Error: Timeout},
		{Name: "HTTP2EndlessSettings", Serve: speaks("", Endless(frame(frameSettings, 0, 0, setting(settingWindow, 1<<16)))), Error: Timeout},
		{
			Name: "HTTP2EndlessEmptyData", Serve: speaks("", Sends(headers(flagEndHeaders, ":status", "200"), Endless(frame(frameData, 0, 1, "")))),
			Status: 200, Error: Timeout,
		},
		{Name: "HTTP2BodyBeforeTheHeaders", Serve: speaks("", Endless(frame(frameData, 0, 1, strings.Repeat("x", Kept)))), Error: broken},
		{Name: "HTTP2EndlessContinuation", Serve: speaks("", Sends(frame(frameHeaders, 0, 1, pack(":status", "200")),
			Endless(frame(frameContinuation, 0, 1, pack("x", strings.Repeat("x", 100)))))), Error: "http2: "},
		{
			Name: "HTTP2Resets", Serve: speaks("", Sends(frame(frameReset, 0, 1, "\x00\x00\x00\x08"), Wait)),
			Error: "http2: the receiver broke off",
		},
		{Name: "HTTP2RefusesEachStream", Serve: requests("", refuse), Refuses: true, Error: refused + "(HTTP/2 REFUSED_STREAM)"},
		{
			Name: "HTTP2GoesAway", Serve: speaks("", Sends(frame(frameGoAway, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x00"), Wait)), Refuses: true,
			Error: refused + "(HTTP/2 GOAWAY)",
		},
		{Name: "HTTP2StreamWindowOverflows", Serve: speaks("", Sends(frame(frameWindow, 0, 1, "\x7f\xff\xff\xff"), Wait)), Error: broken},
		{Name: "HTTP2WindowOverflows", Serve: speaks("", Sends(frame(frameWindow, 0, 0, "\x7f\xff\xff\xff"), Wait)), Error: broken},
		{Name: "HTTP2NoStatus", Serve: speaks("", Sends(headers(flagEndHeaders|flagEndStream, "x", "y"), Wait)), Error: broken},
		{
			Name: "HTTP2StatusOfTenDigits", Serve: speaks("", Sends(headers(flagEndHeaders|flagEndStream, ":status", "9999999999"), Wait)),
			Error: malformed,
		},
		{Name: "HTTP2NegativeStatus", Serve: speaks("", Sends(headers(flagEndHeaders|flagEndStream, ":status", "-200"), Wait)), Error: malformed},
	}
	for i := range list {
		list[i].Secure = func(_ *x509.Certificate, c *tls.Config) { c.NextProtos = []string{"h2"} }
	}
	return list
}

// speaks begins a connection with settings, reads a request, and then calls a function.
// If that is nil, it goes on to read.
func speaks(settings string, then func(net.Conn)) func(*Server, net.Conn) {
	return requests(settings, func(conn net.Conn, _ uint32) (more bool) {
		if then != nil {
			then(conn)
		}
		return then == nil
	})
}

// refuse says that a stream was not processed.
func refuse(conn net.Conn, stream uint32) (more bool) {
	_, err := io.WriteString(conn, frame(frameReset, 0, stream, "\x00\x00\x00\x07"))
	return err == nil
}

// requests begins a connection with settings, and calls a function at the end of each request
// until that returns false.
func requests(settings string, each func(conn net.Conn, stream uint32) (more bool)) func(*Server, net.Conn) {
	return func(s *Server, conn net.Conn) {
		preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
		if _, err := io.ReadFull(conn, preface); err != nil {
			return
		}
		_, _ = io.WriteString(conn, frame(frameSettings, 0, 0, settings))
		for {
			var head [9]byte
			if _, err := io.ReadFull(conn, head[:]); err != nil {
				return
			}
			size := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
			if _, err := io.CopyN(io.Discard, conn, size); err != nil {
				return
			}
			kind, flags := head[3], head[4]
			if kind == frameHeaders {
				s.Requests.Add(1)
			}
			ends := (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0
			if ends && !each(conn, binary.BigEndian.Uint32(head[5:])) {
				return
			}
		}
	}
}

// unread does not count the requests: it is chance whether a request comes before the
// settings that forbid it.
func unread(serve func(*Server, net.Conn)) func(*Server, net.Conn) {
	return func(_ *Server, conn net.Conn) { serve(new(Server), conn) }
}

func frame(kind, flags byte, stream uint32, payload string) string {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return string(binary.BigEndian.AppendUint32(head, stream)) + payload
}

func setting(id uint16, value uint32) string {
	return string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, id), value))
}

// pack writes names and values of up to 126 bytes each as HPACK literals without
// indexing (RFC 7541, section 6.2.2).
func pack(fields ...string) string {
	var out strings.Builder
	for i, text := range fields {
		if i%2 == 0 {
			out.WriteByte(0)
		}
		out.WriteByte(byte(len(text)))
		out.WriteString(text)
	}
	return out.String()
}
