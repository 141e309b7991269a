-- name: a :many
-- @param m: int
SELECT id FROM items;
