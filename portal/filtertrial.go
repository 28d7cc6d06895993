package portal

import "github.com/ecg-api/webhooks/client"

// filterTrial says which of the last events a filter lets pass.
type filterTrial struct {
	Done    bool
	Matched int
	Items   []client.FilterResult
}

// tryFilter tries the filter of the form on the last events.
func (p *portal) tryFilter(v *visit, view *endpointFormView) error {
	items, err := p.api.Subscriptions.TestFilter(v.ctx, v.org, client.FilterTestInput{Filter: view.conditions()})
	if err := view.Faults.take(v, err, view.fieldOf); err != nil {
		return err
	}
	view.Trial.Done, view.Trial.Items = !view.Faults.Any(), items
	for _, e := range items {
		if e.Matched {
			view.Trial.Matched++
		}
	}
	return nil
}
