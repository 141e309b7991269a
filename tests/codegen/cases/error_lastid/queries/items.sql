-- name: a :execlastid
DELETE FROM items WHERE id = ?;
