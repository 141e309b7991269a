-- name: a :many
-- @group all: items
SELECT sqlc.embed(items) FROM items;
