-- name: a :batch
SELECT id FROM items WHERE id = :id;
