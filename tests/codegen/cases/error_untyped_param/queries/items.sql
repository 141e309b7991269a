-- name: a :many
SELECT id FROM items WHERE typeof(:n) = name;
