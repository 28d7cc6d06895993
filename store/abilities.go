package store

// Abilities are the optional abilities of a store. A field is nil if the store lacks
// the ability.
type Abilities struct {
	Notifier   Notifier   // says that work may be due
	Maintainer Maintainer // does regular upkeep
	Transactor Transactor // begins transactions
	Hosts      Hosts      // notices that a host has died
	Measurer   Measurer   // measures the queue and the pool, for metrics
	Operations Operations // shows an operator the state of all organizations
}
