-- name: a :many
SELECT id FROM items
-- @if name
WHERE name = :name;
