-- name: name_a :many
SELECT id, name FROM items;
