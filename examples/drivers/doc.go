// Package drivers has a small service for each of six libraries: bun, database/sql, pgx, sqlc,
// GORM and ent. Each stores an order and publishes an event in one transaction. Its tests run each
// rule of transactions with each library. docs/transactions.md quotes the services.
//
// It is a module of its own, so that the main module does not depend on these libraries.
package drivers
