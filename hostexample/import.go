package main

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
)

// importCmd creates subscriptions from the endpoints of another system.
type importCmd struct {
	storeSettings
	From          importSource `help:"System that the endpoints come from: svix or convoy." required:""`
	File          string       `arg:"" help:"File with the answers of that system's API; - is the standard input."`
	Organizations string       `help:"File with a JSON object: the owner's id in the other system, and the UUID of the organization. Default: owners have UUIDs."`
	EventVersion  string       `help:"Version of the event types that the subscriptions get." default:"v1"`
	AllowHTTP     bool         `name:"allow-http" help:"Allow plain http, for subscriptions that are marked isDevelopment then."`
	AllowNetworks networks     `help:"Private networks (CIDRs, separated by commas) that deliveries may reach."`
	DryRun        bool         `help:"Only print what would be done."`
}

// Help describes the file and the effect.
func (*importCmd) Help() string {
	return `The file has JSON values, one behind the other. From Svix, for each endpoint:

    {"application": …, "endpoint": …, "secret": …, "headers": …}

with the answers of Svix's API as they are. From Convoy, the answers to its lists of
endpoints and of subscriptions. docs/migrating.md has commands that make such files.

All records are checked first: if one is wrong, nothing is imported. A subscription of
the same organization with the same URL counts as imported before. It stays as it is,
but gets the record's signing secret if it never had it.`
}

// The bounds of an import.
const (
	maxImportBytes   = 64 << 20
	maxImportRecords = 100_000
	maxImportFaults  = 20 // that are shown
)

func (i *importCmd) run(ctx context.Context, h *host, c *cli) error {
	records, err := i.read()
	if err != nil {
		return err
	}
	keys, set, err := h.readSecretKeys()
	if err != nil {
		return err
	}
	if !set {
		return wrong("WEBHOOKS_SECRET_KEYS", "is not set: set it as for serve, or to the word off")
	}
	config := webhooks.Config{SecretKeys: keys, AllowHTTP: i.AllowHTTP, AllowNetworks: i.AllowNetworks, Logger: c.logger(h.stderr)}
	hooks, db, err := h.openLibrary(ctx, &i.storeSettings, config)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := hooks.Keys().Check(ctx); err != nil {
		return named(err)
	}
	checking := &checkingStore{Store: db}
	checks, err := webhooks.New(checking, config)
	if err != nil {
		return named(err)
	}
	m := &importer{hooks: hooks, checks: checks, checking: checking, source: i.From, existing: map[string][]webhooks.Subscription{}}
	if err := m.check(ctx, records); err != nil {
		return err
	}
	return m.apply(webhooks.WithActor(ctx, "import"), records, i.DryRun, h.stdout)
}

// owners returns the organizations by their ids in the other system.
func (i *importCmd) owners() (owners map[string]uuid.UUID, err error) {
	if i.Organizations == "" {
		return nil, nil //nolint:nilnil // a nil map has no owners
	}
	text, err := os.ReadFile(i.Organizations)
	if err == nil {
		err = json.Unmarshal(text, &owners)
	}
	if err != nil {
		return nil, wrong("organizations", "must name a file with a JSON object of UUIDs: %v", err)
	}
	return owners, nil
}

// text returns the content of the file.
func (i *importCmd) text() ([]byte, error) {
	file := os.Stdin
	if i.File != "-" {
		var err error
		if file, err = os.Open(i.File); err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
	}
	text, err := io.ReadAll(io.LimitReader(file, maxImportBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxImportBytes {
		return nil, fmt.Errorf("%s has more than %d bytes: divide it", i.File, maxImportBytes)
	}
	return text, nil
}

// read returns the records of the file.
func (i *importCmd) read() ([]importRecord, error) {
	owners, err := i.owners()
	if err != nil {
		return nil, err
	}
	text, err := i.text()
	if err != nil {
		return nil, err
	}
	records, err := i.From.parse(text)
	if err == nil && records == nil {
		err = errors.New("has no endpoints")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", i.File, err)
	}
	var faults importFaults
	for n := range records {
		r := &records[n]
		r.input.Version = i.EventVersion
		r.input.IsDevelopment = i.AllowHTTP && strings.HasPrefix(r.input.PostURI, "http://")
		if org, known := owners[r.owner]; known {
			r.organization = org
		} else if r.organization, err = uuid.Parse(r.owner); err != nil {
			faults.add(r.fault(i.From.fields()["/organizationId"], "is %q: no UUID, and not in --organizations", r.owner))
		}
	}
	return records, faults.err()
}

// importRecord is a subscription to be made.
type importRecord struct {
	name         string // place and id
	owner        string // in the other system
	organization uuid.UUID
	input        webhooks.SubscriptionInput
	secret       string
	disabled     bool
	uri          string // as subscriptions have it
}

func (r importRecord) fault(field, format string, args ...any) error {
	return fmt.Errorf("%s: %s %s", r.name, field, fmt.Sprintf(format, args...))
}

// importFaults are the errors about records.
type importFaults struct {
	shown []error
	more  int
}

func (f *importFaults) add(err error) {
	if len(f.shown) < maxImportFaults {
		f.shown = append(f.shown, err)
	} else {
		f.more++
	}
}

func (f *importFaults) err() error {
	if f.more > 0 {
		return errors.Join(append(f.shown, fmt.Errorf("and %d more", f.more))...)
	}
	return errors.Join(f.shown...)
}

// checkingStore is a store on which nothing is created. It keeps the subscription that would be.
type checkingStore struct {
	store.Store
	checked webhooks.Subscription
}

// errChecked says that everything before the change was right.
var errChecked = errors.New("checked")

// CreateSubscription implements [store.Subscriptions].
func (s *checkingStore) CreateSubscription(_ context.Context, sub store.Subscription, _ store.Secret) error {
	s.checked = sub
	return errChecked
}

// AddSecret implements [store.Subscriptions].
func (s *checkingStore) AddSecret(
	context.Context, uuid.UUID, uuid.UUID, func(store.Subscription, store.Secret) (store.Secret, error),
) error {
	return errChecked
}

// importer makes subscriptions of records.
type importer struct {
	hooks    *webhooks.Webhooks
	checks   *webhooks.Webhooks // on checking
	checking *checkingStore
	source   importSource
	existing map[string][]webhooks.Subscription // by organization and URL, oldest first, without the subscriptions of earlier records
	read     map[uuid.UUID]bool                 // the organizations in existing
}

// check checks all records.
func (m *importer) check(ctx context.Context, records []importRecord) error {
	var faults importFaults
	for i := range records {
		r := &records[i]
		_, _, err := m.checks.Subscriptions.Create(ctx, r.organization, r.input)
		if errors.Is(err, errChecked) {
			r.uri = m.checking.checked.PostURI
			_, err = m.checks.Subscriptions.SetSecret(ctx, r.organization, uuid.Nil, r.secret)
		}
		invalid, ok := errors.AsType[*webhooks.ValidationError](err)
		switch {
		case errors.Is(err, errChecked):
		case errors.Is(err, webhooks.ErrEventInactive):
			faults.add(r.fault(m.source.field("/events"), "has an event type that is inactive or archived here"))
		case ok:
			for _, f := range invalid.Fields {
				faults.add(r.fault(m.source.field(f.Pointer), "%s", f.Detail))
			}
		default:
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return faults.err()
}

// apply imports the records, and prints a table of them.
func (m *importer) apply(ctx context.Context, records []importRecord, dry bool, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RECORD\tORGANIZATION\tHOST\tEVENTS\tRESULT")
	for _, r := range records {
		result, err := m.one(ctx, r, dry)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", r.name, err), table.Flush())
		}
		host, events := "", cmp.Or(strings.Join(r.input.Events, ","), "none")
		if u, err := url.Parse(r.uri); err == nil {
			host = u.Host // the path can be a secret
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.name, r.organization, host, events, result)
	}
	return table.Flush()
}

// one imports a record, unless it was imported before. The secret comes last: a subscription that has
// had it is complete.
func (m *importer) one(ctx context.Context, r importRecord, dry bool) (string, error) {
	known, err := m.known(ctx, r)
	if err != nil {
		return "", err
	}
	subscriptions, result := m.hooks.Subscriptions, "created"
	switch {
	case known == nil && dry:
		return "would be created", nil
	case known == nil:
		made, _, err := subscriptions.Create(ctx, r.organization, r.input)
		if err != nil {
			return "", err
		}
		known = &made
	default:
		had, err := m.had(ctx, *known, r.secret)
		if had || err != nil {
			return "exists", err
		}
		if dry {
			return "would be completed", nil
		}
		result = "completed"
	}
	if r.disabled {
		if err := subscriptions.Deactivate(ctx, r.organization, known.ID); err != nil {
			return "", err
		}
		result += ", inactive"
	}
	_, err = subscriptions.SetSecret(ctx, r.organization, known.ID, r.secret)
	return result, err
}

// known returns the subscription that an earlier import made of a record, nil if there is none. Of
// several records with one URL, each takes another subscription.
func (m *importer) known(ctx context.Context, r importRecord) (*webhooks.Subscription, error) {
	if m.read == nil {
		m.read = map[uuid.UUID]bool{}
	}
	key := func(uri string) string { return r.organization.String() + " " + uri }
	page := webhooks.Page{Take: 1000}
	for !m.read[r.organization] {
		found, err := m.hooks.Subscriptions.List(ctx, r.organization, webhooks.SubscriptionQuery{Archived: webhooks.IncludeArchived, Page: page})
		if err != nil {
			return nil, err
		}
		for _, s := range found.Items {
			m.existing[key(s.PostURI)] = append(m.existing[key(s.PostURI)], s)
			page.After = s.ID
		}
		m.read[r.organization] = len(found.Items) < page.Take
	}
	same := m.existing[key(r.uri)]
	if len(same) == 0 {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	m.existing[key(r.uri)] = same[1:]
	return &same[0], nil
}

// had reports whether the secret is, or was, one of the subscription's.
func (m *importer) had(ctx context.Context, s webhooks.Subscription, secret string) (bool, error) {
	page := webhooks.Page{Take: 1000}
	for {
		found, err := m.hooks.Subscriptions.Secrets(ctx, s.OrganizationID, s.ID, page)
		if err != nil {
			return false, err
		}
		for _, known := range found.Items {
			if subtle.ConstantTimeCompare([]byte(known.Key), []byte(secret)) == 1 {
				return true, nil
			}
			page.After = known.ID
		}
		if len(found.Items) < page.Take {
			return false, nil
		}
	}
}
