-- name: a :many
SELECT id, (SELECT sqlc.embed(tags) FROM tags) FROM items;
