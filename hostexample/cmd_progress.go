package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// The times after which a command shows its progress, and between two lines of the log.
const (
	progressAfter = 2 * time.Second
	progressLines = 10 * time.Second
)

// progress shows how far a command is: one line that changes on a terminal, else lines of the log.
type progress struct {
	name    string
	now     func() time.Time
	began   time.Time
	latest  time.Time // of the log's lines
	screen  io.Writer // nil if it is no terminal
	log     *slog.Logger
	written bool // a line is on the screen
}

func (a *access) progress(name string) *progress {
	p := &progress{name: name, now: time.Now, log: a.log}
	if isTerminal(a.stderr) {
		p.screen = a.stderr
	}
	p.began = p.now()
	p.latest = p.began.Add(progressAfter - progressLines)
	return p
}

// step shows that done of all steps are done.
func (p *progress) step(done, all int) {
	now := p.now()
	switch {
	case now.Sub(p.began) < progressAfter:
	case p.screen != nil:
		fmt.Fprintf(p.screen, "\r%s: %d of %d", p.name, done, all)
		p.written = true
	case now.Sub(p.latest) >= progressLines:
		p.latest = now
		p.log.Info(p.name, "done", done, "of", all)
	}
}

// end leaves the line.
func (p *progress) end() {
	if p.written {
		fmt.Fprintln(p.screen)
	}
}
