-- name: busiest :one
-- @column uses: int
SELECT tag, sum(1) AS uses FROM tags GROUP BY tag ORDER BY uses DESC LIMIT :limit;
