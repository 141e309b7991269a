-- name: a :many
SELECT id FROM items UNION SELECT note FROM items;
