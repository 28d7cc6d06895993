package webhooks

import (
	"context"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// typeTTL is how long a change to the catalog that another host made can go
// unseen by a publisher here. Changes made here are seen at once.
const typeTTL = time.Second

// typeCache keeps what publishing needs of the event types, so that a stream of
// events does not read the catalog for each.
type typeCache struct {
	mu sync.RWMutex
	m  map[[2]string]cachedType // by code and version
}

type cachedType struct {
	EventType
	schema *jsonschema.Schema // nil for none
	read   time.Time
}

func (c *typeCache) clear() {
	c.mu.Lock()
	c.m = nil
	c.mu.Unlock()
}

// publishable returns the event type if it takes events: else it is an unknown
// reference, or [ErrEventInactive].
func (c *core) publishable(ctx context.Context, code, version string) (cachedType, error) {
	key, now := [2]string{code, version}, time.Now()
	c.types.mu.RLock()
	t, ok := c.types.m[key]
	c.types.mu.RUnlock()
	if !ok || now.Sub(t.read) > typeTTL {
		var err error
		if t, err = c.loadType(ctx, code, version); err != nil {
			return t, err
		}
		t.read = now
		c.types.mu.Lock()
		if c.types.m == nil || len(c.types.m) > 10_000 {
			c.types.m = map[[2]string]cachedType{}
		}
		c.types.m[key] = t
		c.types.mu.Unlock()
	}
	if !t.Publishable() {
		return t, ErrEventInactive
	}
	return t, nil
}

func (c *core) loadType(ctx context.Context, code, version string) (t cachedType, err error) {
	if t.EventType, err = c.store.EventTypeByCode(ctx, code, version); err != nil {
		return t, err
	}
	if t.Schema != nil {
		t.schema, err = compileSchema(t.Schema)
	}
	return t, err
}
