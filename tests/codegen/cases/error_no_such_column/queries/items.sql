-- name: a :many
-- Text.
SELECT id,
    nam
FROM items;
