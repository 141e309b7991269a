-- name: a :many
SELECT id, id + 1 AS next FROM items;
