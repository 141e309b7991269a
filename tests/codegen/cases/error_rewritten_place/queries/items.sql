-- name: a :many
-- What stands behind a macro keeps its place.
SELECT id FROM items WHERE id IN (sqlc.slice('ids')) AND @name = nam;
