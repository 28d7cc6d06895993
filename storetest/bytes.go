package storetest

import (
	"bytes"
	"time"
)

var bytesCases = []testCase{
	{"BodiesComeBackAsTheyWere", bytesBodies},
	{"SourcesComeBackAsTheyWere", bytesSources},
	{"ResponsesComeBackAsTheyWere", bytesResponses},
	{"CatalogJSONComesBackAsItWas", bytesCatalog},
	{"TextComesBackAsItWas", bytesText},
	{"TimesComeBackInUTC", bytesTimes},
}

// values are byte strings that a store would change if it did not keep bytes.
func values() map[string][]byte {
	return map[string][]byte{
		"big integer":    []byte(`{"n":9007199254740993}`),
		"fraction":       []byte(`{"n":1.0,"m":1.10,"e":1E+2}`),
		"huge exponent":  []byte(`{"n":1e400}`),
		"member order":   []byte(`{"z":1,"a":2,"z2":{"b":1,"a":2}}`),
		"same member":    []byte(`{"a":1,"a":2}`),
		"white space":    []byte(" {\r\n\t\"a\" : [ ] }\n"),
		"escaped NUL":    []byte(`{"a":"\u0000"}`),
		"separators":     []byte("{\"a\":\"\\u2028\u2028\u2029\"}"),
		"escapes":        []byte(`{"a":"\/\u00e9é<>&'\\"}`),
		"NUL":            []byte("a\x00b"),
		"not UTF-8":      []byte("\xff\xfe\x80"),
		"scalar":         []byte(`1`),
		"backslash":      []byte(`\x61`),
		"a mebibyte":     bytes.Repeat([]byte("0123456789abcdef"), 1<<16),
		"every byte":     everyByte(),
		"empty, not nil": {},
	}
}

func everyByte() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// nilToo adds nil, which is something else than empty.
func nilToo(v map[string][]byte) map[string][]byte {
	v["nil"] = nil
	return v
}

func bytesBodies(f *fixture) {
	e, sub := f.scene()
	for name, body := range values() {
		if len(body) == 0 {
			continue // there is no such body
		}
		m := f.newMessage(e)
		m.Body = body
		f.publish(m)
		f.equal(name+", message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t).Body, body)
		job := f.claimOne()
		f.equal(name+", job", job.Body, body)
		f.equal(name+", attempt", f.attempt(sub.ID, job.AttemptID).Body, body)
		f.equal(name+", delivery", f.delivery(job).Body, body)
		f.record(f.failure(job.Lease, f.next()))
		job = f.claimOne()
		f.equal(name+", retry", job.Body, body)
		f.record(f.success(job.Lease))
	}
}

func bytesSources(f *fixture) {
	e, sub := f.scene()
	for name, source := range nilToo(values()) {
		m := f.newMessage(e)
		m.Source = source
		f.publish(m)
		f.equal(name+", message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t).Source, source)
		job := f.claimOne()
		f.equal(name+", attempt", f.attempt(sub.ID, job.AttemptID).Source, source)
		f.record(f.success(job.Lease))
	}
}

func bytesResponses(f *fixture) {
	e, sub := f.scene()
	for name, response := range nilToo(values()) {
		job := f.queue(e)
		outcome := f.success(job.Lease)
		outcome.Response = response
		f.record(outcome)
		f.equal(name+", attempt", f.attempt(sub.ID, job.AttemptID).Response, response)
		f.equal(name+", delivery", f.delivery(job).Response, response)
	}
}

func bytesCatalog(f *fixture) {
	c := f.addCategory("vitals")
	for name, v := range values() {
		e := f.newEventType(c, name, "v1")
		e.Schema = v
		f.check(f.s.CreateEventType(f.ctx, e))
		f.equal(name+", schema", f.eventType(e.ID).Schema, v)
		s := f.newSample(e, "v1")
		s.Payload = v
		f.check(f.s.CreateSample(f.ctx, s))
		f.equal(name+", payload", f.sample(e, "v1").Payload, v)
		sub := f.newSubscription()
		secret := f.newSecret(sub, f.now)
		secret.Key = v
		f.check(f.s.CreateSubscription(f.ctx, sub, secret))
		f.equal(name+", secret", must(f.s.SecretAt(f.ctx, f.org, sub.ID, f.now))(f.t).Key, v)
	}
}

func bytesText(f *fixture) {
	for _, text := range []string{
		" a b ", "tab\tand\nline", "'; --", `"quoted" \ %_ $1 ?`, "é", "e\u0301", "Straße", "İi", "𝄞 \u2028", "{}", "null", "0",
	} {
		c := f.newCategory(text)
		c.Name, c.Description, c.CreatedBy = text, text, text
		f.check(f.s.CreateCategory(f.ctx, c))
		f.equal("category", f.category(c.ID), c)
		e := f.addEventType(c, text, text)
		f.equal("by code", must(f.s.EventTypeByCode(f.ctx, nil, text, text))(f.t), e)
		sub := f.newSubscription(like(text))
		sub.Version, sub.Description = text, text
		sub.Headers = map[string]string{"X-Text": text}
		f.create(sub)
		f.equal("subscription", f.subscription(sub.ID), sub)
		m := f.keyed(e, text, text)
		m.OrderingKey = text
		f.publish(m)
		f.equal("message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t), m.Message)
		f.equal("by key", f.publish(f.keyed(e, text, text))[0].MessageID, m.ID)
	}
}

func bytesTimes(f *fixture) {
	zone := time.FixedZone("UTC+5:45", 5*3600+45*60)
	want := f.newCategory("vitals")
	want.CreatedAt = time.Date(1999, 12, 31, 23, 59, 59, 999e6, time.UTC)
	want.UpdatedAt = time.Date(2038, 1, 19, 3, 14, 8, 1e6, time.UTC)
	want.ActiveChangedAt = time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	given := want
	given.CreatedAt, given.UpdatedAt = want.CreatedAt.In(zone), want.UpdatedAt.In(zone)
	f.check(f.s.CreateCategory(f.ctx, given))
	f.equal("category", f.category(want.ID), want)

	e := f.addEventType(want, "a", "v1")
	sub := f.subscribe(only(e))
	m := f.newMessage(e)
	local := m
	local.CreatedAt, local.ExpiresAt = m.CreatedAt.In(zone), m.ExpiresAt.In(zone)
	f.publish(local)
	f.equal("message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t), m.Message)
	job := f.claimOne()
	f.equal("job", job.ExpiresAt, m.ExpiresAt)
	outcome := f.success(job.Lease)
	posted := outcome.PostedAt
	outcome.PostedAt, outcome.At = outcome.PostedAt.In(zone), outcome.At.In(zone)
	f.record(outcome)
	f.equal("attempt", f.attempt(sub.ID, job.AttemptID).PostedAt, posted)
}
