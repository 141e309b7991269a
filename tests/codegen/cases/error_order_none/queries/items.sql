-- name: a :many
-- @order name: name
SELECT id FROM items;
