package delivery

// Pacers returns for how many subscriptions a stopped engine remembers how it
// paced them.
func (e *Engine) Pacers() int { return len(e.pacers) }
