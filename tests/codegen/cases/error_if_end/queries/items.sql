-- name: a :many
SELECT id FROM items
WHERE name = :name
-- @end
;
