package browser_test

import (
	"testing"

	"github.com/ecg-api/webhooks/portal/internal/sample"
)

// TestEveryFlow carries out the tasks of users by keyboard, on each kind of store.
func TestEveryFlow(t *testing.T) {
	t.Parallel()
	ready(t)
	run(t, eachStore(t, sample.Data{}, func(s *service, shown *site) {
		failing := s.failing("https://failing.acme.example/1", "https://failing.acme.example/2", "https://failing.acme.example/3")
		missed := s.missed("https://late.acme.example/1", "https://late.acme.example/2")
		shown.Missed = map[string]string{"scripts": s.endpoint(missed[0]), "plain": s.endpoint(missed[1])}
		shown.Unhealthy = map[string]string{"scripts": "https://failing.acme.example/1", "plain": "https://failing.acme.example/2"}
		shown.Failing = map[string]string{"scripts": s.endpoint(s.Service.Failing), "plain": s.endpoint(failing[2])}
	}), "flows.test.mjs")
}
