-- name: all_rows :many
SELECT 1 AS one -- @if wanted
