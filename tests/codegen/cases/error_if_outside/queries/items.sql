-- name: a :many
-- @if name
SELECT id FROM items;
