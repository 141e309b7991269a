-- name: a :batch
DELETE FROM items;
