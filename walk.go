package webhooks

import (
	"math"

	"github.com/google/uuid"
)

// walk calls each with every item of a list, as walkPage does.
func walk[T any](list func(Page) (List[T], error), id func(T) uuid.UUID, each func(T) error) error {
	_, err := walkPage(list, id, Page{Take: math.MaxInt, MaxTotal: 1}, func(items []T) error {
		for _, item := range items {
			if err := each(item); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// walkPage calls each with the items of a page, whatever their size, and returns the List.Total. It reads pieces of bounded size, so
// that few large items are in memory at once. It ends at the first error.
func walkPage[T any](list func(Page) (List[T], error), id func(T) uuid.UUID, page Page, each func([]T) error) (total int, err error) {
	page.MaxBytes = 4 << 20
	left := page.Take
	for piece := 0; ; piece++ {
		page.Take = min(left, 1000)
		found, err := list(page)
		if err != nil {
			return 0, err
		}
		if piece == 0 {
			total = found.Total
			page.Skip, page.MaxTotal = 0, 1 // the list is counted
		}
		whole := found.Items[:len(found.Items)-found.Truncated]
		if err := each(whole); err != nil {
			return 0, err
		}
		left -= len(whole)
		if left == 0 || found.Truncated == 0 && len(whole) < page.Take {
			return total, nil
		}
		page.After = id(whole[len(whole)-1])
	}
}
