-- name: a :iter
-- @group tags: tag
SELECT items.id, tags.tag FROM items JOIN tags ON tags.item_id = items.id;
