-- name: a :many
SELECT id FROM items
WHERE name = = 1;
