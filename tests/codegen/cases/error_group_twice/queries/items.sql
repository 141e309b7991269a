-- name: a :many
-- @group tags: tag
-- @group names: name
SELECT items.id, items.name, tags.tag FROM items JOIN tags ON tags.item_id = items.id;
