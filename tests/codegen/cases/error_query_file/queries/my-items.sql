-- name: by :many
SELECT id, name FROM items;
