// Package schema has the entities of the service.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
)

// Order is an order of a customer.
type Order struct{ ent.Schema }

// Fields returns the columns besides the id.
func (Order) Fields() []ent.Field {
	return []ent.Field{field.Int64("amount")}
}
