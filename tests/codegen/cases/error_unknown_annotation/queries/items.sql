-- name: a :many
-- @type n: int
SELECT id FROM items;
