-- name: a :many
SELECT id FROM items
-- name: b :many
SELECT id FROM items;
