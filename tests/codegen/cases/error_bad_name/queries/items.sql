-- name: Class :one
SELECT id FROM items;
