-- name: by_tag :many
-- Items that carry a tag.
SELECT item.*
FROM items AS item
JOIN tags AS tagged ON tagged.item_id = item.id
WHERE tagged.tag = :tag;

-- name: how_many :one
SELECT count(*) FROM items;

-- name: rename :exec
UPDATE items SET name = :name WHERE id = :id;

-- name: raw :iter
-- @column data: str | None
SELECT id, data FROM items WHERE name LIKE 'a%';

-- name: tagged :many
SELECT item.name, tagged.tag
FROM items AS item
LEFT JOIN tags AS tagged ON tagged.item_id = item.id;
