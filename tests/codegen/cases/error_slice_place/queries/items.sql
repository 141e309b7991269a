-- name: a :many
SELECT id FROM items WHERE id = sqlc.slice(ids);
