-- name: a :many
SELECT id FROM items;
-- name: a :many
SELECT id FROM items;
