package webhooks

import (
	"context"
	"errors"
	"fmt"
)

// withinStoreTimeout runs f with a context that ends after Config.StoreTimeout. It turns
// the end of that time into ErrUnavailable; the end of the caller's ctx stays what it is.
func (c *core) withinStoreTimeout(ctx context.Context, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, c.cfg.StoreTimeout)
	defer cancel()
	err := f(bounded)
	if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("webhooks: %w: no answer within Config.StoreTimeout (%v)", ErrUnavailable, c.cfg.StoreTimeout)
}
