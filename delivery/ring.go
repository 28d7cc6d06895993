package delivery

// ring is a queue on a slice that grows and is reused.
type ring[T any] struct {
	items []T
	head  int
	n     int
}

func (r *ring[T]) len() int { return r.n }

func (r *ring[T]) push(v T) {
	if r.n == len(r.items) {
		grown := make([]T, max(1, 2*r.n))
		copied := copy(grown, r.items[r.head:])
		copy(grown[copied:], r.items[:r.head])
		r.items, r.head = grown, 0
	}
	r.items[(r.head+r.n)%len(r.items)] = v
	r.n++
}

func (r *ring[T]) popLast() T {
	r.n--
	at := (r.head + r.n) % len(r.items)
	v := r.items[at]
	r.items[at] = *new(T)
	return v
}

func (r *ring[T]) pop() T {
	v := r.items[r.head]
	r.items[r.head] = *new(T)
	r.head = (r.head + 1) % len(r.items)
	r.n--
	return v
}
