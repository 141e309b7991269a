-- name: a :many
SELECT id FROM items
WHERE id = sqlc.arg('id', 'name');
