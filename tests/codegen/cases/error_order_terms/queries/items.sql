-- name: a :many
-- @order name: nam DESC
SELECT id FROM items ORDER BY id;
