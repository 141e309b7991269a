-- name: a :iter
DELETE FROM items RETURNING id;
