-- name: 2nd :one
SELECT id FROM items;
