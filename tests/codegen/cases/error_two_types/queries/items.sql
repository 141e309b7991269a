-- name: a :many
SELECT id FROM items WHERE id = :x OR name = :x;
