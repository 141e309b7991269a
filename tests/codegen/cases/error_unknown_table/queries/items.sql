-- name: a :many
SELECT id FROM item;
