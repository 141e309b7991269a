-- name: a :many
-- @order name: name
SELECT id FROM items
ORDER BY id -- @if sorted
LIMIT 5;
