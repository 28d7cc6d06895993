package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ecg-api/webhooks"
)

// importSource is a system from which endpoints come.
type importSource string

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *importSource) UnmarshalText(text []byte) error {
	switch *s = importSource(text); *s {
	case "svix", "convoy":
		return nil
	}
	return fmt.Errorf("is %q, must be svix or convoy", text)
}

func (s importSource) parse(text []byte) ([]importRecord, error) {
	if s == "convoy" {
		return parseConvoy(text)
	}
	return parseSvix(text)
}

// fields are the places in a record that become members of a subscription.
func (s importSource) fields() map[string]string {
	if s == "convoy" {
		return map[string]string{
			"/organizationId": "owner_id", "/postUri": "url", "/headers": "authentication",
			"/events":    "filter_config.event_types of its subscriptions",
			"/rateLimit": "rate_limit", "/timeoutMs": "http_timeout", "/secretKey": "secrets", "/description": "name and description",
		}
	}
	return map[string]string{
		"/organizationId": "application.uid", "/postUri": "endpoint.url", "/events": "endpoint.filterTypes", "/headers": "headers.headers",
		"/rateLimit": "endpoint.rateLimit", "/secretKey": "secret.key", "/description": "endpoint.description",
	}
}

// field words a JSON Pointer in a subscription as a field of the record.
func (s importSource) field(pointer string) string {
	member, rest, nested := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	name := cmp.Or(s.fields()["/"+member], member)
	if nested {
		return name + " (" + rest + ")"
	}
	return name
}

// eachValue calls each with the JSON values of a text. An error names the number of the value.
func eachValue[T any](text []byte, each func(n int, v T) error) error {
	d := json.NewDecoder(bytes.NewReader(text))
	for n := 1; ; n++ {
		var v T
		err := d.Decode(&v)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
				return fmt.Errorf("value %d: %s is a JSON %s, which it cannot be", n, cmp.Or(wrong.Field, "the whole"), strings.Fields(wrong.Value)[0])
			}
			return fmt.Errorf("value %d: %s", n, strings.TrimPrefix(err.Error(), "json: "))
		case n > maxImportRecords:
			return fmt.Errorf("has more than %d records: divide it", maxImportRecords)
		}
		if err := each(n, v); err != nil {
			return err
		}
	}
}

// svixRecord has the answers of Svix's API about an endpoint.
type svixRecord struct {
	Application struct {
		ID  string `json:"id"`
		UID string `json:"uid"`
	} `json:"application"`
	Endpoint struct {
		ID           string   `json:"id"`
		URL          string   `json:"url"`
		Description  string   `json:"description"`
		FilterTypes  []string `json:"filterTypes"`
		Channels     []string `json:"channels"`
		RateLimit    float64  `json:"rateLimit"`    // per second
		ThrottleRate float64  `json:"throttleRate"` // the later name of rateLimit
		Disabled     bool     `json:"disabled"`
	} `json:"endpoint"`
	Secret struct {
		Key string `json:"key"`
	} `json:"secret"`
	Headers struct {
		Headers   map[string]string `json:"headers"`
		Sensitive []string          `json:"sensitive"`
	} `json:"headers"`
}

// parseSvix reads svixRecords.
func parseSvix(text []byte) ([]importRecord, error) {
	var records []importRecord
	var faults importFaults
	err := eachValue(text, func(n int, v svixRecord) error {
		e := v.Endpoint
		r := importRecord{
			name: fmt.Sprintf("record %d (%s)", n, e.ID), owner: cmp.Or(v.Application.UID, v.Application.ID), disabled: e.Disabled,
			input: webhooks.SubscriptionInput{
				PostURI: e.URL, Description: e.Description, Events: e.FilterTypes, Headers: v.Headers.Headers,
				RateLimit: cmp.Or(e.ThrottleRate, e.RateLimit),
			},
		}
		if len(r.input.Events) == 0 {
			r.input.Events = []string{"*"}
		}
		var err error
		switch r.secret, err = svixSecret(v.Secret.Key); {
		case err != nil:
			faults.add(r.fault("secret.key", "%v", err))
		case e.URL == "":
			faults.add(r.fault("endpoint.url", "is missing"))
		case r.owner == "":
			faults.add(r.fault("application", "has neither uid nor id"))
		}
		if len(e.Channels) > 0 {
			faults.add(r.fault("endpoint.channels", "has no counterpart here: take it out to import the endpoint for all channels"))
		}
		if len(v.Headers.Sensitive) > 0 {
			faults.add(r.fault("headers.sensitive", "names headers that Svix does not show: move them to headers.headers, with their values"))
		}
		records = append(records, r)
		return nil
	})
	return records, errors.Join(err, faults.err())
}

// svixSecret returns a secret with its prefix, which Svix can leave out.
func svixSecret(key string) (string, error) {
	bare := strings.TrimPrefix(key, "whsec_")
	switch _, err := base64.StdEncoding.DecodeString(bare); {
	case key == "":
		return "", errors.New("is missing")
	case strings.HasPrefix(key, "whsk_"):
		return "", errors.New("is an ed25519 key, which signs for all subscriptions here: " +
			"set WEBHOOKS_PRIVATE_KEY, and give the endpoint a new secret")
	case err != nil:
		return "", errors.New("must be base64, behind whsec_ or alone")
	}
	return "whsec_" + bare, nil
}

// convoyPage is an answer to Convoy's list of endpoints or of subscriptions.
type convoyPage struct {
	Data struct {
		Content []convoyItem `json:"content"`
	} `json:"data"`
}

// convoyItem is an endpoint, or a subscription of one.
type convoyItem struct {
	UID         string `json:"uid"`
	Name        string `json:"name"`
	Description string `json:"description"`

	URL            string         `json:"url"`
	OwnerID        string         `json:"owner_id"`
	Status         string         `json:"status"`
	Secrets        []convoySecret `json:"secrets"`
	RateLimit      float64        `json:"rate_limit"`
	RateDuration   convoySeconds  `json:"rate_limit_duration"`
	HTTPTimeout    convoySeconds  `json:"http_timeout"`
	Authentication *struct {
		Type   string `json:"type"`
		APIKey struct {
			Name  string `json:"header_name"`
			Value string `json:"header_value"`
		} `json:"api_key"`
	} `json:"authentication"`

	Endpoint *struct {
		UID string `json:"uid"`
	} `json:"endpoint_metadata"` // of a subscription
	Filter *struct {
		EventTypes []string                  `json:"event_types"`
		Filter     map[string]map[string]any `json:"filter"` // of headers, body and more
	} `json:"filter_config"`
}

type convoySecret struct {
	Value     string     `json:"value"`
	ExpiresAt *time.Time `json:"expires_at"`
	DeletedAt *time.Time `json:"deleted_at"`
}

// ended reports whether the secret is not the current one.
func (s convoySecret) ended() bool {
	return s.ExpiresAt != nil && !s.ExpiresAt.IsZero() || s.DeletedAt != nil && !s.DeletedAt.IsZero()
}

// convoySeconds is a time that Convoy writes as a number of seconds, and wrote as text, such as 10s.
type convoySeconds time.Duration

// UnmarshalJSON implements [json.Unmarshaler].
func (s *convoySeconds) UnmarshalJSON(text []byte) error {
	var number float64
	if err := json.Unmarshal(text, &number); err == nil {
		if number < 0 || number > 1e6 {
			return fmt.Errorf("is %v, must be 0 to 1,000,000 seconds", number)
		}
		*s = convoySeconds(number * float64(time.Second))
		return nil
	}
	var words string
	if err := json.Unmarshal(text, &words); err != nil {
		return fmt.Errorf("is %s, must be a number of seconds", text)
	}
	if words == "" {
		return nil
	}
	d, err := time.ParseDuration(words)
	*s = convoySeconds(d)
	return err
}

// parseConvoy reads convoyPages, endpoints and subscriptions in any order.
func parseConvoy(text []byte) ([]importRecord, error) {
	var endpoints, subscriptions []convoyItem
	err := eachValue(text, func(n int, page convoyPage) error {
		if page.Data.Content == nil {
			return fmt.Errorf("value %d: data.content is missing: it must be the answer to a list", n)
		}
		for _, item := range page.Data.Content {
			if item.Endpoint != nil {
				subscriptions = append(subscriptions, item)
			} else {
				endpoints = append(endpoints, item)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(endpoints) > maxImportRecords {
		return nil, fmt.Errorf("has more than %d endpoints: divide it", maxImportRecords)
	}
	var records []importRecord
	var faults importFaults
	byEndpoint := map[string][]convoyItem{}
	for _, s := range subscriptions {
		byEndpoint[s.Endpoint.UID] = append(byEndpoint[s.Endpoint.UID], s)
	}
	for n, e := range endpoints {
		records = append(records, e.record(n+1, byEndpoint[e.UID], &faults))
		delete(byEndpoint, e.UID)
	}
	for _, s := range subscriptions {
		if byEndpoint[s.Endpoint.UID] != nil {
			faults.add(fmt.Errorf("subscription %s: endpoint_metadata.uid is %q, which is not among the endpoints", s.UID, s.Endpoint.UID))
		}
	}
	return records, faults.err()
}

// record returns the record of an endpoint and its subscriptions.
func (i convoyItem) record(n int, subscriptions []convoyItem, faults *importFaults) importRecord {
	r := importRecord{
		name: fmt.Sprintf("endpoint %d (%s)", n, i.UID), owner: i.OwnerID, disabled: i.Status != "" && i.Status != "active",
		input: webhooks.SubscriptionInput{PostURI: i.URL, Timeout: time.Duration(i.HTTPTimeout), Description: i.Name},
	}
	if i.Description != "" && i.Description != i.Name {
		r.input.Description = strings.TrimPrefix(i.Name+": "+i.Description, ": ")
	}
	if i.RateLimit != 0 {
		r.input.RateLimit = i.RateLimit / cmp.Or(time.Duration(i.RateDuration).Seconds(), 1)
	}
	for _, s := range i.Secrets {
		if !s.ended() {
			r.secret = s.Value // the last one is the newest
		}
	}
	if a := i.Authentication; a != nil && a.Type == "api_key" {
		r.input.Headers = map[string]string{a.APIKey.Name: a.APIKey.Value}
	} else if a != nil && a.Type != "" {
		faults.add(r.fault("authentication.type", "is %q, only api_key has a counterpart here: take authentication out", a.Type))
	}
	switch {
	case i.URL == "":
		faults.add(r.fault("url", "is missing"))
	case r.secret == "":
		faults.add(r.fault("secrets", "has no current secret"))
	case i.OwnerID == "":
		faults.add(r.fault("owner_id", "is missing: set it to the owner's id"))
	}
	r.input.Events = convoyEvents(subscriptions, faults)
	return r
}

// convoyEvents returns the event types of the subscriptions of an endpoint.
func convoyEvents(subscriptions []convoyItem, faults *importFaults) (events []string) {
	for _, s := range subscriptions {
		codes := []string{"*"}
		if s.Filter != nil && len(s.Filter.EventTypes) > 0 {
			codes = s.Filter.EventTypes
		}
		for _, code := range codes {
			if !slices.Contains(events, code) {
				events = append(events, code)
			}
		}
		if s.Filter == nil {
			continue
		}
		for part, conditions := range s.Filter.Filter {
			if len(conditions) > 0 {
				faults.add(fmt.Errorf("subscription %s: filter_config.filter.%s is not translated: take it out, and set a filter here",
					s.UID, part))
			}
		}
	}
	return events
}
