-- name: a :some
SELECT id FROM items;
