package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The types of the flags' values. Each type parses itself from text. An error's text follows
// the name of the flag.

// listenAddress is host:port.
type listenAddress string

func (a *listenAddress) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("is %q, must be host:port such as 127.0.0.1:8080", text)
	}
	*a = listenAddress(text)
	return nil
}

// loopback reports whether only this machine can reach the address.
func (a listenAddress) loopback() bool {
	host, _, err := net.SplitHostPort(string(a))
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// wait is a duration of more than 0, in which d stands for 24 hours.
type wait time.Duration

var days = regexp.MustCompile(`^([0-9]{1,5})d(.*)$`)

func (w *wait) UnmarshalText(text []byte) error {
	rest, whole := strings.TrimSpace(string(text)), time.Duration(0)
	if m := days.FindStringSubmatch(rest); m != nil {
		n, _ := strconv.Atoi(m[1]) // at most five digits; a Duration holds 292 years
		whole, rest = time.Duration(n)*24*time.Hour, cmp.Or(m[2], "0")
	}
	d, err := time.ParseDuration(rest)
	if d += whole; err != nil || d <= 0 || whole > 0 && d < whole {
		return fmt.Errorf("is %q, must be a duration of more than 0 such as 15s, 12h or 30d", text)
	}
	*w = wait(d)
	return nil
}

// pause is a duration of 0 or more, in the form of wait.
type pause time.Duration

func (p *pause) UnmarshalText(text []byte) error {
	if zero := strings.TrimSpace(string(text)); zero == "0" || zero == "0s" {
		*p = 0
		return nil
	}
	if (*wait)(p).UnmarshalText(text) != nil {
		return fmt.Errorf("is %q, must be a duration of 0 or more such as 0s, 5s or 1m", text)
	}
	return nil
}

// rate is a number of requests per second, 0 for no limit.
type rate float64

func (r *rate) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(n >= 0.001 && n <= 1e6) { // also refuses NaN
		return fmt.Errorf("is %q, must be a number of requests per second from 0.001 to 1000000", text)
	}
	*r = rate(n)
	return nil
}

// forever is the retention that never ends, in the form of webhooks.Config.
const forever = -1

// retention is a duration of at least an hour, as the library wants it, or forever.
type retention time.Duration

func (r *retention) UnmarshalText(text []byte) error {
	if strings.TrimSpace(string(text)) == "forever" {
		*r = forever
		return nil
	}
	if err := (*wait)(r).UnmarshalText(text); err != nil || time.Duration(*r) < time.Hour {
		return fmt.Errorf("is %q, must be a duration of at least 1h such as 72h or 30d, or the word forever", text)
	}
	return nil
}

// waits are durations of more than 0, separated by commas.
type waits []time.Duration

func (w *waits) UnmarshalText(text []byte) error {
	*w = nil
	for part := range strings.SplitSeq(string(text), ",") {
		var one wait
		if one.UnmarshalText([]byte(part)) != nil {
			return fmt.Errorf("is %q, must be durations of more than 0, separated by commas, such as 5s,5m,12h,1d", text)
		}
		*w = append(*w, time.Duration(one))
	}
	return nil
}

// count is a number from 1 to 65,535.
type count uint16

func (c *count) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("is %q, must be a number from 1 to 65535", text)
	}
	*c = count(n)
	return nil
}

// size is a number of bytes, at most 64 MiB: a request is in memory as a whole.
type size uint32

const maxSize = 64 << 20

func (s *size) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 32)
	if err != nil || n < 2 || n > maxSize {
		return fmt.Errorf("is %q, must be a number of bytes from 2 to %d", text, maxSize)
	}
	*s = size(n)
	return nil
}

// memory is a number of bytes, at most 1 TiB.
type memory uint64

const maxMemory = 1 << 40

func (m *memory) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil || n == 0 || n > maxMemory {
		return fmt.Errorf("is %q, must be a number of bytes from 1 to %d", text, maxMemory)
	}
	*m = memory(n)
	return nil
}

// networks are CIDRs, separated by commas.
type networks []netip.Prefix

func (n *networks) UnmarshalText(text []byte) error {
	*n = nil
	for part := range strings.SplitSeq(string(text), ",") {
		p, err := netip.ParsePrefix(strings.TrimSpace(part))
		if err != nil || p != p.Masked() {
			return fmt.Errorf("is %q, must be networks, separated by commas, such as 10.1.0.0/16,192.168.7.0/24", text)
		}
		*n = append(*n, p)
	}
	return nil
}

// logLevel is a level of slog.
type logLevel slog.Level

func (l *logLevel) UnmarshalText(text []byte) error {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	level, ok := levels[strings.ToLower(string(text))]
	if !ok {
		return fmt.Errorf("is %q, must be debug, info, warn or error", text)
	}
	*l = logLevel(level)
	return nil
}

// logFormat is auto, text or json.
type logFormat string

func (f *logFormat) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "auto", "text", "json":
		*f = logFormat(s)
		return nil
	default:
		return fmt.Errorf("is %q, must be auto, text or json", text)
	}
}

// storeAddress is memory:, sqlite:PATH or postgres://…. It may hold a password, so errors do
// not quote it.
type storeAddress string

func (s *storeAddress) UnmarshalText(text []byte) error {
	*s = storeAddress(text)
	path, lite := strings.CutPrefix(string(text), "sqlite:")
	switch {
	case *s == "memory:", lite && path != "":
		return nil
	case strings.HasPrefix(string(text), "postgres://"), strings.HasPrefix(string(text), "postgresql://"):
		return nil
	}
	return errors.New("must be memory:, sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")
}
