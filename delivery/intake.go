package delivery

import (
	"time"

	"github.com/ecg-api/webhooks/store"
)

// put moves claimed jobs into the lanes, and gives back what does not fit.
func (r *run) put(jobs []store.Job, until time.Time) {
	if len(jobs) == 0 {
		return
	}
	tasks := make([]*task, len(jobs))
	for i, j := range jobs {
		tasks[i] = &task{Job: j, leasedUntil: until, to: r.endpoints.known(j)}
	}
	r.refuse(r.backlog.put(tasks, time.Now()))
}
