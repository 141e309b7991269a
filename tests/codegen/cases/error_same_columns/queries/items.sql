-- name: a :many
SELECT id, name AS id FROM items;
