-- name: a :many
SELECT id FROM items WHERE id = sqlc.argh(id);
