package webhooks

import "github.com/google/uuid"

// walk calls each with every item of a list. It reads pages of bounded size, so that few large
// items are in memory at once. It ends at the first error.
func walk[T any](list func(Page) (List[T], error), id func(T) uuid.UUID, each func(T) error) error {
	page := Page{Take: 1000, MaxBytes: 4 << 20}
	for {
		found, err := list(page)
		if err != nil {
			return err
		}
		whole := found.Items[:len(found.Items)-found.Truncated]
		for _, item := range whole {
			if err := each(item); err != nil {
				return err
			}
			page.After = id(item)
		}
		if found.Truncated == 0 && len(whole) < page.Take {
			return nil
		}
	}
}
