-- name: a :many
SELECT sqlc.embed(items) FROM items UNION SELECT id, name, price FROM items;
