-- name: a :many
DELETE FROM items;
