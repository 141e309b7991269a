-- name: GetItems :batchmany
SELECT id FROM items WHERE id = ?;
