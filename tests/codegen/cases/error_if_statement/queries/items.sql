-- name: a :many
SELECT id FROM items
WHERE name = :name -- @if name
    AND id > :id
ORDER BY id;
