-- name: a :many
-- @column id: list[int]
SELECT id FROM items;
