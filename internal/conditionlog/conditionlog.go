// Package conditionlog logs conditions that last, such as a store that is away. The first
// occurrence of a condition is a line in the log. While the condition lasts, there is at
// most one more line an hour, with the number of occurrences since the line before. One
// line says that the condition has ended.
package conditionlog

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// Interval is the least time between two lines about a condition that lasts.
	Interval = time.Hour
	// MaxSubjects is how many subjects of a condition, such as subscriptions, have lines of
	// their own. All further subjects share the lines of one.
	MaxSubjects = 20

	// leastQuiet is how soon after its end a condition is logged again. The time doubles, up
	// to Interval, while the condition comes and goes.
	leastQuiet = time.Minute
)

// Log writes to a logger. It is safe for concurrent use.
type Log struct {
	logger *slog.Logger
	now    func() time.Time

	mu         sync.Mutex
	conditions map[string]map[any]*condition // by message and subject
}

// condition is the state of a condition for one subject.
type condition struct {
	open     bool          // a line said that it began, and none that it ended
	began    time.Time     // when the line said so
	line     time.Time     // of the last line
	ended    time.Time     // of the last end
	quiet    time.Duration // from the end to the next line
	last     time.Time     // of the last occurrence
	repeated int           // occurrences since the last line
}

// overflow is the subject of the conditions that have no lines of their own.
type overflow struct{}

// New returns a log. It starts nothing.
func New(logger *slog.Logger, now func() time.Time) *Log {
	return &Log{logger: logger, now: now, conditions: map[string]map[any]*condition{}}
}

// Occurred notes an occurrence of a condition, which the message names. The subject of
// the condition is a comparable value, or nil if there is only one subject.
func (l *Log) Occurred(ctx context.Context, level slog.Level, message string, subject any, args ...any) {
	now := l.now()
	l.mu.Lock()
	c, shared := l.condition(message, subject, now)
	repeated, due := c.occurred(now)
	l.mu.Unlock()
	if !due {
		return
	}
	if repeated > 0 {
		args = append(args, "repeated", repeated)
	}
	if shared {
		args = append(args, "note", "further ones like this are counted, not logged")
	}
	l.logger.Log(ctx, level, message, args...)
}

// Ended notes that the condition with the message does not hold for the subject. If a
// line said that it began, the line with the text says that it ended.
func (l *Log) Ended(ctx context.Context, message string, subject any, text string, args ...any) {
	l.mu.Lock()
	c := l.conditions[message][subject]
	if c == nil || !c.open {
		l.mu.Unlock()
		return
	}
	now := l.now()
	lasted, repeated := now.Sub(c.began), c.repeated
	c.open, c.ended, c.line, c.repeated = false, now, now, 0
	l.mu.Unlock()
	args = append(args, "lasted", lasted.Round(time.Millisecond).String(), "repeated", repeated)
	l.logger.Log(ctx, slog.LevelInfo, text, args...)
}

// condition returns the state for a subject, and whether further subjects share it.
func (l *Log) condition(message string, subject any, now time.Time) (c *condition, shared bool) {
	subjects := l.conditions[message]
	if subjects == nil {
		subjects = map[any]*condition{}
		l.conditions[message] = subjects
	}
	if c = subjects[subject]; c != nil {
		return c, false
	}
	if len(subjects) >= MaxSubjects {
		for other, c := range subjects {
			if now.Sub(c.last) >= Interval {
				delete(subjects, other)
			}
		}
	}
	if shared = len(subjects) >= MaxSubjects; shared {
		subject = overflow{}
		c = subjects[subject]
	}
	if c == nil {
		c = &condition{}
		subjects[subject] = c
	}
	return c, shared
}

// occurred notes an occurrence, and reports whether it is to be logged, with how many
// occurrences there were since the last line.
func (c *condition) occurred(now time.Time) (repeated int, due bool) {
	rested := now.Sub(c.last) >= Interval
	c.last = now
	wait, since := Interval, c.line
	if !c.open {
		wait, since = c.quiet, c.ended
	}
	if now.Sub(since) < wait {
		c.repeated++
		return 0, false
	}
	if !c.open {
		c.quiet = min(2*c.quiet, Interval)
		if rested {
			c.quiet = leastQuiet
		}
		c.open, c.began = true, now
	}
	repeated, c.repeated, c.line = c.repeated, 0, now
	return repeated, true
}
