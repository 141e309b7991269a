-- name: by_row :one
SELECT id FROM steps WHERE "row" = :row AND "rows" = :rows AND type = :type AND conn = :conn;

-- name: by_rows :many
SELECT id, type FROM steps WHERE "rows" = :rows AND "row" = :row;

-- name: by_batch :iter
SELECT id, error FROM steps WHERE batch = :batch AND batches = :batches;

-- name: decoded_of :one
SELECT decoded FROM steps WHERE id = :id;
