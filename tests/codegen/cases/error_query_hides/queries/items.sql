-- name: list :many
SELECT id, name FROM items;
