-- name: a :exec
SELECT id FROM items;
