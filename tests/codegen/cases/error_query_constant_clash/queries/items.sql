-- name: b :many
SELECT id, c_a FROM items;

-- name: b_c :many
SELECT id, a FROM items;
