-- name: a :execlastid
INSERT INTO tags (item_id, tag) VALUES (?, ?);
