package portal

import (
	"errors"
	"slices"
	"strings"

	"github.com/ecg-api/webhooks/client"
)

// eventPicker has the choices of events for an endpoint.
type eventPicker struct {
	Categories []eventCategory
	Others     []eventChoice // chosen events that the catalog does not offer any more, and patterns that no category has
	All        bool          // every event is chosen
	Versions   []string      // of event types; patterns mean one of them
}

// eventCategory is a category with its event types.
type eventCategory struct {
	Name, Description string
	Wildcard          string // the pattern of all codes that begin with that of the category; "": no code does
	Chosen            bool   // the wildcard is chosen
	Events            []eventChoice
}

// eventChoice is an event type, by its id, or a pattern.
type eventChoice struct {
	Value, Code, Name, Description, Version string
	Chosen                                  bool
}

const allEvents = "*"

// eventPicker reads the active part of the catalog, and marks the chosen events.
func (p *portal) eventPicker(v *visit, chosen []string, present []client.EventSelector) (eventPicker, error) {
	picker := eventPicker{All: slices.Contains(chosen, allEvents), Versions: []string{"v1"}}
	var categories []client.Category
	for c, err := range p.api.Registry.Categories(v.ctx, client.CatalogQuery{}) {
		if err != nil {
			return picker, err
		}
		if c.ActiveInfo.Active {
			categories = append(categories, c)
		}
	}
	types, errs := make([][]client.EventType, len(categories)), make([]error, len(categories))
	eachAtOnce(len(categories), func(i int) {
		for t, err := range p.api.Registry.EventTypes(v.ctx, categories[i].ID, client.CatalogQuery{}) {
			if err != nil {
				errs[i] = err
				return
			}
			types[i] = append(types[i], t)
		}
	})
	if err := errors.Join(errs...); err != nil {
		return picker, err
	}
	offered := map[string]bool{allEvents: true}
	for i, c := range categories {
		picker.add(c, types[i], chosen, offered)
	}
	picker.addOthers(chosen, present, offered)
	return picker, nil
}

// add adds a category with its active event types.
func (e *eventPicker) add(c client.Category, types []client.EventType, chosen []string, offered map[string]bool) {
	category := eventCategory{Name: c.Name, Description: c.Description}
	for _, t := range types {
		if !t.ActiveInfo.Active {
			continue
		}
		id := t.ID.String()
		offered[id] = true
		category.Events = append(category.Events, eventChoice{id, t.Code, t.Name, t.Description, t.Version, slices.Contains(chosen, id)})
		if strings.HasPrefix(t.Code, c.Code+".") {
			category.Wildcard = c.Code + ".*"
		}
		if !slices.Contains(e.Versions, t.Version) {
			e.Versions = append(e.Versions, t.Version)
		}
	}
	if category.Wildcard != "" {
		offered[category.Wildcard] = true
		category.Chosen = slices.Contains(chosen, category.Wildcard)
	}
	if len(category.Events) > 0 {
		e.Categories = append(e.Categories, category)
	}
}

func (e *eventPicker) addOthers(chosen []string, present []client.EventSelector, offered map[string]bool) {
	for _, value := range chosen {
		if offered[value] {
			continue
		}
		choice := eventChoice{Value: value, Code: value, Chosen: true}
		for _, p := range present {
			if p.ID.String() == value && p.Pattern == "" {
				choice.Code, choice.Name, choice.Version = p.Code, p.Name, p.Version
			}
		}
		e.Others = append(e.Others, choice)
	}
}
