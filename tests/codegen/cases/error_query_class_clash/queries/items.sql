-- name: names_a :many
SELECT id, name FROM items;

-- name: names__a :many
SELECT id, note FROM items;
