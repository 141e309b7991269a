-- name: a :many
SELECT sqlc.embed(items) FROM items AS item;
