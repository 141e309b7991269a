-- name: by :many
SELECT id, name FROM items
WHERE name = :userName OR note = :user_name;
