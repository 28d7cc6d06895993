package guard

// NewTurnstile returns the function that lets the members of each group pass one at a time.
func NewTurnstile() (pass func(group string) (done func())) {
	return (&turnstile{groups: map[string]*group{}}).pass
}
