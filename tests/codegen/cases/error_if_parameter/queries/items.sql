-- name: a :many
SELECT id FROM items
WHERE name = :name
    OR price > length(:name) -- @if name
;
