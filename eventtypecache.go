package webhooks

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ecg-api/webhooks/internal/schema"
	"github.com/ecg-api/webhooks/store"
)

// typeTTL is the longest time after which a publisher sees a change of the catalog by another host.
// It sees changes by its own host at once.
const typeTTL = time.Second

// typeRenewal is the age at which one publisher reads an event type again while the others use the
// cached one. When it expires, all publishers of the moment read it.
const typeRenewal = typeTTL * 3 / 4

// typeCache keeps recently published event types, so that Publish does not read the catalog for
// each event.
type typeCache struct {
	mu      sync.RWMutex
	m       map[[2]string]cachedType  // by code and version
	schemas map[string]*schema.Schema // compiled, by their text; a change of the catalog invalidates none
	length  int                       // of the texts in schemas, in bytes
}

// maxCachedTypes and maxCachedText bound the maps of a typeCache. A full map is emptied.
const (
	maxCachedTypes = 10_000
	maxCachedText  = 1 << 20 // bytes of schemas; a compiled schema takes up to 150 times as many
)

type cachedType struct {
	EventType
	schema *schema.Schema // nil for none
	topics []string       // shared by the messages of the type
	read   time.Time
	renews bool // a publisher reads it again
}

func (c *typeCache) clear() {
	c.mu.Lock()
	c.m = nil
	c.mu.Unlock()
}

// renew reports whether the caller is to read an event type again: it is the first one to ask.
func (c *typeCache) renew(key [2]string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.m[key]
	if !ok || t.renews {
		return false
	}
	t.renews = true
	c.m[key] = t
	return true
}

// compile returns the compiled form of a schema. It is cached because compiling a small schema takes
// longer (0.3 ms) than reading an event type.
func (c *core) compile(ctx context.Context, text []byte) (*schema.Schema, error) {
	cache := &c.types
	cache.mu.RLock()
	s := cache.schemas[string(text)]
	cache.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	s, err := c.compileSchema(ctx, text)
	if err != nil {
		return nil, err
	}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if cache.schemas == nil || cache.length+len(text) > maxCachedText {
		cache.m, cache.schemas, cache.length = nil, map[string]*schema.Schema{}, 0 // m refers to compiled schemas too
	}
	if cache.schemas[string(text)] == nil {
		cache.schemas[string(text)] = s
		cache.length += len(text)
	}
	return s, nil
}

// typeReader reads the event types that one call of Publish needs.
type typeReader struct {
	*core
	tx     Tx
	cache  *typeCache
	budget *schema.Budget // of the validations; nil before the first
}

// typeReader returns the reader of a call. In the caller's transaction it reads on the
// transaction's connection and has a cache of its own: the shared cache does not contain the
// transaction's own changes, and must not, because the transaction may be rolled back.
func (c *core) typeReader(tx Tx) typeReader {
	if tx != nil {
		return typeReader{core: c, tx: tx, cache: &typeCache{}}
	}
	return typeReader{core: c, cache: &c.types}
}

// publishable returns the event type if it takes events: else it is an unknown
// reference, or [ErrEventInactive].
func (r *typeReader) publishable(ctx context.Context, code, version string) (cachedType, error) {
	key, now := [2]string{code, version}, r.cfg.Clock.Now()
	r.cache.mu.RLock()
	t, ok := r.cache.m[key]
	r.cache.mu.RUnlock()
	age := now.Sub(t.read)
	if !ok || age > typeTTL || age > typeRenewal && !t.renews && r.cache.renew(key) {
		var err error
		if t, err = r.load(ctx, code, version); err != nil {
			return t, err
		}
		t.read = now
		r.cache.mu.Lock()
		if r.cache.m == nil || len(r.cache.m) >= maxCachedTypes {
			r.cache.m = map[[2]string]cachedType{}
		}
		r.cache.m[key] = t
		r.cache.mu.Unlock()
	}
	if !t.Publishable() {
		return t, ErrEventInactive
	}
	return t, nil
}

func (r *typeReader) load(ctx context.Context, code, version string) (t cachedType, err error) {
	if t.EventType, err = r.store.EventTypeByCode(ctx, r.tx, code, version); err != nil {
		return t, err
	}
	t.topics = store.Topics(t.ID, t.Code, t.Version)
	if t.Schema == nil {
		return t, nil
	}
	t.schema, err = r.compile(ctx, t.Schema)
	if bad, ok := errors.AsType[*ValidationError](err); ok { // stored by a version that accepted it
		err = wrongField(SchemaMismatch, "/data", "cannot be checked: the event type's schema "+bad.Fields[0].Detail)
	}
	t.Schema = nil // its compiled form is kept
	return t, err
}

// matchSchema checks the compact data of an event against the schema of its type. All events of a call
// share one budget.
func (r *typeReader) matchSchema(ctx context.Context, t cachedType, data []byte) error {
	if t.schema == nil {
		return nil
	}
	if r.budget == nil {
		r.budget = schema.NewBudget()
	}
	return r.core.matchSchema(ctx, r.budget, t.schema, "/data", data)
}
