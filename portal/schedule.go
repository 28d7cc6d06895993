package portal

import (
	"context"
	"time"
)

// scheduleView is a retry schedule as a time line.
type scheduleView struct {
	Default bool // it is that of the service
	Steps   []scheduleStep
	Text    string // of the service's schedule
	Timeout int64  // of the service, in milliseconds; 0: unknown
}

// scheduleStep is an attempt. Total is the time since the first attempt.
type scheduleStep struct {
	Number      int
	Wait, Total string
}

// scheduleView returns the time line of the typed schedule, or of the service's. It has no steps where a wait cannot be read.
func (p *portal) scheduleView(v *visit, f endpointForm) scheduleView {
	ctx, cancel := context.WithTimeout(v.ctx, detailsTimeLimit)
	defer cancel()
	defaults, err := p.api.Subscriptions.Defaults(ctx)
	view := scheduleView{Timeout: defaults.TimeoutMs}
	for i, wait := range defaults.RetrySchedule {
		if i > 0 {
			view.Text += " "
		}
		view.Text += wait
	}
	waits := f.waits()
	if waits == nil && err == nil {
		view.Default, waits = true, defaults.RetrySchedule
	}
	var total time.Duration
	for i, text := range waits {
		wait, err := time.ParseDuration(text)
		if err != nil || wait <= 0 || i >= maxSteps {
			view.Steps = nil
			return view
		}
		total += wait
		view.Steps = append(view.Steps, scheduleStep{Number: i + 2, Wait: v.text.duration(wait), Total: v.text.duration(total)})
	}
	return view
}

// maxSteps is the most waits that the REST interface takes.
const maxSteps = 20
