-- name: a :many
SELECT id, name FROM items;
