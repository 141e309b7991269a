-- name: a :many
-- @column m: int
SELECT id FROM items;
