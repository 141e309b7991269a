-- name: a :many
SELECT id, :n AS next FROM items;
