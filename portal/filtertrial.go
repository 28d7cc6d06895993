package portal

import "github.com/ecg-api/webhooks/client"

// filterTrial says which of the last events a filter lets pass.
type filterTrial struct {
	Done    bool
	Matched int
	Items   []client.FilterResult
}

// tryFilter tries the filter of the form on the last events. It returns the status of a refusal, 0 for none.
func (p *portal) tryFilter(v *visit, view *endpointFormView) int {
	items, err := p.api.Subscriptions.TestFilter(v.ctx, v.org, client.FilterTestInput{Filter: view.conditions()})
	if status, refused := view.Faults.addRefusal(err, view.fieldOf); refused {
		return status
	}
	if err != nil {
		view.Faults.addKey(v.text, "", "unknown_now")
		return 0
	}
	view.Trial.Done, view.Trial.Items = true, items
	for _, e := range items {
		if e.Matched {
			view.Trial.Matched++
		}
	}
	return 0
}
