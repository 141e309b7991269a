-- name: a :many
SELECT one.name
FROM items AS one
JOIN items AS other ON other.id > one.id
WHERE id = 1;
