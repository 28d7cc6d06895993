-- name: CreateOrder :one
INSERT INTO orders (amount) VALUES ($1) RETURNING id;
