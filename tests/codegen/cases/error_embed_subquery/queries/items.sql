-- name: a :many
SELECT sqlc.embed(cheap) FROM (SELECT id FROM items) AS cheap;
