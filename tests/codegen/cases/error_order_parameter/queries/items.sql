-- name: a :many
-- @order name: name
SELECT id FROM items WHERE id > :order ORDER BY id;
