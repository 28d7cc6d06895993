// Package ent is generated from the schema. The feature sql/execquery gives its transactions the
// methods ExecContext and QueryContext, which the store needs.
package ent

//go:generate go run entgo.io/ent/cmd/ent@v0.14.5 generate --feature sql/execquery ./schema
