-- name: a :many
-- @group tags: label
SELECT items.id, tags.tag FROM items JOIN tags ON tags.item_id = items.id;
