package portal

import (
	"sync"

	"github.com/google/uuid"
)

// maxSentForms bounds the forms that are remembered.
const maxSentForms = 2000

// sentForms remembers the forms that were carried out, so that one that is sent twice is carried out once. A form has a hidden
// field "once" with a random value. Each process remembers the forms that it got, the latest ones; it forgets them when it ends.
type sentForms struct {
	mu    sync.Mutex
	forms map[string]*sentForm
	order []string // of forms, the oldest first
}

type sentForm struct {
	mu   sync.Mutex // held while it is carried out
	done bool
	to   string // the address of the page that shows the result
}

func newSentForms() *sentForms { return &sentForms{forms: map[string]*sentForm{}} }

// do calls carryOut, which returns the address of the page that shows the result. If it was called with the key before and had no
// error, do returns that address instead. A key is the caller, the purpose and the value of the field; without a value, carryOut is
// always called.
func (s *sentForms) do(v *visit, purpose, once string, carryOut func() (string, error)) (string, error) {
	if uuid.Validate(once) != nil {
		return carryOut()
	}
	form := s.form(v.caller.Subject + "\n" + purpose + "\n" + once)
	form.mu.Lock()
	defer form.mu.Unlock()
	if form.done {
		return form.to, nil
	}
	to, err := carryOut()
	form.to, form.done = to, err == nil
	return to, err
}

func (s *sentForms) form(key string) *sentForm {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.forms[key]; ok {
		return known
	}
	if len(s.order) == maxSentForms {
		delete(s.forms, s.order[0])
		s.order = s.order[1:]
	}
	s.forms[key], s.order = &sentForm{}, append(s.order, key)
	return s.forms[key]
}
