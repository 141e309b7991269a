-- name: a :many
-- @param ids: int
SELECT id FROM items WHERE id IN (sqlc.slice(ids));
