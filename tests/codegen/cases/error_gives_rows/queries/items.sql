-- name: a :exec
DELETE FROM items RETURNING id;
