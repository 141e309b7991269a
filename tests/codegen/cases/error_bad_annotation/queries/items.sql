-- name: a :many
-- @param n: number
SELECT id FROM items WHERE id = :n;
