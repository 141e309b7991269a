-- name: a :many
SELECT
    id,
    name, -- @if named
    price
FROM items;
