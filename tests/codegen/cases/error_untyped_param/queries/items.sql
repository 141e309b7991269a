-- name: a :many
SELECT id FROM items WHERE id = 1 + :n;
