package httpapi

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// query reads the parameters of a request and collects their faults. Parameters that a handler does
// not read are ignored.
type query struct {
	values url.Values
	faults []fault
}

func (c *call) query() *query {
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.faults = append(q.faults, fault{Parameter: "query", Detail: "must be percent-encoded name=value pairs"})
	}
	return q
}

// err returns the problem with the parameters, if there is one.
func (q *query) err() error {
	if q.faults == nil {
		return nil
	}
	return newProblem(http.StatusBadRequest, "validation_failed", "A query parameter is not valid.", q.faults...)
}

func (q *query) addFault(name, detail string) {
	q.faults = append(q.faults, fault{Parameter: name, Detail: detail})
}

// text returns a parameter that may be given once, "" for none.
func (q *query) text(name string) string {
	if len(q.values[name]) > 1 {
		q.addFault(name, "must be given once")
	}
	return q.values.Get(name)
}

func (q *query) number(name string, byDefault, least, most int) int {
	s := q.text(name)
	if s == "" && !q.values.Has(name) {
		return byDefault
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most || s[0] == '+' || s[0] == '-' {
		q.addFault(name, fmt.Sprintf("must be an integer, %d–%d", least, most))
		return byDefault
	}
	return n
}

// choice returns one of the words, the first if the parameter is not given.
func (q *query) choice(name string, words ...string) string {
	s := q.text(name)
	if s == "" && !q.values.Has(name) {
		return words[0]
	}
	if !slices.Contains(words, s) {
		q.addFault(name, "must be one of "+strings.Join(words, ", "))
		return words[0]
	}
	return s
}

// included reads the parameter include, which can be repeated and holds words separated by commas. It returns the
// words that are given.
func (q *query) included(words ...string) map[string]bool {
	found := map[string]bool{}
	for _, s := range q.values["include"] {
		for word := range strings.SplitSeq(s, ",") {
			if !slices.Contains(words, word) {
				q.addFault("include", "must be of "+strings.Join(words, ", "))
				return found
			}
			found[word] = true
		}
	}
	return found
}

// id returns a filter by id, zero for none.
func (q *query) id(name string) uuid.UUID {
	s := q.text(name)
	if s == "" && !q.values.Has(name) {
		return uuid.Nil
	}
	id, ok := parseUUID(s)
	if !ok {
		q.addFault(name, "must be a UUID")
	}
	if id == uuid.Nil {
		return uuid.Max // no resource has either id, but the nil UUID would mean no filter
	}
	return id
}

// version returns a version, "" for none.
func (q *query) version(name string) string {
	s := q.text(name)
	if s == "" && !q.values.Has(name) {
		return ""
	}
	if s == "" || len(s) > 32 || strings.ContainsFunc(s, func(r rune) bool { return r > '~' || !inAlphabet(byte(r)) }) {
		q.addFault(name, "must be 1–32 of A-Z a-z 0-9 . _ -")
		return ""
	}
	return s
}

// time returns a time, zero for none; an empty text means none, too.
func (q *query) time(name string) time.Time {
	s := q.text(name)
	if s == "" {
		return time.Time{}
	}
	t, ok := parseTime(s)
	if !ok {
		q.addFault(name, timeAllowed)
	}
	return t
}

const timeAllowed = "must be a time by RFC 3339 in the years 1–9999, such as 2022-08-18T10:03:03.750Z"

// parseTime reads a time by RFC 3339: T and Z may be small letters, and a comma does not begin a
// fraction. The zero time would mean an absent time, so it is replaced by the millisecond after it.
func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, strings.ToUpper(s))
	t = t.UTC() // which may be in another year
	if err != nil || t.Year() < 1 || t.Year() > 9999 || strings.Contains(s, ",") {
		return t, false
	}
	if first := (time.Time{}).Add(time.Millisecond); t.Before(first) {
		return first, true
	}
	return t, true
}

func (q *query) archived() webhooks.ArchivedFilter {
	return map[string]webhooks.ArchivedFilter{
		"exclude": webhooks.ExcludeArchived, "include": webhooks.IncludeArchived, "only": webhooks.OnlyArchived,
	}[q.choice("archived", "exclude", "include", "only")]
}

// search returns the text to search for, "" for none.
func (q *query) search() string {
	s := q.text("search")
	if utf8.RuneCountInString(s) > maxSearch || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		q.addFault("search", fmt.Sprintf("must be a text of at most %d characters, without control characters", maxSearch))
		return ""
	}
	return s
}

const maxSearch = 200

// state returns the state of subscriptions to list, "" for any.
func (q *query) state() webhooks.SubscriptionState {
	return webhooks.SubscriptionState(strings.TrimPrefix(q.choice("state", subscriptionStates...), "any"))
}

var subscriptionStates = []string{
	"any", string(webhooks.SubscriptionEnabled), string(webhooks.SubscriptionFailing), string(webhooks.SubscriptionPaused),
	string(webhooks.SubscriptionDisabled),
}

func (q *query) status() webhooks.StatusFilter {
	return map[string]webhooks.StatusFilter{
		"all": webhooks.AnyStatus, "succeeded": webhooks.OnlySucceeded, "failed": webhooks.OnlyFailed, "pending": webhooks.OnlyPending,
	}[q.choice("status", "all", "succeeded", "failed", "pending")]
}

func (q *query) statusClass() webhooks.StatusClass {
	if !q.values.Has("statusClass") {
		return webhooks.AnyClass
	}
	return map[string]webhooks.StatusClass{
		"2xx": webhooks.Class2xx, "3xx": webhooks.Class3xx, "4xx": webhooks.Class4xx, "5xx": webhooks.Class5xx, "none": webhooks.NoResponse,
	}[q.choice("statusClass", responseClasses...)]
}

var responseClasses = []string{"2xx", "3xx", "4xx", "5xx", "none"}

// history reads the filters of a history list.
func (q *query) history(c *call, p paging) webhooks.HistoryQuery {
	hq := webhooks.HistoryQuery{
		OrganizationID: c.org, SubscriptionID: c.id("subscriptionId"), EventTypeID: q.id("eventId"),
		Status: q.status(), Class: q.statusClass(), Since: q.time("since"), Until: q.time("until"), Page: p.history(),
	}
	if !hq.Since.IsZero() && !hq.Until.IsZero() && !hq.Since.Before(hq.Until) {
		q.addFault("since", "must be before until")
	}
	return hq
}

// paging is the part of a list that the request asks for.
type paging struct {
	skip, take int // pages to skip, and their size
	descending bool
	after      uuid.UUID // the cursor; zero for none
	cursors    bool      // the list has cursors
	shortens   bool      // a page that would be too large has fewer items: it is not read by skip
	maxTotal   int       // where counting ends; 0 for the exact number
}

const maxSkip = 1<<31 - 1

// paging reads the parameters of all lists. The first of the two orders is the
// default.
func (q *query) paging(orders ...string) paging {
	return paging{
		skip: q.number("skip", 0, 0, maxSkip), take: q.number("take", 10, 1, 100),
		descending: q.choice("order_by", orders...) == "DESC",
	}
}

// cursorPaging reads the parameters of a history list, newest first by default.
func (q *query) cursorPaging() paging {
	p := q.paging("DESC", "ASC")
	p.cursors, p.shortens, p.maxTotal = true, !q.values.Has("skip"), q.number("maxTotal", 0, 1, maxSkip)
	if p.after = q.cursor(); p.after != uuid.Nil && p.skip > 0 {
		q.addFault("cursor", "must not be given together with skip")
	}
	return p
}

// snapshotPaging reads the parameters of a list that is read by cursor alone, newest first.
func (q *query) snapshotPaging() paging {
	return paging{take: q.number("take", 10, 1, 100), descending: true, after: q.cursor(), cursors: true}
}

// cursor returns the id behind which a page begins, zero for the first page.
func (q *query) cursor() uuid.UUID {
	cursor := q.text("cursor")
	if cursor == "" {
		return uuid.Nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	var after uuid.UUID
	if err == nil {
		after, err = uuid.FromBytes(raw)
	}
	if err != nil || after == uuid.Nil {
		q.addFault("cursor", "must be a nextCursor from this list")
	}
	return after
}

func cursorOf(id uuid.UUID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// page returns the page for the store.
func (p paging) page() webhooks.Page {
	return webhooks.Page{Skip: p.skip * p.take, Take: p.take, Descending: p.descending}
}

// history is page for lists with a cursor: it reads one item more, see historyOf.
func (p paging) history() webhooks.Page {
	page := p.page()
	page.Take, page.After, page.MaxTotal = p.take+1, p.after, p.maxTotal
	return page
}
