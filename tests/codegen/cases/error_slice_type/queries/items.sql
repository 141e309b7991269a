-- name: a :many
SELECT id FROM items WHERE price IN (sqlc.slice(prices));
