package portal

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
)

var operationRoutes = []route{
	{"GET /operations/overview", operator((*portal).showOverview)},
	{"GET /operations/organization", operator((*portal).openOrganization)},
	{"GET /operations/unhealthy", operator((*portal).listUnhealthy)},
	{"POST /operations/unhealthy", operator((*portal).changeUnhealthy)},
	{"GET /operations/recoveries", operator((*portal).listRecoveries)},
	{"POST /operations/recoveries", operator((*portal).stopRecovery)},
	{"GET /operations/storage", operator((*portal).showStorage)},
}

// operationsTimeLimit bounds the reads of a page for operators. The REST interface answers within a second.
const operationsTimeLimit = 1500 * time.Millisecond

// operator returns the handler for callers that may see all organizations.
func operator(handler func(*portal, *visit) error) func(*portal, *visit) error {
	return func(p *portal, v *visit) error {
		if !may(v.caller) {
			return errForbidden
		}
		return handler(p, v)
	}
}

// overviewView is the data of the overview.
type overviewView struct {
	client.Overview
	Backlogs     client.Backlogs
	StoreDown    bool   // it does not answer, or cannot be written
	Organization string // typed into the form that opens an organization
	Faults       faults
}

// showOverview shows the state of all organizations.
func (p *portal) showOverview(v *visit) error { return p.overview(v, overviewView{}) }

func (p *portal) overview(v *visit, view overviewView) error {
	ctx, cancel := context.WithTimeout(v.ctx, operationsTimeLimit)
	defer cancel()
	var failed, noBacklog error
	reads := []func(){
		func() { view.Overview, failed = p.api.Operations.Overview(ctx) },
		func() { view.Backlogs, noBacklog = p.api.Operations.Backlog(ctx) },
	}
	eachAtOnce(len(reads), func(i int) { reads[i]() })
	view.StoreDown = failed == nil && !view.Store.Up
	if failed != nil {
		p.cfg.Logger.WarnContext(v.ctx, "the overview cannot be told", "error", failed)
		view.Unknown = []string{"queue", "traffic", "hosts", "layout"}
	}
	if noBacklog != nil {
		p.cfg.Logger.WarnContext(v.ctx, "the backlog cannot be told", "error", noBacklog)
		view.Unknown = append(view.Unknown, "backlog")
	}
	status := view.Faults.status()
	if view.StoreDown {
		status = http.StatusServiceUnavailable
	}
	return v.render(status, "overview", view)
}

// openOrganization sends the browser to the pages of the organization that has the name or the id.
func (p *portal) openOrganization(v *visit) error {
	text := strings.TrimSpace(v.r.URL.Query().Get("organization"))
	name, problem, err := p.findOrganization(v, text)
	switch {
	case err != nil:
		return &pageError{status: http.StatusServiceUnavailable, key: "error.unavailable", cause: err}
	case problem == "":
		return v.redirect(organizationURL(p.cfg.Path, name, "endpoints"))
	}
	view := overviewView{Organization: text}
	view.Faults.add("organization", v.say(problem))
	return p.overview(v, view)
}

// findOrganization returns the name of the organization that has the name or the id. If there is none, problem is the key of a text.
func (p *portal) findOrganization(v *visit, text string) (name, problem string, err error) {
	isID := uuid.Validate(text) == nil
	switch {
	case p.cfg.Organizations == nil && !isID:
		return "", "organization.no_id", nil
	case p.cfg.Organizations == nil:
		return uuid.MustParse(text).String(), "", nil
	case text == "":
		return "", "organization.unknown", nil
	}
	name = text
	_, err = p.cfg.Organizations.OrganizationID(v.ctx, text)
	if errors.Is(err, webhooks.ErrNotFound) && isID {
		name, err = p.cfg.Organizations.OrganizationName(v.ctx, uuid.MustParse(text))
	}
	if errors.Is(err, webhooks.ErrNotFound) {
		return "", "organization.unknown", nil
	}
	return name, "", err
}

// storageView is the data of the page of the store.
type storageView struct {
	client.Storage
	KeyRows   []keyRow
	UsedKnown bool // keyRow.Used was read
	StoreDown bool // it does not answer, or cannot be written
}

// Retention is the age at which history is removed; 0: never.
func (s storageView) Retention() time.Duration { return secondsOf(s.RetentionSeconds) }

// AuditRetention is the age at which entries of the audit trail are removed; 0: never.
func (s storageView) AuditRetention() time.Duration { return secondsOf(s.AuditRetentionSeconds) }

func secondsOf(s *int64) time.Duration {
	if s == nil {
		return 0
	}
	return time.Duration(*s) * time.Second
}

// keyRow is a key that encrypts signing secrets.
type keyRow struct {
	ID                         string
	Encrypts, Configured, Used bool
}

// showStorage shows where the records are, and for how long.
func (p *portal) showStorage(v *visit) error {
	ctx, cancel := context.WithTimeout(v.ctx, operationsTimeLimit)
	defer cancel()
	state, err := p.api.Operations.Storage(ctx)
	if err != nil {
		return err
	}
	view := storageView{Storage: state, UsedKnown: state.KeysInUse != nil}
	at := map[string]int{}
	for i, id := range state.Keys {
		at[id] = i
		view.KeyRows = append(view.KeyRows, keyRow{ID: id, Encrypts: i == 0, Configured: true})
	}
	for _, id := range state.KeysInUse {
		i, known := at[id]
		if !known {
			i, view.KeyRows = len(view.KeyRows), append(view.KeyRows, keyRow{ID: id})
		}
		view.KeyRows[i].Used = true
	}
	status := http.StatusOK
	if p.storeDown(ctx, state.Unknown) {
		view.StoreDown, status = true, http.StatusServiceUnavailable
	}
	return v.render(status, "storage", view)
}

// storeDown reports whether parts of a page are unknown because the store does not answer or cannot be written.
func (p *portal) storeDown(ctx context.Context, unknown []string) bool {
	if len(unknown) == 0 {
		return false
	}
	state, err := p.api.Operations.Overview(ctx)
	return err == nil && !state.Store.Up
}
